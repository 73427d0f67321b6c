# SPDX-License-Identifier: Apache-2.0
"""Writes decisions as advise.py prints them: a table with reasons, Markdown, or JSON."""

from __future__ import annotations

import re
import statistics
import textwrap
from dataclasses import dataclass
from typing import Any

import escape
from charts.tables import duration
from decision import Cost, Decision, size_words
from ratio import Ratio
from reasons import interval, splitting, start_words, switches
from report import Report, Row

WIDTH = 100
NONE = "–"
# Per cent of the time that some task waited for a CPU: one thread on several CPUs causes none.
PRESSURE_TOLERATED = 5.0
STEAL_TOLERATED = 1.0
HEADINGS = (
    "workload",
    "use",
    "size",
    "over sequential",
    "CPU/unit",
    "switches",
    "wins from",
    "not separated from",
)
RIGHT = (False, False, False, False, True, True, False, False)
JSON_SCHEMA = "1.1.0"


@dataclass(frozen=True)
class Trouble:
    """Rows without figures that share a reason."""

    kind: str  # "failed", "absent", "not reached" or "without figures"
    reason: str
    remedy: str
    names: list[str]


def plain(report: Report, decisions: list[Decision]) -> str:
    """Head, table, reasons, troubles: at most WIDTH columns where it is prose."""
    blocks = [[escape.plain(line) for line in head(report)]]
    if decisions:
        blocks.append(
            aligned([HEADINGS, *(_cells(decision, report.rounds) for decision in decisions)], RIGHT)
        )
    for decision in decisions:
        if decision.why or decision.best is None:
            text = _reason(decision)
            blocks.append(_wrapped(f"{escape.plain(decision.name)}: ", escape.plain(text)))
    for trouble in troubles(report):
        blocks.append(_wrapped(f"{trouble.kind}: ", escape.plain(_trouble_words(trouble))))
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def markdown(report: Report, decisions: list[Decision]) -> str:
    """The same, as GitHub shows it; with the whole advice as a sentence before its reason."""
    lines = markdown_head("Which strategy, for which work", head(report))
    lines += markdown_table(HEADINGS, RIGHT, [_cells(each, report.rounds) for each in decisions])
    for decision in decisions:
        text = f"{decision.sentence} {decision.why}".rstrip()
        lines.append(f"- **{escape.markdown(decision.name)}**: {escape.markdown(text)}")
    found = troubles(report)
    if found:
        lines += ["", "### What was not measured", ""]
        lines += [
            f"- {trouble.kind}: {escape.markdown(_trouble_words(trouble))}" for trouble in found
        ]
    return "\n".join(lines) + "\n"


def markdown_head(title: str, said: list[str]) -> list[str]:
    """What stands above every table: head(), the first two lines on top of each other."""
    machine, run, *remarks = said
    return [
        f"## {title}",
        "",
        f"{escape.markdown(machine)}<br>",
        escape.markdown(run),
        "",
        *(f"- {escape.markdown(remark)}" for remark in remarks),
        *([""] if remarks else []),
    ]


def markdown_table(
    headings: tuple[str, ...], right: tuple[bool, ...], rows: list[tuple[str, ...]]
) -> list[str]:
    """With an empty line behind it; nothing for no rows. `right`: the columns of figures."""
    if not rows:
        return []
    return [
        "| " + " | ".join(headings) + " |",
        "| " + " | ".join("---:" if each else "---" for each in right) + " |",
        *("| " + " | ".join(map(escape.markdown, row)) + " |" for row in rows),
        "",
    ]


def as_json(report: Report, decisions: list[Decision]) -> str:
    """For programs: no member is ever null, what is not known is left out."""
    document = {
        "schema": JSON_SCHEMA,
        "report": str(report.path),
        "date": report.context["date"],
        "machine": report.machine,
        "version": report.build["version"],
        "suite": report.meta["suite"],
        "complete": report.meta["complete"],
        "rounds": report.rounds,
        "confidence": 0.95,
        "advice": [_decision_object(decision) for decision in decisions],
        "not_measured": [
            {"kind": each.kind, "reason": each.reason, "remedy": each.remedy, "rows": each.names}
            for each in troubles(report)
        ],
    }
    return escape.json_text(document)


def _reason(decision: Decision) -> str:
    """What the table has no column for."""
    split = splitting(decision)
    if not split:
        return decision.why or decision.sentence
    return f"{decision.why} {split[0].upper()}{split[1:]}."


# ---- the head


