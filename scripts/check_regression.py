#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two reports of one machine and says which rows became slower by more than a margin.

For each row: the median time of a unit in BASE and in NEW, the change with its 90 % interval, p (of
so large a change if the true one were within the margin, adjusted by Holm's method for all rows
that are compared), the smallest slowdown that this data would have shown four times in five, the
rounds in BASE and NEW, and a verdict:

  regressed     slower by more than the margin: adjusted p below 5 %
  improved      faster by more than the margin, by the same test
  ok            a slowdown of more than the margin is ruled out: the interval ends below it
  inconclusive  this data can neither show nor rule out such a slowdown: measure more rounds
  missing       measured in BASE but not in NEW, or there with other parameters
  failed        failed in NEW

--markdown and --junit write files, both or none; with - (or /dev/stdout) one of them is printed
instead of the table. Rows without figures in BASE are not judged. A rise that all rows share may be
the machine and not the code, since two runs are measured one after the other; it is pointed out,
not subtracted. So is a report whose run was stopped before its end: rows that NEW lacks are missing
as always. Reports whose schemas differ in the minor version compare: it only adds.

Exit codes: 0 none of the below; 1 a row regressed; 2 wrong usage, a report that cannot be read or
has means only, a file that cannot be written, or a standard output that cannot (then a verdict's 1,
3 or 4 stays); 3 a row is missing or failed, there is nothing to compare, or no row could be tested,
as with one round; 4 a row is inconclusive and --on-inconclusive is fail; 5 the reports are of
different machines, or of the smoke suite and another; 130 interrupted. Of several, the first in the
order 1, 3, 4.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # First of all, and found also where Python is told to leave a script's folder out (-P, -I).
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    import tool_start  # noqa: F401

import standard_streams

if __name__ == "__main__":
    standard_streams.prepare()

import argparse
import math
import re
import warnings
from argparse import ArgumentTypeError
from dataclasses import dataclass, field
from pathlib import Path

import refusal
from command_line import (
    STANDARD,
    UNUSABLE,
    Parser,
    complain,
    missing_module,
    run_tool,
    source,
    target,
    write_out,
)
from destination import is_standard_output, one_stream, same_file, would_replace
from time_limit import TooSlow, limited
from whole_files import write_whole

PROG = "check_regression.py"

try:
    import regression_output
    from change import Change, change, holm
    from report import Report, ReportError, Row, load
except ImportError as problem:
    missing_module(PROG, problem)

LEVEL = 0.05
MISMATCH = 5
FILTER_S = 1.0  # for what takes a thousandth with the rows of every suite

REGRESSED, INCONCLUSIVE, IMPROVED, OK = "regressed", "inconclusive", "improved", "ok"
MISSING, FAILED = "missing", "failed"
VERDICTS = (REGRESSED, FAILED, MISSING, INCONCLUSIVE, IMPROVED, OK)  # worst first


@dataclass
class Finding:
    """One row of BASE, and what became of it."""

    name: str
    base_ns: float  # median over rounds
    base_rounds: int
    new_ns: float | None = None
    new_rounds: int = 0
    change: Change | None = None  # None where one round shows no spread
    adjusted_p: float | None = None  # of regressed if it is slower, of improved if it is faster
    detectable: float | None = None
    verdict: str = INCONCLUSIVE
    detail: str = ""


@dataclass
class Comparison:
    """Two reports, row by row."""

    base: Report
    new: Report
    margin: float
    findings: list[Finding] = field(default_factory=list)  # worst first
    without_base: list[str] = field(default_factory=list)  # rows of NEW that BASE has no figures of

    @property
    def family(self) -> int:
        """Rows that were tested."""
        return sum(finding.change is not None for finding in self.findings)

    def count(self, verdict: str) -> int:
        return sum(finding.verdict == verdict for finding in self.findings)

    @property
    def untested(self) -> bool:
        """Whether there was no evidence at all: no row has two rounds in both reports."""
        return self.family == 0

    def exit_code(self, inconclusive_fails: bool) -> int:
        if self.count(REGRESSED):
            return 1
        if self.count(MISSING) or self.count(FAILED) or self.untested:
            return 3
        return 4 if inconclusive_fails and self.count(INCONCLUSIVE) else 0


