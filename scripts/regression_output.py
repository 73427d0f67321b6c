# SPDX-License-Identifier: Apache-2.0
"""Writes what check_regression.py found: a table, a comment for a pull request, JUnit XML."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import escape
from charts.tables import duration

if TYPE_CHECKING:
    from check_regression import Comparison, Finding

SUFFIX = "/process_time/real_time"  # of every row: what Google Benchmark appends
HEADINGS = ("row", "base", "new", "change [90 % interval]", "adj. p", "detectable", "n", "verdict")
COMMENT_LIMIT = 60_000  # GitHub refuses a comment of 65,536 characters
# For a workflow that updates its comment instead of adding one.
MARKER = "<!-- waitwork check_regression -->"
BAD = ("regressed", "failed", "missing")


def plain(result: Comparison, differences: str) -> str:
    """Every row, worst first, and a summary at the end, where a terminal leaves the eye."""
    table = [HEADINGS, *(_cells(finding) for finding in result.findings)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEADINGS))]
    lines = []
    for row in table:
        cells = [
            text.ljust(width) if column in (0, len(HEADINGS) - 1) else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    details = _details(result)
    blocks = [
        lines if result.findings else [],
        details,
        [*map(escape.plain, notes(result, differences)), summary(result)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def markdown(result: Comparison, differences: str) -> str:
    """What needs attention first; everything else folded away."""
    worst = [each for each in result.findings if each.verdict in (*BAD, "improved")]
    lines = [MARKER, f"### {_headline(result)}", "", escape.markdown(summary(result)), ""]
    lines += [f"- {escape.markdown(note)}" for note in notes(result, differences)]
    if worst:
        lines += ["", *_markdown_table(worst, COMMENT_LIMIT // 2)]
    used = sum(len(line) + 1 for line in lines)
    lines += ["", "<details>", f"<summary>All {len(result.findings)} rows</summary>", ""]
    lines += _markdown_table(result.findings, COMMENT_LIMIT - used)
    lines += ["", "</details>", ""]
    return "\n".join(lines)


def junit(result: Comparison) -> bytes:
    """A test case for each row: regressed fails, missing and failed err, inconclusive skips."""
    untested = int(result.untested)
    counts = {
        "tests": len(result.findings) + untested,
        "failures": result.count("regressed"),
        "errors": result.count("missing") + result.count("failed") + untested,
        "skipped": result.count("inconclusive"),
    }
    attributes = {
        "name": "waitwork check_regression",
        **{key: str(value) for key, value in counts.items()},
    }
    root = ElementTree.Element("testsuites", attributes)
    suite = ElementTree.SubElement(root, "testsuite", attributes)
    properties = ElementTree.SubElement(suite, "properties")
    told = [("margin", f"{result.margin:g}"), ("family", str(result.family))]
    told += [("partial", escape.plain(said)) for said in partial(result)]
    for key, value in told:
        ElementTree.SubElement(properties, "property", {"name": key, "value": value})
    if untested:  # skipped cases alone would be shown as a success
        named = {"classname": "waitwork.check_regression", "name": "a row was tested", "time": "0"}
        case = ElementTree.SubElement(suite, "testcase", named)
        why = {"message": why_untested(result), "type": "untested"}
        ElementTree.SubElement(case, "error", why)
    for finding in result.findings:
        name = escape.plain(finding.name)
        parts = name.split("/")
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": ".".join(parts[:2]), "name": name, "time": "0"}
        )
        tag = {
            "regressed": "failure",
            "missing": "error",
            "failed": "error",
            "inconclusive": "skipped",
        }
        if finding.verdict in tag:
            outcome = ElementTree.SubElement(
                case, tag[finding.verdict], {"message": _message(finding)}
            )
            if finding.verdict != "inconclusive":
                outcome.set("type", finding.verdict)
        ElementTree.SubElement(case, "system-out").text = ", ".join(
            f"{heading} {text}"
            for heading, text in zip(HEADINGS[1:], _cells(finding)[1:], strict=True)
        )
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def why_untested(result: Comparison) -> str:
    """Of a comparison without any evidence, what lacks and what to do about it."""
    if not result.findings:
        return "nothing to compare: BASE has no figures of any row that was asked for"
    if all(finding.new_ns is None for finding in result.findings):
        return "no row could be tested: NEW has no figures of any row of BASE that was asked for"
    return (
        "no row could be tested: a test needs at least two rounds of a row in each report;"
        " measure with --rounds 5 or more"
    )


def summary(result: Comparison) -> str:
    """The whole result in a line."""
    if not result.findings:
        return why_untested(result)
    counts = ", ".join(
        f"{result.count(verdict)} {verdict}"
        for verdict in ("regressed", "failed", "missing", "inconclusive", "improved", "ok")
        if result.count(verdict)
    )
    rows = len(result.findings)
    said = (
        f"{rows} row{'' if rows == 1 else 's'}: {counts} (margin {_percent(result.margin, False)})"
    )
    return f"{said}; {why_untested(result)}" if result.untested else said


def notes(result: Comparison, differences: str) -> list[str]:
    """What a reader must know to read the table rightly."""
    lines = [
        f"base: {_run(result.base)}",
        f"new:  {_run(result.new)}",
    ]
    lines += partial(result)
    if differences:
        lines.append(f"compared all the same: {differences}")
    changes = [finding.change.log_ratio for finding in result.findings if finding.change]
    detectable = [
        finding.detectable for finding in result.findings if finding.detectable is not None
    ]
    if detectable:
        typical = statistics.median(detectable)
        lines.append(
            f"tested {result.family} row{'' if result.family == 1 else 's'} as one family"
            f" (Holm, 5 %); in half of them a slowdown below {_percent(typical)} would have gone"
            " unseen"
            " (column detectable); more rounds, or a --filter, lower that"
        )
    common = math.expm1(statistics.median(changes)) if len(changes) >= 10 else 0.0
    if abs(common) > max(result.margin / 2, 0.01):
        lines.append(
            f"the median row changed by {_percent(common)}: unless the code explains that,"
            " the machine was not the same in both runs, and single verdicts mean little;"
            " measure both again, in turns"
        )
    if result.without_base:
        names = _some([_short(name) for name in result.without_base])
        lines.append(f"not judged, because BASE has no figures: {names}")
    return lines


def partial(result: Comparison) -> list[str]:
    """Which of the reports are of a run that was stopped before its end, and what they have."""
    said = []
    for name, report in (("BASE", result.base), ("NEW", result.new)):
        if report.meta["complete"]:
            continue
        rounds = int(report.meta.get("rounds", report.rounds))
        whole = sum(len(row.samples) >= rounds for row in report.rows.values())
        said.append(
            f"{name} is a partial report: its run was stopped before its end; of"
            f" {len(report.declared)} rows, {len(report.rows)} were measured and {whole} have all"
            f" {rounds} round{'' if rounds == 1 else 's'}"
        )
    return said


def _details(result: Comparison) -> list[str]:
    """What a verdict cannot say by itself, once for all rows that share it."""
    rows: dict[str, list[str]] = {}
    for finding in result.findings:
        if finding.detail:
            rows.setdefault(f"{finding.verdict}: {escape.plain(finding.detail)}", []).append(
                _short(finding.name)
            )
    return [f"{_some(names)} {detail}" for detail, names in rows.items()]


def _some(names: list[str], most: int = 2) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _run(report) -> str:  # type: ignore[no-untyped-def]
    build = report.build
    git = f" ({build['git']})" if build.get("git") else ""
    rounds = report.rounds
    return (
        f"{report.path}, {report.context['date']}, waitwork {build['version']}{git},"
        f" {build['compiler']}, {rounds} round{'' if rounds == 1 else 's'}"
    )


def _headline(result: Comparison) -> str:
    if result.count("regressed"):
        return f"{result.count('regressed')} of {len(result.findings)} rows regressed"
    lost = result.count("missing") + result.count("failed")
    if lost or not result.findings:
        return f"{lost} of {len(result.findings)} rows missing or failed"
    if result.untested:
        return f"None of {len(result.findings)} rows could be tested"
    unknown = result.count("inconclusive")
    if unknown:
        return f"No regression shown; {unknown} of {len(result.findings)} rows inconclusive"
    return f"All {len(result.findings)} rows within {_percent(result.margin, False)}"


def _markdown_table(findings: list[Finding], limit: int) -> list[str]:
    lines = [
        "| " + " | ".join(HEADINGS) + " |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    used = sum(map(len, lines))
    for position, finding in enumerate(findings):
        cells = [escape.markdown(text) for text in _cells(finding)]
        if finding.verdict in BAD:
            cells[-1] = f"**{cells[-1]}**"
        if finding.detail:
            cells[-1] += f": {escape.markdown(finding.detail)}"
        line = "| " + " | ".join(cells) + " |"
        used += len(line) + 1
        if used > limit - 200:
            left = len(findings) - position
            return [
                *lines,
                "",
                f"… and {left} more row{'' if left == 1 else 's'}, left out for length.",
            ]
        lines.append(line)
    return lines


def _cells(finding: Finding) -> tuple[str, ...]:
    change = "–"
    if finding.change is not None:
        low, high = finding.change.interval()
        change = f"{_percent(finding.change.share)} [{_percent(low)}, {_percent(high)}]"
    elif finding.new_ns is not None:
        change = f"{_percent(finding.new_ns / finding.base_ns - 1)} [no interval]"
    rounds = f"{finding.base_rounds}/{finding.new_rounds}"
    return (
        _short(finding.name),
        "–" if math.isnan(finding.base_ns) else duration(finding.base_ns),
        "–" if finding.new_ns is None else duration(finding.new_ns),
        change,
        "–" if finding.adjusted_p is None else _p(finding.adjusted_p),
        "–" if finding.detectable is None else _percent(finding.detectable),
        str(finding.base_rounds) if finding.base_rounds == finding.new_rounds else rounds,
        finding.verdict,
    )


def _message(finding: Finding) -> str:
    cells = _cells(finding)
    if finding.verdict == "regressed":
        return f"{cells[1]} became {cells[2]}: {cells[3]}, adjusted p {cells[4]}"
    if finding.verdict == "inconclusive" and finding.change is not None:
        return f"change {cells[3]}: a slowdown below {cells[5]} would have gone unseen"
    return escape.plain(finding.detail)


def _short(name: str) -> str:
    return escape.plain(name).removesuffix(SUFFIX)


def _percent(share: float, signed: bool = True) -> str:
    value = 100 * share
    if value > 1000:
        return ">1000 %"
    text = f"{value:+.0f}" if abs(value) >= 100 else f"{value:+.1f}"
    if not signed:
        text = f"{value:g}"
    return text.replace("-", "−") + " %"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"