def head(report: Report) -> list[str]:
    """The machine; the run; and what a reader must know before believing either."""
    machine, build, meta = report.machine, report.build, report.meta
    rounds = report.rounds
    hypervisor = machine.get("hypervisor", "none")
    parts = [
        report.context["host_name"],
        machine["cpu_model"],
        cpus_words(report),
        f"{machine['memory_bytes'] / 2**30:.0f} GiB",
        f"Linux {machine['kernel']}",
        *([] if hypervisor == "none" else [f"under {hypervisor}"]),
    ]
    git = f" ({build['git']})" if build.get("git") else ""
    run = [
        report.context["date"],
        f"{meta['suite']} suite",
        f"n = {rounds} round{'' if rounds == 1 else 's'}",
        f"waitwork {build['version']}{git}",
        build["compiler"],
    ]
    return [" · ".join(parts), " · ".join(run), *_remarks(report)]


def _remarks(report: Report) -> list[str]:
    remarks = []
    if not report.rows:
        remarks.append("The report holds no measurement: nothing can be compared or advised.")
    if not report.meta["complete"]:
        remarks.append(
            f"Partial report: {len(report.rows)} of {len(report.declared)} rows have figures;"
            " `waitwork run --resume` goes on with it."
        )
    if report.rounds == 1:
        remarks.append(
            "One round only: no spread, hence no interval,"
            " and no two strategies can be called separated."
        )
    if report.meta["suite"] == "smoke":
        remarks.append(
            "The smoke suite shows that everything runs, with small input;"
            " do not decide by its figures."
        )
    disturbed = [
        f"{entry['name']} ({entry['value']})"
        for entry in report.context["waitwork"].get("environment", [])
        if entry["status"] in ("warn", "fail")
    ]
    if disturbed:
        remarks.append(
            f"What disturbed or limited the run, see `waitwork doctor`: {', '.join(disturbed)}."
        )
    contention = _typical(report, "pressure_cpu_some_percent")
    if contention is not None and contention > PRESSURE_TOLERATED:
        remarks.append(
            "Others used the CPUs meanwhile: in the median sequential measurement, which needs one"
            f" of {cpus_words(report)}, some task waited for a CPU {contention:.0f} % of the time."
        )
    steal = _typical(report, "steal_percent")
    if steal is not None and steal > STEAL_TOLERATED:
        remarks.append(
            f"The hypervisor gave {steal:.1f} % of the CPU time to others"
            " in the median measurement."
        )
    return remarks


def _typical(report: Report, name: str) -> float | None:
    """The median of a figure of the surroundings over the measurements that use one thread only."""
    values = [
        float(sample["waitwork"][name])
        for row in report.rows.values()
        if row.strategy == "sequential"
        for sample in row.samples
        if name in sample["waitwork"]
    ]
    return statistics.median(values) if values else None


def cpus_words(report: Report) -> str:
    cpus = report.machine["cpus_effective"]
    return f"{cpus} CPU{'' if cpus == 1 else 's'}"


# ---- decisions


def _cells(decision: Decision, rounds: int) -> tuple[str, ...]:
    best, cost = decision.best, decision.cost
    name = escape.plain(decision.name)
    if best is None or cost is None:
        return (name, "nothing measured", *[NONE] * (len(HEADINGS) - 2))
    return (
        name,
        best.strategy,
        size_words(best.strategy, best.depth, best.workers),
        _gain(decision, rounds),
        duration(cost.cpu_ns),
        switches(cost.switches),
        start_words(decision, decision.crossover) if decision.crossover else NONE,
        _equals(decision),
    )


def _gain(decision: Decision, rounds: int) -> str:
    if decision.best is None or decision.gain is None or decision.best.strategy == "sequential":
        return NONE
    fewer = f", n = {decision.gain.n}" if decision.gain.n != rounds else ""
    return interval(decision.gain) + fewer


def _equals(decision: Decision) -> str:
    if decision.rounds < 2:
        return "one round" if decision.rivals else NONE
    return ", ".join(rival.row.strategy for rival in decision.equals) or NONE


