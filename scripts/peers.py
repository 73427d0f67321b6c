#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says how this runtime and its kernels compare with what one would pick instead, from a report of
the suite "peers".

For each work and number of units in flight, and for each kernel by one worker and by all, the ratio
of ours over each peer, taken within rounds, with its 95 % interval. (Servers and kernels are
compared side by side, in short slices within our row: rows of one round are seconds apart.) Times
and CPU are of one unit: below 1 we are faster or cheaper; a rate is better above 1. Figures without
a peer are our own: of the peak of a loop of multiply-adds, of the bandwidth of a plain loop over
the same bytes, the speedup of all workers over one, and with a lesser instruction set forced, how
many times slower we are. Where a target is set, it is reached if the whole interval is on the right
side of it, missed if the whole interval is on the wrong side, and undecided otherwise: then more
rounds may tell. A target that is no ratio ("40 ns") is compared with our own figure in the same
way.

Exit codes: 0 done, whatever is reached or missed; 2 wrong usage, a report that cannot be read or is
none of peers, or a standard output that cannot be written; 130 interrupted.
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

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from command_line import UNUSABLE, Parser, complain, missing_module, run_tool, write_out

PROG = "peers.py"

try:
    import peers_output
    from ratio import Ratio, paired
    from report import Report, ReportError, Row, load
except ImportError as problem:
    missing_module(PROG, problem)

CLASS = "peers/"
OURS = "waitwork"


@dataclass(frozen=True)
class Metric:
    """A figure of a row that is compared."""

    name: str  # for people
    field: str  # of the report
    unit: str  # "ns", "bytes", "/s", "GFLOP/s", "" for a plain number
    higher_is_better: bool = False
    # Where a row of ours has its ratio to a peer, taken closer than between rows; and whether that
    # ratio is the inverse one, of times for a rate.
    side_by_side: str = ""
    inverse: bool = False


TIME = Metric("time", "real_time", "ns")
LATENCY = Metric("median latency", "p50_ns", "ns")
CPU = Metric("CPU", "cpu_time", "ns")
RATE = Metric("rate", "items_per_second", "/s", higher_is_better=True)
ENTERS = Metric("enters", "enters_per_unit", "")
SERVER_CPU = Metric("server CPU", "server_cpu_ns_per_unit", "ns", side_by_side="server_cpu_over_")
SERVER_ENTERS = Metric(
    "server system calls", "server_enters_per_unit", "", side_by_side="server_enters_over_"
)
REQUESTS = Metric("rate", "items_per_second", "/s", True, side_by_side="requests_over_")
MEMORY = Metric("memory", "bytes_per_sleeper", "bytes")
OVER_NOMINAL = Metric("time over nominal", "time_over_nominal", "")

# Of kernels: rows under "parallel", one unit at a time, by one worker and by all.
KERNEL_TIME = Metric("time", "real_time", "ns", side_by_side="time_over_")
GFLOPS = Metric("rate", "gflops", "GFLOP/s", True, side_by_side="time_over_", inverse=True)
PIXELS = Metric("rate", "mpixels_per_second", "Mpixel/s", True, "time_over_", inverse=True)
OF_PEAK = Metric("of peak", "of_peak", "", higher_is_better=True)
OF_BANDWIDTH = Metric("of bandwidth", "of_bandwidth", "", higher_is_better=True)
SPEEDUP = Metric("speedup", "speedup", "", higher_is_better=True)
PEAK_SPEEDUP = Metric("speedup of the peak", "peak_speedup", "", higher_is_better=True)
OF_CEILING = Metric("speedup of ceiling", "speedup_of_ceiling", "", higher_is_better=True)
OVER_SIZE_3 = Metric("time over size 3", "time_over_size_3", "")
CORE_TIME = Metric("core time of a task", "core_ns_per_task", "ns")
OWN_FIGURES = (
    OF_PEAK,
    OF_BANDWIDTH,
    SPEEDUP,
    PEAK_SPEEDUP,
    OF_CEILING,
    OVER_SIZE_3,
    CORE_TIME,
)
LESSER_SET = re.compile(r"own_(\w+)_over_best|time_over_own_(\w+)")