def main(argv: list[str]) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    _refuse_collisions(parser, arguments)
    try:
        base, new = load(arguments.base), load(arguments.new)
    except ReportError as problem:
        complain(PROG, str(problem))
        return UNUSABLE
    mismatches = mismatch(base, new)
    differences = "; ".join(each.what for each in mismatches)
    if differences and not arguments.allow_machine_mismatch:
        how = " and ".join(each.remedy for each in mismatches)
        remedy = f"measure both {how}, or pass --allow-machine-mismatch"
        which = f"{arguments.base} and {arguments.new}"
        complain(PROG, f"{which} cannot be compared: {differences}; {remedy}")
        return MISMATCH
    for report in (base, new):
        if report.remark:
            complain(PROG, report.remark)
    try:
        result = compare(base, new, arguments.margin, arguments.filter)
    except TooSlow:
        parser.error(
            f"--filter: '{arguments.filter.pattern}' takes more than {FILTER_S:g} s to match the"
            " names of rows: repeat nothing that repeats itself, as (a+)+ does"
        )
    return _say(arguments, result, differences)


def _refuse_collisions(parser: Parser, arguments: argparse.Namespace) -> None:
    """Two names for one file: the second writing would replace what was read or written first."""
    if one_stream(arguments.base, arguments.new):
        parser.error(
            f"BASE ({arguments.base}) and NEW ({arguments.new}) are one stream, of which there is"
            " one report to read: name a file for one of them"
        )
    targets = [
        (flag, path)
        for flag, path in (("--markdown", arguments.markdown), ("--junit", arguments.junit))
        if path is not None
    ]
    if len(targets) == 2 and same_file(targets[0][1], targets[1][1]):
        parser.error("--markdown and --junit are one file: name two")
    for flag, path in targets:
        for name, read in (("BASE", arguments.base), ("NEW", arguments.new)):
            if would_replace(path, read):
                parser.error(f"{flag} would replace the report {name} ({read}): name another file")


def _say(arguments: argparse.Namespace, result: Comparison, differences: str) -> int:
    """Writes the files, prints, and returns the exit code."""
    contents: dict[Path, bytes] = {}
    if arguments.markdown is not None:
        comment = regression_output.markdown(result, differences)
        contents[arguments.markdown] = comment.encode("utf-8", "replace")
    if arguments.junit is not None:
        contents[arguments.junit] = regression_output.junit(result)
    printed = regression_output.plain(result, differences)
    for path in [path for path in contents if is_standard_output(path)]:
        printed = contents.pop(path).decode("utf-8")
    try:
        write_whole(contents)
    except OSError as problem:
        where = os.fsdecode(problem.filename or "")
        what = f"{where}: cannot be written: {refusal.cause(problem)}"
        complain(PROG, f"{what}; {refusal.remedy(problem)}")
        return UNUSABLE
    if result.untested:
        complain(PROG, regression_output.why_untested(result))
    return write_out(PROG, printed, result.exit_code(arguments.on_inconclusive == "fail"))


def _parser() -> Parser:
    parser = Parser(PROG, __doc__)
    parser.add_argument("base", metavar="BASE", type=source, help="the report to compare with")
    parser.add_argument("new", metavar="NEW", type=source, help="the report to judge")
    parser.add_argument(
        "--margin",
        type=_margin,
        default=0.05,
        metavar="SHARE",
        help="tolerated slowdown: 5%% (the default) or 0.05",
    )
    parser.add_argument(
        "--filter",
        type=_regex,
        default=re.compile(""),
        metavar="REGEX",
        help="compare only rows whose name has a match of this regular expression of Python (not of"
        " RE2, as the program's is); fewer rows show smaller changes",
    )
    parser.add_argument(
        "--markdown", type=target, metavar="FILE", help="write a comment for a pull request"
    )
    parser.add_argument(
        "--junit", type=target, metavar="FILE", help="write JUnit XML, a test case for each row"
    )
    parser.add_argument(
        "--on-inconclusive",
        choices=("ok", "fail"),
        default="ok",
        help="whether inconclusive rows give exit code 0 (ok, the default) or 4 (fail)",
    )
    parser.add_argument(
        "--allow-machine-mismatch",
        action="store_true",
        help="compare reports of different machines or suites all the same",
    )
    return parser


