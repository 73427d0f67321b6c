# SPDX-License-Identifier: Apache-2.0
"""Writes what peers.py found: a table, Markdown, or JSON."""

from __future__ import annotations

import statistics
import textwrap
from typing import TYPE_CHECKING, Any

import escape
from advice_output import (
    PRESSURE_TOLERATED,
    WIDTH,
    aligned,
    head,
    markdown_head,
    markdown_table,
    troubles,
)
from charts.tables import duration, ratio, significant
from decision import size_words

if TYPE_CHECKING:
    from peers import Finding, Group, Metric, Target
    from ratio import Ratio
    from report import Report

HEADINGS = (
    "work", "at", "figure", "peer", "ours", "theirs", "ours / theirs (95 %)", "n", "target", "",
)  # fmt: skip
RIGHT = (False, False, False, False, True, True, False, True, False, False)
NONE = "–"
JSON_SCHEMA = "1.1.0"


Libraries = dict[str, list[str]]  # by peer, with versions


def plain(
    report: Report, findings: list[Finding], missing: list[Target], libraries: Libraries
) -> str:
    """Head, table, what is missing."""
    table = aligned([HEADINGS, *(_cells(finding) for finding in findings)], RIGHT)
    notes = [
        line
        for note in _notes(report, findings, missing, libraries)
        for line in textwrap.wrap(note, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    ]
    blocks = [_head(report), table if findings else [], notes]
    escaped = [[escape.plain(line) for line in block] for block in blocks if block]
    return "\n\n".join("\n".join(block) for block in escaped) + "\n"


def markdown(
    report: Report, findings: list[Finding], missing: list[Target], libraries: Libraries
) -> str:
    """The same, as GitHub shows it."""
    lines = markdown_head("Beside its peers", _head(report))
    lines += markdown_table(HEADINGS, RIGHT, [_cells(finding) for finding in findings])
    notes = _notes(report, findings, missing, libraries)
    lines += [f"- {escape.markdown(note)}" for note in notes]
    return "\n".join(lines) + "\n"


def as_json(
    report: Report, findings: list[Finding], missing: list[Target], libraries: Libraries
) -> str:
    """For programs: what is not known is left out, never null."""
    document = {
        "schema": JSON_SCHEMA,
        "report": str(report.path),
        "date": report.context["date"],
        "machine": report.machine,
        "version": report.build["version"],
        "complete": report.meta["complete"],
        "rounds": report.rounds,
        "confidence": 0.95,
        "libraries": libraries,
        "comparisons": [_object(finding) for finding in findings],
        "targets_not_measured": [_target_object(target) for target in missing],
        "not_measured": [
            {"kind": each.kind, "reason": each.reason, "remedy": each.remedy, "rows": each.names}
            for each in troubles(report)
        ],
    }
    return escape.json_text(document)


def _head(report: Report) -> list[str]:
    """As the advice begins; most rows here have one busy thread, so any pressure is of others."""
    waited = [
        sample["waitwork"]["pressure_cpu_some_percent"]
        for row in report.rows.values()
        for sample in row.samples
        if "pressure_cpu_some_percent" in sample["waitwork"]
    ]
    lines = head(report)
    if waited and statistics.median(waited) > PRESSURE_TOLERATED:
        lines.append(
            "Others used the CPUs meanwhile: in the median measurement some task waited for one"
            f" {statistics.median(waited):.0f} % of the time."
        )
    return lines


def _notes(
    report: Report, findings: list[Finding], missing: list[Target], libraries: Libraries
) -> list[str]:
    judged = [finding.verdict for finding in findings if finding.verdict]
    counts = [f"{judged.count(each)} {each}" for each in ("reached", "missed", "undecided")]
    notes = [f"Targets: {', '.join(counts)}, {len(missing)} not measured."]
    if not findings:
        notes.insert(0, "Nothing was compared: no row with figures has a peer or a target.")
    if libraries:
        compared = [f"{peer} is {' and '.join(names)}" for peer, names in libraries.items()]
        notes.append(f"Compared with: {'; '.join(compared)}.")
    declared = {entry["workload"] for entry in report.declared}
    of_these = [
        f"{each.work} {_target_at(each)}: {_wanted(each.metric, each.limit, each.peer)}"
        for each in missing
        if each.work in declared
    ]
    if of_these:
        notes.append(f"Not measured: {'; '.join(of_these)}.")
    others = dict.fromkeys(each.work for each in missing if each.work not in declared)
    if others:
        notes.append(f"Works with targets that are not in this report: {', '.join(others)}.")
    for trouble in troubles(report):
        rows = ", ".join(trouble.names)
        notes.append(f"{trouble.kind}: {trouble.reason}; {trouble.remedy}: {rows}")
    return notes


def _cells(finding: Finding) -> tuple[str, ...]:
    metric = finding.metric
    kind = finding.variant.partition("_")[2]
    figure = f"{metric.name}, {kind}" if kind else metric.name
    return (
        finding.group.work.partition("/")[2],
        _at(finding.group),
        figure,
        finding.peer or NONE,
        _amount(finding.ours, metric),
        NONE if finding.theirs is None else _amount(finding.theirs, metric),
        NONE if finding.peer is None else _interval(finding.ratio),
        str(finding.ratio.n),
        NONE if finding.limit is None else _wanted(metric, finding.limit, finding.peer),
        finding.verdict,
    )


def _at(group: Group) -> str:
    if group.is_kernel:
        return size_words("parallel", group.workers, group.workers)
    return f"{group.depth:,} in flight"


def _target_at(target: Target) -> str:
    if target.all_workers:
        return "all workers"
    return "1 worker" if target.is_kernel else f"depth {target.depth}"


def _amount(value: float, metric: Metric) -> str:
    if metric.unit == "ns":
        return duration(value)
    if metric.unit in ("bytes", "/s"):
        return f"{value:,.0f}{'/s' if metric.unit == '/s' else ' B'}"
    if metric.unit == "times":
        return ratio(value)
    if metric.unit:
        return f"{significant(value, 4)} {metric.unit}"
    return f"{value:.3g}"


def _wanted(metric: Metric, limit: float, peer: str | None) -> str:
    sign = "≥" if metric.higher_is_better else "≤"
    if peer is None:
        return f"{metric.name} {sign} {_amount(limit, metric)}"
    return f"{metric.name} {sign} {limit:.2f} of {peer}"


def _interval(of: Ratio) -> str:
    if of.low is None or of.high is None:
        return f"{of.value:.3f} (no interval)"
    return f"{of.value:.3f} ({of.low:.3f} – {of.high:.3f})"


def _object(finding: Finding) -> dict[str, Any]:
    made: dict[str, Any] = {
        "work": finding.group.work,
        "strategy": finding.group.strategy,
        "depth": finding.group.depth,
        "workers": finding.group.workers,
        "figure": finding.metric.field,
        "higher_is_better": finding.metric.higher_is_better,
        "variant": finding.variant,
        "ours": finding.ours,
        "n": finding.ratio.n,
    }
    interval = finding.ratio
    against = "ratio" if finding.peer is not None else "ratio_to_target"
    if finding.peer is None and finding.limit is None:
        against = "figure_interval"
    made[against] = {"value": interval.value}
    if interval.low is not None and interval.high is not None:
        made[against] |= {"low": interval.low, "high": interval.high}
    if finding.peer is not None:
        made["peer"] = finding.peer
    if finding.theirs is not None:
        made["theirs"] = finding.theirs
    if finding.limit is not None:
        made |= {"target": finding.limit, "verdict": finding.verdict}
    return made


def _target_object(target: Target) -> dict[str, Any]:
    made: dict[str, Any] = {
        "work": target.work,
        "depth": target.depth,
        "figure": target.metric.field,
        "target": target.limit,
        **({"all_workers": True} if target.all_workers else {}),
    }
    return made if target.peer is None else made | {"peer": target.peer}