def _decision_object(decision: Decision) -> dict[str, Any]:
    made: dict[str, Any] = {"workload": decision.workload, "variant": decision.variant}
    if decision.best is not None and decision.cost is not None:
        made["best"] = _row_object(decision.best) | {"rounds": decision.rounds}
        made["cost"] = _cost_object(decision.cost)
    if decision.fastest is not None:
        made["fastest"] = _row_object(decision.fastest)
    if decision.gain is not None:
        made["gain_over_sequential"] = _ratio_object(decision.gain)
    if decision.crossover is not None:
        made["wins_from"] = decision.crossover
    if decision.split is not None:
        made["one_unit_split"] = _row_object(decision.split.row) | {
            "gain_over_sequential": _ratio_object(decision.split.ratio),
            "pays": decision.split.pays,
        }
    made["rivals"] = []
    for rival in decision.rivals:
        entry = _row_object(rival.row) | {"best_over_this": _ratio_object(rival.ratio)}
        if rival.behind_from is not None:
            entry["behind_from"] = rival.behind_from
        made["rivals"].append(entry)
    made["by_size"] = []
    for cell in decision.cells.values():
        entry = {"units_in_flight": cell.size, "winner": _row_object(cell.winner)}
        if cell.runner_up is not None and cell.ratio is not None:
            entry |= {
                "runner_up": _row_object(cell.runner_up),
                "winner_over_runner_up": _ratio_object(cell.ratio),
            }
        if cell.gain is not None:
            entry["gain_over_sequential"] = _ratio_object(cell.gain)
        made["by_size"].append(entry)
    if decision.unit is not None:
        unit = decision.unit
        made["unit"] = {
            "real_ns": unit.real_ns,
            "wait_ns": unit.wait_ns,
            "compute_ns": unit.compute_ns,
            "kept_off_cpu_ns": unit.off_cpu_ns - unit.wait_ns,
        }
    made |= {"unmeasured": decision.unmeasured, "sentence": decision.sentence, "why": decision.why}
    return made


def _row_object(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "strategy": row.strategy,
        "depth": row.depth,
        "workers": row.workers,
        "items_per_second": 1e9 / (row.median("real_time") or 1.0),
    }


def _cost_object(cost: Cost) -> dict[str, Any]:
    made = {
        "user_ns_per_unit": cost.user_ns,
        "sys_ns_per_unit": cost.sys_ns,
        "ctx_switches_per_unit": cost.switches,
        "busy_cpus": cost.busy_cpus,
        "threads": cost.threads,
    }
    if cost.rss_bytes is not None:
        made["rss_peak_bytes"] = cost.rss_bytes
    if cost.server_cpus is not None:
        made["server_busy_cpus"] = cost.server_cpus
    return made


def _ratio_object(value: Ratio) -> dict[str, Any]:
    made: dict[str, Any] = {"value": value.value, "n": value.n, "separated": value.separated}
    if value.low is not None and value.high is not None:
        made |= {"low": value.low, "high": value.high}
    return made


# ---- troubles


def troubles(report: Report) -> list[Trouble]:
    """Everything that failed, is absent or was not reached, rows with the same reason together."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for entry in report.failures:
        reason = f"{entry['reason'].replace('_', ' ')}: {entry['detail']}"
        where = f"{entry['name']} (round {entry['round']})"
        remedy = f"see it alone with waitwork run --filter {_short(entry['name'])}/"
        grouped.setdefault(("failed", reason, remedy), []).append(where)
    for entry in report.absent:
        grouped.setdefault(("absent", entry["cause"], entry["remedy"]), []).append(entry["name"])
    known = {entry["name"] for entry in [*report.failures, *report.absent]} | set(report.rows)
    for entry in report.declared:
        if entry["name"] not in known:
            kind = "without figures" if report.meta["complete"] else "not reached"
            key = (kind, *report.why_without_figures())
            grouped.setdefault(key, []).append(entry["name"])
    return [Trouble(*key, names) for key, names in grouped.items()]


def _trouble_words(trouble: Trouble) -> str:
    names = [_short(name) for name in trouble.names]
    listed = ", ".join(names[:2]) + (f" and {len(names) - 2} more rows" if len(names) > 2 else "")
    return f"{listed}: {trouble.reason.rstrip('.')}; {trouble.remedy.rstrip('.')}."


def _short(name: str) -> str:
    """Without what Google Benchmark appends to every name."""
    return name.replace("/process_time/real_time", "")


# ---- layout


def aligned(table: list[tuple[str, ...]], right: tuple[bool, ...]) -> list[str]:
    """One line a row, its columns of one width; `right`: the columns of figures."""
    widths = [max(len(row[column]) for row in table) for column in range(len(right))]
    return [
        "  ".join(
            text.rjust(width) if figures else text.ljust(width)
            for text, width, figures in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in table
    ]


def _wrapped(start: str, text: str) -> list[str]:
    """Lines of at most WIDTH columns; a number stays with its unit."""
    joined = re.sub(r"(?<=\d) (?=(?:%|[nµm]?s|MiB)(?:\W|$))", "\N{NO-BREAK SPACE}", start + text)
    lines = textwrap.wrap(
        joined, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