def _margin(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", text, re.ASCII)
    share = float(match[1]) / (100 if match[2] else 1) if match else math.nan
    if not 0 <= share < 1:
        raise ArgumentTypeError(f"'{text}' is no share below one: write 5% or 0.05")
    return share


def _regex(text: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of forms that a later Python may read differently
            with limited(FILTER_S):
                return re.compile(text)
    except re.error as problem:
        raise ArgumentTypeError(f"'{text}' is no regular expression: {problem}") from None
    except (RecursionError, OverflowError, MemoryError, TooSlow):
        raise ArgumentTypeError("this is too large a regular expression: shorten it") from None


@dataclass(frozen=True)
class Mismatch:
    """A reason why the figures of two reports do not mean the same."""

    what: str
    remedy: str  # how to measure both


def mismatch(base: Report, new: Report) -> list[Mismatch]:
    """All of them. That the schemas have one major version, load() has seen to."""
    reasons = []
    if base.machine["fingerprint"] != new.machine["fingerprint"]:
        keys = [
            key
            for key in base.machine
            if key != "fingerprint" and base.machine[key] != new.machine.get(key)
        ]
        differing = ", ".join(
            f"{key} {str(base.machine[key])[:200]} and {str(new.machine.get(key, 'none'))[:200]}"
            for key in keys
        )
        what = f"different machines ({differing or 'by their fingerprints'})"
        reasons.append(Mismatch(what, "on one machine"))
    suites = base.meta["suite"], new.meta["suite"]
    if suites[0] != suites[1] and "smoke" in suites:
        what = f"suite {suites[0]} and {suites[1]}, and smoke has smaller input"
        reasons.append(Mismatch(what, "with one suite"))
    return reasons


def compare(
    base: Report, new: Report, margin: float, chosen: re.Pattern[str] = re.compile("")
) -> Comparison:
    """A finding for every row that BASE has sound figures of; TooSlow if `chosen` is."""
    result = Comparison(base, new, margin)
    names = {*base.rows, *new.rows, *(entry["name"] for entry in new.failures)}
    with limited(FILTER_S):
        asked_for = {name for name in names if chosen.search(name)}
    void = {entry["name"] for entry in base.failures}
    for row in base.rows.values():
        if row.name in asked_for and row.name not in void:
            result.findings.append(_find(row, new))
    known = {finding.name for finding in result.findings}
    for entry in new.failures:
        # Without figures to compare with, but whoever reads a verdict is to know that it does not
        # run.
        if entry["name"] in asked_for and entry["name"] not in known:
            known.add(entry["name"])
            result.findings.append(_failed(Finding(entry["name"], math.nan, 0), entry))
    result.without_base = [name for name in new.rows if name in asked_for and name not in known]
    _judge(result)
    order = {verdict: position for position, verdict in enumerate(VERDICTS)}
    result.findings.sort(
        key=lambda each: (
            order[each.verdict],
            -(each.change.log_ratio if each.change else math.inf),
        )
    )
    return result


def _find(row: Row, new: Report) -> Finding:
    times = list(row.values("real_time").values())
    finding = Finding(row.name, row.median("real_time") or math.nan, len(times))
    failure = next((entry for entry in new.failures if entry["name"] == row.name), None)
    if failure is not None:
        return _failed(finding, failure)
    other = new.rows.get(row.name)
    if other is None:
        finding.verdict, finding.detail = MISSING, _why_missing(row.name, new)
        return finding
    if other.parameters != row.parameters:
        finding.verdict = MISSING
        finding.detail = f"does other work now: {_parameters(row)} became {_parameters(other)}"
        return finding
    other_times = list(other.values("real_time").values())
    finding.new_ns, finding.new_rounds = other.median("real_time"), len(other_times)
    finding.change = change(times, other_times)
    if finding.change is None:
        finding.detail = "one round shows no spread: measure with --rounds 5 or more"
    return finding


def _failed(finding: Finding, entry: dict[str, str]) -> Finding:
    finding.verdict = FAILED
    finding.detail = (
        f"{entry['reason'].replace('_', ' ')} in round {entry['round']}: {entry['detail']}"
    )
    return finding


def _why_missing(name: str, new: Report) -> str:
    for entry in new.absent:
        if entry["name"] == name:
            return f"absent: {entry['cause']}; {entry['remedy']}"
    if any(entry["name"] == name for entry in new.declared):
        return "; ".join(new.why_without_figures())
    return "not among the rows of the run"


def _parameters(row: Row) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in sorted(row.parameters.items())) or "none"


def _judge(result: Comparison) -> None:
    tested = [
        (finding, finding.change) for finding in result.findings if finding.change is not None
    ]
    slower = holm([each.p_slower(result.margin) for _, each in tested])
    quicker = holm([each.p_faster(result.margin) for _, each in tested])
    for (finding, each), p_slower, p_faster in zip(tested, slower, quicker, strict=True):
        finding.adjusted_p = p_slower if each.log_ratio > 0 else p_faster
        finding.detectable = each.detectable(result.margin, LEVEL / len(tested))
        if p_slower < LEVEL:
            finding.verdict = REGRESSED
        elif p_faster < LEVEL:
            finding.verdict = IMPROVED
        elif each.p_within(result.margin) < LEVEL:
            finding.verdict = OK


if __name__ == "__main__":
    run_tool(PROG, main)
