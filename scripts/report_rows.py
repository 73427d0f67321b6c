# SPDX-License-Identifier: Apache-2.0
"""The measurements of a report: checked, in nanoseconds, by row and round.

A merged file may hold rows of other programs, and our own writer varies the unit of times
(--benchmark_time_unit). Google Benchmark's unit is that of "real_time" and "cpu_time" alone; what a
counter's name ends in says its own.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from report_check import (
    FIGURE,
    LARGEST_TIME_NS,
    SIGNED,
    TIME,
    kind_of,
    members,
    number,
    obj,
)
from report_shape import (
    FIGURES,
    MEASUREMENT,
    NANOSECONDS,
    OPTIONAL_OF_OURS,
    OURS,
    RATIOS,
    in_whole_numbers,
)
from report_text import AGAIN, Damage

TIMES = ("real_time", "cpu_time")
IDENTITY = ("workload", "variant", "strategy", "depth", "workers")
TAKE_OUT = "take it out"
APART = "give each report by itself"


def is_split(strategy: str, depth: int, workers: int) -> bool:
    """Whether a row of these has each unit cut into parts, for workers that would have none."""
    return strategy == "parallel" and depth < workers


@dataclass
class Row:
    """One workload under one strategy at one size, with a sample for each round."""

    name: str
    workload: str
    variant: str
    strategy: str
    depth: int
    workers: int
    parameters: dict[str, float]
    samples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Units in flight."""
        return self.depth

    @property
    def split(self) -> bool:
        return is_split(self.strategy, self.depth, self.workers)

    def values(self, name: str) -> dict[int, float]:
        """The field's value in each round that has it."""
        return {
            int(sample["repetition_index"]): float(sample[name])
            for sample in self.samples
            if name in sample
        }

    def median(self, name: str) -> float | None:
        """Over the rounds; None if none has the field."""
        values = self.values(name)
        return statistics.median(values.values()) if values else None


Declared = Mapping[str, Mapping[str, Any]]  # a row's name -> what the run says that it is


def rows_of(benchmarks: list[Any], declared: Declared, rounds: int | None) -> dict[str, Row]:
    """By name, in the order of families and sizes, each with its rounds in order; without
    aggregates, which are derived. `declared`: all rows of the run; `rounds`: how many it has, None
    where the report does not say."""
    samples: list[tuple[tuple[int, ...], str, dict[str, Any]]] = []
    aggregates = 0
    for index, entry in enumerate(benchmarks):
        path = f"benchmarks[{index}]"
        if _is_aggregate(entry, path, declared):
            aggregates += 1
            continue
        sample = _sample(entry, path, declared)
        _check_round(sample, path, rounds)
        order = ("family_index", "per_family_instance_index", "repetition_index")
        samples.append((tuple(int(sample[each]) for each in order), path, sample))
    if aggregates and not samples:
        raise Damage(
            "the report has means over rounds only", "give the report of single rounds (--out)"
        )
    rows: dict[str, Row] = {}
    samples.sort(key=lambda each: each[0])
    for (*_, round_), path, sample in samples:
        _add(rows.setdefault(sample["name"], _row(sample)), path, round_, sample)
    return rows


def _is_aggregate(entry: Any, path: str, declared: Declared) -> bool:
    obj(entry, path)
    if entry.get("run_type") != "aggregate":
        return False
    of = entry.get("run_name")
    if of not in declared:
        of = of if isinstance(of, str) else entry.get("name")
        raise Damage(f"{path} ({_quoted(of)}) is no row of waitwork's run", TAKE_OUT)
    return True


def _sample(entry: dict[str, Any], path: str, declared: Declared) -> dict[str, Any]:
    """A checked measurement with its times in nanoseconds."""
    name = entry.get("name")
    if entry.get("error_occurred") or entry.get("skipped") or "error_message" in entry:
        said = entry.get("error_message") or entry.get("skip_message")  # the latter since 1.8
        raise Damage(
            f"{path} ({_quoted(name)}) is an error and no measurement"
            + (f" ({said[:200]})" if isinstance(said, str) and said else ""),
            f"{TAKE_OUT}, or measure again",
        )
    if "waitwork" not in entry:
        raise Damage(f"{path} ({_quoted(name)}) is no row of waitwork", TAKE_OUT)
    members(entry, path, MEASUREMENT, "iterations kernel_workers")
    for key, value in entry.items():
        if key in FIGURES:
            FIGURE(value, f"{path}.{key}")
        elif key.startswith(RATIOS):
            SIGNED(value, f"{path}.{key[:100]}")  # a counter of a user's may begin like that
    members(entry["waitwork"], f"{path}.waitwork", OURS, OPTIONAL_OF_OURS)
    if name not in declared:
        raise Damage(
            f"{path} ({_quoted(name)}) is a row that the run did not declare (waitwork.declared)",
            f"{TAKE_OUT}, or measure again",
        )
    check_identity(entry["waitwork"], f"{path}.waitwork", declared[name])
    times = {each: entry[each] * NANOSECONDS[entry["time_unit"]] for each in TIMES}
    TIME(times["real_time"], f"{path}.real_time in nanoseconds")
    number(times["cpu_time"], f"{path}.cpu_time in nanoseconds", 1e-30, LARGEST_TIME_NS * 1e6)
    return entry | times | {"time_unit": "ns"}


def check_identity(entry: Mapping[str, Any], path: str, declared: Mapping[str, Any]) -> None:
    """Damage if what goes by the name of a declared row is another."""
    for each in IDENTITY:
        if entry[each] != declared[each]:
            raise Damage(
                f"{path}.{each} is {str(entry[each])[:100]}, and waitwork.declared has"
                f" {str(declared[each])[:100]} for the row of this name",
                f"{AGAIN}, and give each report by itself where runs were merged",
            )


def _check_round(sample: dict[str, Any], path: str, rounds: int | None) -> None:
    index = int(sample["repetition_index"])
    if rounds is not None and index >= rounds:
        raise Damage(
            f"{path}.repetition_index is {index}, and the run has {rounds}"
            f" round{'' if rounds == 1 else 's'} (waitwork.rounds): runs were merged",
            APART,
        )


def _row(sample: dict[str, Any]) -> Row:
    ours = in_whole_numbers(sample["waitwork"], "depth", "workers")
    return Row(sample["name"], *(ours[each] for each in IDENTITY), dict(ours.get("parameters", {})))


def _add(row: Row, path: str, round_: int, sample: dict[str, Any]) -> None:
    if row.samples and int(row.samples[-1]["repetition_index"]) == round_:
        raise Damage(
            f"{path} ({_quoted(row.name)}) has round {round_} a second time: runs were merged",
            APART,
        )
    if (other := _row(sample)) != Row(
        row.name, row.workload, row.variant, row.strategy, row.depth, row.workers, row.parameters
    ):
        what = "parameters" if other.parameters != row.parameters else "strategy or size"
        raise Damage(
            f"{path} ({_quoted(row.name)}) has another {what} than in another round: runs were"
            " merged",
            APART,
        )
    row.samples.append(sample)


def _quoted(name: Any) -> str:
    return f'"{name[:200]}"' if isinstance(name, str) else f"its name is {kind_of(name)}"
