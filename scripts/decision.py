# SPDX-License-Identifier: Apache-2.0
"""What analysis.py finds out about one workload. Plain values: nothing here computes or prints."""

from __future__ import annotations

from dataclasses import dataclass, field

from ratio import Ratio
from report import Row, is_split


@dataclass(frozen=True)
class Cell:
    """One number of units in flight."""

    size: int
    ranking: list[Row]  # the best row of each strategy at this size, fastest first; never empty
    ratio: Ratio | None  # rate of the winner over that of the runner-up
    gain: Ratio | None  # rate of the winner over that of sequential; None without sequential

    @property
    def winner(self) -> Row:
        return self.ranking[0]

    @property
    def runner_up(self) -> Row | None:
        return self.ranking[1] if len(self.ranking) > 1 else None

    @property
    def separated(self) -> bool:
        """Whether the data tells winner and runner-up apart."""
        return self.ratio is not None and self.ratio.separated


@dataclass(frozen=True)
class Rival:
    """A strategy that was not chosen, at its own best size."""

    row: Row
    ratio: Ratio  # rate of the chosen row over this one
    # The smallest size from which on the chosen strategy is ahead of this one and separated from
    # it; None if it is not at its largest size either.
    behind_from: int | None

    @property
    def separated(self) -> bool:
        return self.ratio.separated


@dataclass(frozen=True)
class Split:
    """What one unit gains when it is cut into parts: the time until it alone is done."""

    row: Row  # the cheapest of those with one unit at a time that are as good as the fastest
    ratio: Ratio  # rate of that row over that of sequential
    pays: bool  # ahead of sequential: separated, and by more than is negligible


@dataclass(frozen=True)
class Unit:
    """What one unit of the workload is made of, measured while nothing else runs (sequential)."""

    real_ns: float
    user_ns: float
    sys_ns: float
    blocks: float  # how often it gives up the CPU of its own accord

    @property
    def compute_ns(self) -> float:
        """Time on a CPU, in the program and in the kernel."""
        return min(self.user_ns + self.sys_ns, self.real_ns)

    @property
    def off_cpu_ns(self) -> float:
        return self.real_ns - self.compute_ns

    @property
    def wait_ns(self) -> float:
        """Time off the CPU. But a unit that never blocks does not wait: others kept it off."""
        return self.off_cpu_ns if self.blocks >= 0.5 else 0.0

    @property
    def wait_share(self) -> float:
        return self.wait_ns / self.real_ns

    @property
    def kept_off_share(self) -> float:
        """Of its time, what others took from a unit that does not wait."""
        return (self.off_cpu_ns - self.wait_ns) / self.real_ns


@dataclass(frozen=True)
class Cost:
    """What a row takes; a server's CPU is not in it."""

    user_ns: float  # these three for each unit
    sys_ns: float
    switches: float
    busy_cpus: float  # CPUs that it keeps busy on average
    server_cpus: float | None  # and its server
    rss_bytes: float | None  # peak
    threads: int  # its workers and loops, and those that the kernel ran for it

    @property
    def cpu_ns(self) -> float:
        return self.user_ns + self.sys_ns


@dataclass
class Decision:
    """The answer for one workload and variant."""

    workload: str
    variant: str
    cells: dict[int, Cell] = field(default_factory=dict)  # by units in flight, ascending
    best: Row | None = None  # what to use: the cheapest of those that are as good as the fastest
    fastest: Row | None = None  # of all rows
    gain: Ratio | None = (
        None  # rate of best over that of sequential; None if sequential is not measured
    )
    rivals: list[Rival] = field(default_factory=list)  # the other strategies, fastest first
    crossover: int | None = None  # units in flight from which on it wins; analysis.py defines it
    split: Split | None = None  # None if no row splits a unit, or sequential is not measured
    unit: Unit | None = None  # None if sequential is not measured
    cost: Cost | None = None  # of best
    rounds: int = 0  # in which best was measured
    unmeasured: dict[str, str] = field(
        default_factory=dict
    )  # strategy without any row -> "absent", "failed", ...
    sentence: str = ""  # what to do
    why: str = ""

    @property
    def subject(self) -> tuple[str, str]:
        return (self.workload, self.variant)

    @property
    def name(self) -> str:
        """As rows are named: "io/file_read/direct"."""
        return f"{self.workload}/{self.variant}" if self.variant else self.workload

    @property
    def equals(self) -> list[Rival]:
        """The strategies that the data does not separate from the chosen one."""
        return [rival for rival in self.rivals if not rival.separated]

    def rival(self, strategy: str) -> Rival | None:
        return next((each for each in self.rivals if each.row.strategy == strategy), None)


def size_words(strategy: str, depth: int, workers: int) -> str:
    """The size of a row in the terms of its strategy."""
    if is_split(strategy, depth, workers):
        units = "one unit" if depth == 1 else f"{depth} units"
        return f"{units} split over {workers} workers"
    return {
        "concurrent": f"depth {depth}",
        "parallel": "1 worker" if workers == 1 else f"{workers} workers",
        "hybrid": f"depth {depth}, {workers} core{'' if workers == 1 else 's'}",
    }.get(strategy, "one at a time")


def row_words(row: Row) -> str:
    """A row without its workload: "concurrent at depth 64"."""
    if row.strategy == "sequential":
        return row.strategy
    preposition = "with" if row.strategy == "parallel" else "at"
    return f"{row.strategy} {preposition} {size_words(row.strategy, row.depth, row.workers)}"