# Where a time of a unit and the enters are not what a work is about.
METRICS: dict[str, tuple[Metric, ...]] = {
    "peers/offload": (TIME, CPU),
    "peers/offload_cold": (LATENCY, CPU),  # the time of a unit holds the pause before it
    "peers/random_read": (RATE, CPU, ENTERS),
    "peers/sleepers": (MEMORY, OVER_NOMINAL),
    "peers/tcp_echo": (SERVER_CPU, SERVER_ENTERS, REQUESTS),
    "peers/wake": (TIME, CPU),
    "peers/wake_same_cpu": (TIME, CPU),
}
USUAL = (TIME, ENTERS)


@dataclass(frozen=True)
class Target:
    """What is wanted of a ratio to a peer or, without one, of our own figure."""

    work: str
    depth: int
    metric: Metric
    limit: float
    peer: str | None = None
    is_kernel: bool = False
    all_workers: bool = False  # of a kernel; else by one


def _kernels(names: str, metric: Metric, limit: float, **more: Any) -> list[Target]:
    return [
        Target(f"peers/{name}", 1, metric, limit, is_kernel=True, **more) for name in names.split()
    ]


LARGE_F32 = "matmul_f32_512 matmul_f32_1024 matmul_f32_2048"
LARGE_F64 = "matmul_f64_512 matmul_f64_1024 matmul_f64_2048"
SMALL_F32 = "matmul_f32_64 matmul_f32_128 matmul_f32_256"
BLURS_15 = "gaussian_blur_u8c1_15 gaussian_blur_u8c3_15"
# What memory does not hold back: there all workers are to be as many times faster as the loop of
# multiply-adds is, which a machine's shared clock and power leave below their number.
COMPUTE_BOUND = f"matmul_f32_256 {LARGE_F32} {LARGE_F64} {BLURS_15} fir_32 conv2d dense_64"
KERNEL_TARGETS = (
    *_kernels(f"{SMALL_F32} {LARGE_F32} {LARGE_F64}", KERNEL_TIME, 1.00, peer="openblas"),
    *_kernels(LARGE_F32, KERNEL_TIME, 1 / 1.10, peer="openblas", all_workers=True),
    *_kernels(LARGE_F32, OF_PEAK, 0.92),
    *_kernels(LARGE_F64, OF_PEAK, 0.88),
    *_kernels(LARGE_F32, SPEEDUP, 1.90, all_workers=True),
    *_kernels(
        f"gaussian_blur_u8c1_5 gaussian_blur_u8c3_5 {BLURS_15}",
        KERNEL_TIME,
        1 / 1.2,
        peer="opencv",
    ),
    *_kernels("gaussian_blur_f32_5", KERNEL_TIME, 1.00, peer="opencv"),
    *_kernels("gaussian_blur_f32_5", KERNEL_TIME, 1 / 1.8, peer="opencv", all_workers=True),
    *_kernels("sobel", KERNEL_TIME, 0.5, peer="opencv"),
    *_kernels("box_blur_31", OVER_SIZE_3, 1.1),
    *_kernels("fft_1024 fft_32768 fft_1048576", KERNEL_TIME, 1.3, peer="fftw"),
    *_kernels("dense_64", KERNEL_TIME, 1.00, peer="openblas"),
    *_kernels("dense_1", OF_BANDWIDTH, 0.85),
    *_kernels(COMPUTE_BOUND, OF_CEILING, 0.95, all_workers=True),
    *_kernels("empty_task", CORE_TIME, 150, all_workers=True),
)


TARGETS = (
    Target("peers/nop", 64, TIME, 1.10, "liburing"),
    Target("peers/await_ready", 1, TIME, 7),
    Target("peers/spawn_join", 1, TIME, 40),
    Target("peers/spawn_join", 64, TIME, 40),
    *(Target("peers/tcp_echo", depth, SERVER_CPU, 1.00, "liburing") for depth in (64, 512)),
    *(Target("peers/tcp_echo", depth, SERVER_CPU, 0.95, "asio") for depth in (64, 512)),
    *(Target("peers/tcp_echo", depth, SERVER_ENTERS, 1.00, "liburing") for depth in (64, 512)),
    *(Target("peers/tcp_echo", depth, REQUESTS, 1.00, "liburing") for depth in (64, 512)),
    Target("peers/sleepers", 1, MEMORY, 300),
    Target("peers/sleepers", 1, OVER_NOMINAL, 1.3),
    Target("peers/offload", 1, TIME, 8_000),
    Target("peers/offload_cold", 1, LATENCY, 60_000),
    Target("peers/timer", 1, TIME, 1.0, "asio"),
    Target("peers/timer", 1024, TIME, 1.0, "asio"),
    *KERNEL_TARGETS,
)


