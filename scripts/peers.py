#!/usr/bin/env python3
"""Says how this runtime compares with what one would pick instead, from a report of the suite "peers".

For each work and number of units in flight, the ratio of ours over each peer, taken within rounds,
with its 95 % interval. (Servers are compared side by side, in slices of some 20 ms within our row:
rows of one round are seconds apart.) Times and CPU are of one unit: below 1 we are faster or cheaper; a rate is
better above 1. Where a target is set, it is reached if the whole interval is on the right side of
it, missed if the whole interval is on the wrong side, and undecided otherwise: then more rounds may
tell. A target that is no ratio ("40 ns") is compared with our own figure in the same way.

Exit codes: 0 done, whatever is reached or missed; 2 wrong usage or a report without peers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from command_line import MISSING_MODULE, Parser, missing_module, run_tool, write_out

try:
    import peers_output
    from ratio import Ratio, paired
    from report import Report, ReportError, Row, load
except ModuleNotFoundError as problem:
    print(missing_module("peers.py", problem), file=sys.stderr)
    sys.exit(MISSING_MODULE)

CLASS = "peers/"
OURS = "waitwork"


@dataclass(frozen=True)
class Metric:
    """A figure of a row that is compared."""

    name: str  # for people
    field: str  # of the report
    unit: str  # "ns", "bytes", "/s", "" for a plain number
    higher_is_better: bool = False
    side_by_side: str = ""  # where a row of ours has its ratio to a peer, taken closer than between rows


TIME = Metric("time", "real_time", "ns")
LATENCY = Metric("median latency", "p50_ns", "ns")
CPU = Metric("CPU", "cpu_time", "ns")
RATE = Metric("rate", "items_per_second", "/s", higher_is_better=True)
ENTERS = Metric("enters", "enters_per_unit", "")
SERVER_CPU = Metric(
    "server CPU", "server_cpu_ns_per_unit", "ns", side_by_side="server_cpu_over_"
)
SERVER_ENTERS = Metric(
    "server system calls", "server_enters_per_unit", "", side_by_side="server_enters_over_"
)
REQUESTS = Metric("rate", "items_per_second", "/s", True, side_by_side="requests_over_")
MEMORY = Metric("memory", "bytes_per_sleeper", "bytes")
OVER_NOMINAL = Metric("time over nominal", "time_over_nominal", "")

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
)


@dataclass(frozen=True)
class Finding:
    """One line: ours beside a peer, or ours alone beside a target."""

    work: str
    depth: int
    metric: Metric
    variant: str  # which of ours
    peer: str | None
    ours: float  # median over rounds
    theirs: float | None
    ratio: Ratio  # to the peer; without one, to the target
    limit: float | None
    verdict: str  # "reached", "missed", "undecided", or "" without a target


def compare(report: Report) -> list[Finding]:
    """Every comparison that the report allows, in its order."""
    groups: dict[tuple[str, int], dict[str, Row]] = {}
    for row in report.rows.values():
        if row.workload.startswith(CLASS):
            groups.setdefault((row.workload, row.depth), {})[row.variant] = row
    return [
        finding for key, variants in groups.items() for finding in _of_group(*key, variants)
    ]


def not_measured(findings: list[Finding]) -> list[Target]:
    """Targets that nothing in the report says anything about."""
    seen = {(each.work, each.depth, each.metric, each.peer) for each in findings if each.limit}
    return [
        each for each in TARGETS if (each.work, each.depth, each.metric, each.peer) not in seen
    ]


def _of_group(work: str, depth: int, variants: dict[str, Row]) -> Iterator[Finding]:
    metrics = METRICS.get(work, USUAL)
    for metric in metrics:
        yield from _alone(work, depth, metric, variants)
    for peer, row in variants.items():
        ours = _counterpart(peer, variants)
        if ours is None:
            continue
        for metric in metrics:
            finding = _beside(work, depth, metric, ours, row)
            if finding is not None:
                yield finding


def _counterpart(peer: str, variants: dict[str, Row]) -> Row | None:
    """Ours of the same kind ("liburing_registered" beside "waitwork_registered"), or plain ours."""
    if peer.split("_")[0] == OURS:
        return None
    kind = peer.partition("_")[2]
    return variants.get(f"{OURS}_{kind}") or variants.get(OURS)


def _alone(
    work: str, depth: int, metric: Metric, variants: dict[str, Row]
) -> Iterator[Finding]:
    limit = _limit(work, depth, metric, None)
    row = variants.get(OURS)
    if limit is None or row is None:
        return
    values = _positive(row, metric)
    ratio = paired(values, dict.fromkeys(values, limit))
    median = row.median(metric.field)
    if ratio is None or median is None:
        return
    said = verdict(ratio, 1.0, metric.higher_is_better)
    yield Finding(work, depth, metric, OURS, None, median, None, ratio, limit, said)


def _beside(work: str, depth: int, metric: Metric, ours: Row, peer: Row) -> Finding | None:
    ratio = _side_by_side(ours, metric, peer.variant) or paired(
        _positive(ours, metric), _positive(peer, metric)
    )
    medians = ours.median(metric.field), peer.median(metric.field)
    if ratio is None or medians[0] is None:
        return None
    limit = _limit(work, depth, metric, peer.variant) if ours.variant == OURS else None
    said = "" if limit is None else verdict(ratio, limit, metric.higher_is_better)
    return Finding(
        work, depth, metric, ours.variant, peer.variant, medians[0], medians[1], ratio, limit, said
    )


def _side_by_side(ours: Row, metric: Metric, peer: str) -> Ratio | None:
    """The ratio that was measured in our own row, where there is one."""
    values = ours.values(metric.side_by_side + peer) if metric.side_by_side else {}
    return paired(values, dict.fromkeys(values, 1.0)) if values else None


def _positive(row: Row, metric: Metric) -> dict[int, float]:
    """A ratio needs figures above zero; a work without enters has none to compare."""
    return {index: value for index, value in row.values(metric.field).items() if value > 0}


def _limit(work: str, depth: int, metric: Metric, peer: str | None) -> float | None:
    wanted = (work, depth, metric, peer)
    found = [
        each.limit for each in TARGETS if (each.work, each.depth, each.metric, each.peer) == wanted
    ]
    return found[0] if found else None


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
    parser = Parser("peers.py", __doc__)
    parser.add_report("of `waitwork run --suite peers`")
    arguments = parser.parse_args(argv)
    try:
        report = load(arguments.report)
    except ReportError as problem:
        print(f"peers.py: {problem}", file=sys.stderr)
        return 2
    if not any(entry["workload"].startswith(CLASS) for entry in report.declared):
        print(
            f"peers.py: {arguments.report}: this is a report of the suite {report.meta['suite']};"
            " give one of `waitwork run --suite peers`",
            file=sys.stderr,
        )
        return 2
    findings = compare(report)
    write = parser.form(arguments, peers_output)
    write_out(write(report, findings, not_measured(findings)))
    return 0


if __name__ == "__main__":
    run_tool("peers.py", main)
