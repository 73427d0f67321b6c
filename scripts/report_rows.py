"""The measurements of a report: checked, in nanoseconds, by row and round.

A merged file may hold rows of other programs, and our own writer varies the unit of times
(--benchmark_time_unit). Google Benchmark's unit is that of "real_time" and "cpu_time" alone; what a
counter's name ends in says its own.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from report_check import (
    COUNT,
    FIGURE,
    INDEX,
    LARGEST_TIME_NS,
    NAME,
    SHORT,
    SIGNED,
    STRATEGY,
    TIME,
    Check,
    all_of,
    array,
    kind_of,
    members,
    number,
    obj,
    one_of,
    whole,
)
from report_shape import in_whole_numbers
from report_text import Damage

NANOSECONDS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
TIMES = ("real_time", "cpu_time")
TAKE_OUT = "take it out"
APART = "give each report by itself"
MEASUREMENT: dict[str, Check] = {
    "name": NAME,
    "run_type": partial(one_of, words=("iteration", "aggregate")),
    "family_index": INDEX,
    "per_family_instance_index": INDEX,
    "repetition_index": INDEX,
    "time_unit": partial(one_of, words=tuple(NANOSECONDS)),
    "real_time": partial(number, low=1e-30, zero=False),
    "cpu_time": FIGURE,
    "iterations": partial(whole, low=1),
    "kernel_workers": partial(number, low=1e-30, high=1e6),
}
# What a tool reads of a measurement besides; it may be absent, and is a number if it is there.
FIGURES = frozenset(
    """
    items_per_second p50_ns p90_ns p99_ns p999_ns max_ns mean_ns user_ns_per_unit sys_ns_per_unit
    ctx_switches_per_unit voluntary_switches_per_unit involuntary_switches_per_unit
    minor_faults_per_unit major_faults_per_unit rss_peak_bytes server_cpu_ns_per_unit
    server_enters_per_unit enters_per_unit submissions_per_enter completions_per_enter
    bytes_per_second bytes_per_sleeper time_over_nominal gflops mpixels_per_second share_of_limit
    of_peak of_bandwidth speedup peak_speedup speedup_of_ceiling core_ns_per_task
    """.split()
)
RATIOS = ("time_over_", "own_", "server_cpu_over_", "server_enters_over_", "requests_over_")
# Of a row's parameters those that a chart computes with; others say what the work is.
AMOUNTS = frozenset(
    """
    flops_per_unit flops_are_f64 bytes_read_per_unit bytes_written_per_unit pixels_per_unit
    """.split()
)
OURS: dict[str, Check] = {
    "workload": NAME,
    "variant": SHORT,
    "strategy": STRATEGY,
    "depth": COUNT,
    "workers": COUNT,
    "parameters": lambda value, path: _parameters(value, path),
    "latency_histogram": lambda value, path: _histogram(value, path),
    "limited_by": SHORT,
    "library": SHORT,
    "pressure_cpu_some_percent": FIGURE,
    "steal_percent": FIGURE,
}
OPTIONAL_OF_OURS = (
    "parameters latency_histogram limited_by library pressure_cpu_some_percent steal_percent"
)


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


def rows_of(benchmarks: list[Any], declared: set[str]) -> dict[str, Row]:
    """By name, in the order of families and sizes, each with its rounds in order; without
    aggregates, which are derived. `declared`: the names of all rows of the run."""
    samples: list[tuple[tuple[int, ...], str, dict[str, Any]]] = []
    aggregates = 0
    for index, entry in enumerate(benchmarks):
        path = f"benchmarks[{index}]"
        if _is_aggregate(entry, path, declared):
            aggregates += 1
            continue
        sample = _sample(entry, path, declared)
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


def _is_aggregate(entry: Any, path: str, declared: set[str]) -> bool:
    obj(entry, path)
    if entry.get("run_type") != "aggregate":
        return False
    of = entry.get("run_name")
    if of not in declared:
        of = of if isinstance(of, str) else entry.get("name")
        raise Damage(f"{path} ({_quoted(of)}) is no row of waitwork's run", TAKE_OUT)
    return True


def _sample(entry: dict[str, Any], path: str, declared: set[str]) -> dict[str, Any]:
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
    times = {each: entry[each] * NANOSECONDS[entry["time_unit"]] for each in TIMES}
    TIME(times["real_time"], f"{path}.real_time in nanoseconds")
    number(times["cpu_time"], f"{path}.cpu_time in nanoseconds", 1e-30, LARGEST_TIME_NS * 1e6)
    return entry | times | {"time_unit": "ns"}


def _row(sample: dict[str, Any]) -> Row:
    ours = in_whole_numbers(sample["waitwork"], "depth", "workers")
    same = ("workload", "variant", "strategy", "depth", "workers")
    return Row(sample["name"], *(ours[each] for each in same), dict(ours.get("parameters", {})))


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


def _parameters(value: Any, path: str) -> None:
    obj(value, path)
    all_of(value, path, SIGNED)
    for name in AMOUNTS & value.keys():
        FIGURE(value[name], f"{path}.{name}")


def _histogram(value: Any, path: str) -> None:
    obj(value, path)
    if "unit" in value:
        one_of(value["unit"], f"{path}.unit", ("ns",))
    buckets = value.get("buckets", [])
    array(buckets, f"{path}.buckets")
    for index, bucket in enumerate(buckets):
        # [lower, upper, units]: a report has a hundred thousand, so the usual case is one look.
        if (
            type(bucket) is list
            and len(bucket) == 3
            and all(type(each) is int and 0 <= each < 1 << 53 for each in bucket)
        ):
            continue
        where = f"{path}.buckets[{index}]"
        array(bucket, where)
        if len(bucket) != 3:
            raise Damage(f"{where} has {len(bucket)} numbers, not 3")
        all_of(bucket, where, partial(whole, high=(1 << 53) - 1))


def _quoted(name: Any) -> str:
    return f'"{name[:200]}"' if isinstance(name, str) else f"its name is {kind_of(name)}"