@dataclass(frozen=True)
class Group:
    """Rows that do the same work under the same conditions."""

    work: str
    strategy: str
    depth: int
    workers: int

    @property
    def is_kernel(self) -> bool:
        return self.strategy == "parallel"

    @property
    def target_key(self) -> tuple[str, int, bool]:
        """What of a target says where it applies; kernels have rows of one worker and of all."""
        return (self.work, self.depth, self.is_kernel and self.workers > 1)


@dataclass(frozen=True)
class Finding:
    """One line: ours beside a peer, or ours alone."""

    group: Group
    metric: Metric
    variant: str  # which of ours
    peer: str | None
    ours: float  # median over rounds
    theirs: float | None
    ratio: Ratio  # to the peer; without one, to the target; without either, to 1
    limit: float | None
    verdict: str  # "reached", "missed", "undecided", or "" without a target


def compare(report: Report) -> list[Finding]:
    """Every comparison that the report allows, in its order."""
    groups: dict[Group, dict[str, Row]] = {}
    for row in report.rows.values():
        if row.workload.startswith(CLASS):
            group = Group(row.workload, row.strategy, row.depth, row.workers)
            groups.setdefault(group, {})[row.variant] = row
    return [finding for group, variants in groups.items() for finding in _of_group(group, variants)]


def libraries(report: Report) -> dict[str, list[str]]:
    """By peer the libraries that did the work, with version and the code that they chose."""
    found: dict[str, dict[str, None]] = {}
    for row in report.rows.values():
        if not row.workload.startswith(CLASS) or row.variant.split("_")[0] == OURS:
            continue
        for sample in row.samples:
            library = sample["waitwork"].get("library")
            if library:
                found.setdefault(row.variant, {})[library] = None
    return {peer: list(names) for peer, names in found.items()}


def not_measured(findings: list[Finding]) -> list[Target]:
    """Targets that nothing in the report says anything about."""
    seen = {(*each.group.target_key, each.metric, each.peer) for each in findings if each.limit}
    return [each for each in TARGETS if _key(each) not in seen]


def _key(target: Target) -> tuple[object, ...]:
    return (target.work, target.depth, target.all_workers, target.metric, target.peer)


def _of_group(group: Group, variants: dict[str, Row]) -> Iterator[Finding]:
    ours = variants.get(OURS)
    if group.is_kernel:
        yield from _of_kernel(group, variants)
        return
    metrics = METRICS.get(group.work, USUAL)
    for metric in metrics:
        if ours is not None and _limit(group, metric, None) is not None:
            yield from _alone(group, metric, ours)
    for peer, row in variants.items():
        counterpart = _counterpart(peer, variants)
        if counterpart is not None:
            for metric in metrics:
                yield from _beside(group, metric, counterpart, peer, row)


def _of_kernel(group: Group, variants: dict[str, Row]) -> Iterator[Finding]:
    """Time and rate beside each peer, then our own figures, those without a target too."""
    times = (KERNEL_TIME, GFLOPS, PIXELS)
    compared = False
    for peer in _kernel_peers(variants):
        counterpart = _counterpart(peer, variants)
        if counterpart is not None:
            for metric in times:
                for finding in _beside(group, metric, counterpart, peer, variants.get(peer)):
                    compared = True
                    yield finding
    ours = variants.get(OURS)
    if ours is not None:
        for metric in (*(() if compared else times), *OWN_FIGURES, *_lesser_sets(ours)):
            yield from _alone(group, metric, ours)


def _kernel_peers(variants: dict[str, Row]) -> list[str]:
    """Those that have a row, and those that only our own row has a ratio to."""
    start = KERNEL_TIME.side_by_side
    fields = [name for row in variants.values() for sample in row.samples for name in sample]
    not_peers = {OVER_SIZE_3.field, OVER_NOMINAL.field}
    beside = [
        name.removeprefix(start)
        for name in fields
        if name.startswith(start) and name not in not_peers and not LESSER_SET.fullmatch(name)
    ]
    return list(dict.fromkeys([*variants, *beside]))


