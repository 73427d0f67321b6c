"""Picks rows out of a report: by subject and strategy, and the ones without figures."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from charts import style
from decision import Decision
from escape import plain
from report import Report, Row


def rates(row: Row) -> dict[int, float]:
    """Units per second in each round: the inverse of the time that analysis.py compares."""
    return {index: 1e9 / time for index, time in row.values("real_time").items()}


def rate_of(row: Row) -> float:
    """The median over rounds."""
    return statistics.median(rates(row).values())


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
        kind, reason = reasons.get(name, ("not reached", "the run ended before this row"))
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
