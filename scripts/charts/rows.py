# SPDX-License-Identifier: Apache-2.0
"""Picks rows out of a report: by subject and strategy, and the ones without figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from charts import style
from decision import Decision, size_words
from escape import plain
from report import Report, Row, is_split


def rates(row: Row) -> dict[int, float]:
    """Units per second in each round: the inverse of the time that analysis.py compares."""
    return {index: 1e9 / time for index, time in row.values("real_time").items()}


def rate_of(row: Row) -> float:
    """The median over rounds."""
    return statistics.median(rates(row).values())


def letters(row: Row) -> str:
    """A row at a known size: "P", or "P÷2" if its units are split over 2 workers."""
    return style.STRATEGIES[row.strategy].letter + (f"÷{row.workers}" if row.split else "")


def in_words(row: Row) -> str:
    """The same for whoever reads: "parallel", "parallel (split over 2 workers)"."""
    return f"{row.strategy} (split over {row.workers} workers)" if row.split else row.strategy


def size_beside_letters(row: Row) -> str:
    """Its size, where little room is left and letters() stand there too."""
    return "each unit split" if row.split else size_words(row.strategy, row.depth, row.workers)


def reading_of_letters(rows: Iterable[Row]) -> str:
    """What to say of letters() below a chart that has these rows."""
    if not any(row.split for row in rows):
        return ""
    return " ÷ with a number says that each unit is split over so many workers."


@dataclass(frozen=True)
class Missing:
    """A declared row without figures, and why."""

    workload: str
    variant: str
    strategy: str
    depth: int
    workers: int
    kind: str  # "failed", "absent" or "not reached"
    reason: str

    @property
    def subject(self) -> str:
        """As Decision.name: "io/file_read/direct"."""
        return f"{self.workload}/{self.variant}" if self.variant else self.workload

    @property
    def size(self) -> int:
        """Units in flight, as for a measured row."""
        return self.depth

    @property
    def what(self) -> str:
        """The strategy, and whether it was to split units: at one size it may be due as both."""
        split = is_split(self.strategy, self.depth, self.workers)
        return f"{self.strategy} (split)" if split else self.strategy


def subject_rows(report: Report, decision: Decision) -> dict[str, list[Row]]:
    """The rows of one subject that have figures: strategy -> rows by size; none is empty."""
    failed = {entry["name"] for entry in report.failures}
    found: dict[str, list[Row]] = {}
    for strategy in style.STRATEGIES:
        rows = [
            row
            for row in report.rows.values()
            if (row.workload, row.variant, row.strategy) == (*decision.subject, strategy)
            and row.name not in failed
        ]
        if rows:
            found[strategy] = sorted(rows, key=lambda row: (row.size, row.workers))
    return found


def best_rows(decision: Decision) -> dict[str, Row]:
    """One row a strategy: the one to use, and each rival at its own best size."""
    rows = [decision.best, *(rival.row for rival in decision.rivals)] if decision.best else []
    by_strategy = {row.strategy: row for row in rows if row}
    return {
        strategy: by_strategy[strategy] for strategy in style.STRATEGIES if strategy in by_strategy
    }


def missing_rows(report: Report) -> list[Missing]:
    """Every declared row without figures, in the order of the suite.

    One failed round voids a row, as in analysis.py.
    """
    reasons: dict[str, tuple[str, str]] = {}
    for entry in report.absent:
        reasons[entry["name"]] = ("absent", plain(f"{entry['cause']}; {entry['remedy']}"))
    for entry in report.failures:
        reason = (
            f"{entry['reason'].replace('_', ' ')} in round {entry['round'] + 1}: {entry['detail']}"
        )
        reasons.setdefault(entry["name"], ("failed", plain(reason)))
    out: dict[str, Missing] = {}
    for entry in [*report.declared, *report.failures, *report.absent]:
        name = entry["name"]
        if name in out or (name in report.rows and name not in reasons):
            continue
        kind, reason = reasons.get(name, ("not reached", report.why_without_figures()[0]))
        out[name] = Missing(
            entry["workload"],
            entry["variant"],
            entry["strategy"],
            entry["depth"],
            entry["workers"],
            kind,
            reason,
        )
    return list(out.values())