def _lesser_sets(ours: Row) -> list[Metric]:
    """How many times slower ours is with an instruction set forced on it."""
    names = dict.fromkeys(name for sample in ours.samples for name in sample)
    found = [(name, LESSER_SET.fullmatch(name)) for name in names]
    return [
        Metric(f"time with {match[1] or match[2]}", name, "times") for name, match in found if match
    ]


def _counterpart(peer: str, variants: dict[str, Row]) -> Row | None:
    """Ours of the same kind ("liburing_registered" beside "waitwork_registered"), or plain ours."""
    if peer.split("_")[0] == OURS:
        return None
    kind = peer.partition("_")[2]
    return variants.get(f"{OURS}_{kind}") or variants.get(OURS)


def _alone(group: Group, metric: Metric, ours: Row) -> Iterator[Finding]:
    limit = _limit(group, metric, None)
    values = _positive(ours, metric)
    ratio = paired(values, dict.fromkeys(values, 1.0 if limit is None else limit))
    median = ours.median(metric.field)
    if ratio is None or median is None:
        return
    said = "" if limit is None else verdict(ratio, 1.0, metric.higher_is_better)
    yield Finding(group, metric, OURS, None, median, None, ratio, limit, said)


def _beside(
    group: Group, metric: Metric, ours: Row, peer: str, row: Row | None
) -> Iterator[Finding]:
    """`row`: the peer's; without one there may yet be a ratio in our own."""
    theirs = _positive(row, metric) if row is not None else {}
    ratio = _side_by_side(ours, metric, peer) or paired(_positive(ours, metric), theirs)
    median = ours.median(metric.field)
    if ratio is None or median is None:
        return
    their_median = row.median(metric.field) if row is not None else None
    limit = _limit(group, metric, peer) if ours.variant == OURS else None
    said = "" if limit is None else verdict(ratio, limit, metric.higher_is_better)
    yield Finding(group, metric, ours.variant, peer, median, their_median, ratio, limit, said)


def _side_by_side(ours: Row, metric: Metric, peer: str) -> Ratio | None:
    """The ratio that was measured in our own row, where there is one."""
    found = ours.values(metric.side_by_side + peer) if metric.side_by_side else {}
    values = {index: value for index, value in found.items() if value > 0}
    ones = dict.fromkeys(values, 1.0)
    return paired(ones, values) if metric.inverse else paired(values, ones)


def _positive(row: Row, metric: Metric) -> dict[int, float]:
    """A ratio needs figures above zero; a work without enters has none to compare."""
    return {index: value for index, value in row.values(metric.field).items() if value > 0}


def _limit(group: Group, metric: Metric, peer: str | None) -> float | None:
    wanted = (*group.target_key, metric, peer)
    return next((each.limit for each in TARGETS if _key(each) == wanted), None)


def verdict(ratio: Ratio, limit: float, higher_is_better: bool) -> str:
    """Where the interval lies; figures that are the same in every round have none to speak of."""
    if ratio.low is None or ratio.high is None:
        return "undecided"
    # Counts that are equal give exactly 1 but for rounding.
    low, high = ratio.low * (1 + 1e-9), ratio.high * (1 - 1e-9)
    if higher_is_better:
        return "reached" if low >= limit else "missed" if high < limit else "undecided"
    return "reached" if high <= limit else "missed" if low > limit else "undecided"


def main(argv: list[str]) -> int:
    parser = Parser(PROG, __doc__)
    parser.add_report("of `waitwork run --suite peers`")
    arguments = parser.parse_args(argv)
    try:
        report = load(arguments.report)
    except ReportError as problem:
        complain(PROG, str(problem))
        return UNUSABLE
    if not any(entry["workload"].startswith(CLASS) for entry in report.declared):
        complain(
            PROG,
            f"{arguments.report}: this is a report of the suite {report.meta['suite']};"
            " give one of `waitwork run --suite peers`",
        )
        return UNUSABLE
    if report.remark:
        complain(PROG, report.remark)
    findings = compare(report)
    write = parser.form(arguments, peers_output)
    return write_out(PROG, write(report, findings, not_measured(findings), libraries(report)))


if __name__ == "__main__":
    run_tool(PROG, main)
