# SPDX-License-Identifier: Apache-2.0
"""Which kernels a report has: work that says how many operations and bytes a unit needs.

In a report of the suite "peers" a kernel is a work, ours beside what others made of it. In any
other it is a workload of the class "cpu", at its best row of one worker and of all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from charts import limits
from charts.rows import rate_of
from decision import Decision
from report import Report, Row

PEERS, CPU = "peers/", "cpu/"
OURS = "waitwork"
BYTES = ("bytes_read_per_unit", "bytes_written_per_unit")


@dataclass(frozen=True)
class Performer:
    """Who does the work: ours, or a library that one would pick instead."""

    by: str  # the variant, "openblas"; of ours OURS
    one: Row | None  # the best row of one worker
    every: Row | None  # of all workers; None on a machine that has one CPU

    @property
    def rows(self) -> list[Row]:
        return [row for row in (self.one, self.every) if row is not None]

    @property
    def library(self) -> str:
        """With its version and the code that it chose for this processor, if the report says so."""
        if self.by == OURS:
            return OURS
        said = [said_of(row, "library") for row in self.rows]
        return next(filter(None, said), self.by)


@dataclass(frozen=True)
class Kernel:
    """One work and who does it."""

    name: str
    flops: float  # of a unit; 0 for work that has none, as filters of 8-bit integers
    doubles: bool
    bytes: float  # of a unit, in and out, each once; 0 if the work does not say
    ours: Performer | None
    others: list[Performer] = field(default_factory=list)

    @property
    def performers(self) -> list[Performer]:
        return [*([self.ours] if self.ours else []), *self.others]

    @property
    def intensity(self) -> float | None:
        """Operations per byte; None if one of both is not known, and it has no place on an axis."""
        return self.flops / self.bytes if self.flops and self.bytes else None

    def gflops(self, row: Row) -> float:
        return self.flops * rate_of(row) / 1e9


def said_of(row: Row, name: str) -> str | None:
    """What every round says of a row in words, as the first of them that does."""
    return next((s["waitwork"][name] for s in row.samples if name in s["waitwork"]), None)


def share_of(row: Row) -> float | None:
    """Of its limit; None if that is not known."""
    return row.median("share_of_limit")


def kernels(report: Report, decisions: list[Decision]) -> list[Kernel]:
    """Those that have at least one sound row, by name: "matmul_f32_64" before "matmul_f32_512"."""
    failed = {entry["name"] for entry in report.failures}
    works: dict[str, dict[str, list[Row]]] = {}
    for row in report.rows.values():
        if row.name in failed or not (row.parameters.get("flops_per_unit") or _bytes(row)):
            continue
        if row.workload.startswith(PEERS):
            if row.strategy == "parallel" and row.depth == 1:
                works.setdefault(row.workload, {}).setdefault(row.variant, []).append(row)
        elif row.workload.startswith(CPU):
            name = f"{row.workload}/{row.variant}" if row.variant else row.workload
            works.setdefault(name, {}).setdefault(OURS, []).append(row)
    names = sorted(works, key=_with_numbers)
    return [_kernel(name, works[name], limits.workers(report)) for name in names]


def _with_numbers(name: str) -> list[tuple[str, int]]:
    """To sort by: numbers in a name count as such."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"(\D+)(\d*)", name)]


def _kernel(name: str, by_variant: dict[str, list[Row]], all_workers: int) -> Kernel:
    performers = {by: _performer(by, rows, all_workers) for by, rows in by_variant.items()}
    row = next(row for rows in by_variant.values() for row in rows)
    return Kernel(
        name.partition("/")[2],
        row.parameters.get("flops_per_unit", 0.0),
        bool(row.parameters.get("flops_are_f64")),
        _bytes(row),
        performers.pop(OURS, None),
        list(performers.values()),
    )


def _performer(by: str, rows: list[Row], all_workers: int) -> Performer:
    one = [row for row in rows if row.workers == 1]
    every = [row for row in rows if row.workers == all_workers > 1]
    return Performer(by, _best(one), _best(every))


def _best(rows: Iterable[Row]) -> Row | None:
    return max(rows, key=rate_of, default=None)


def _bytes(row: Row) -> float:
    return sum(row.parameters.get(name, 0.0) for name in BYTES)
