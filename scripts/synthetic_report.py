#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a report of a machine that does not exist, for the tests of the tools that read reports.

The figures come from a small model of a machine with two CPUs, so that they hang together: a unit
waits and computes, a strategy overlaps waits up to what CPUs, device and server can serve, latency
is in-flight units over rate. Noise varies by round (drift, common to all rows) and by process. The
same arguments give the same report.

Scenarios:
  complete     every row of the quick suite, every round
  troubled     with a crash, a timeout, a wrong answer, and a workload that the machine lacks
  no_io_uring  the kernel refuses io_uring: no concurrent and no hybrid rows
  interrupted  stopped during the first round
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import NormalDist
from typing import Any

from synthetic_machine import Expected, Point, expected, quick_suite

STARTED = datetime(2026, 3, 2, 9, 0, 0, tzinfo=timezone.utc)
TESTDATA = Path(__file__).resolve().parent / "testdata"
SCENARIOS = ("complete", "troubled", "no_io_uring", "interrupted")


@dataclass(frozen=True)
class Noise:
    """Standard deviations of log time, and how often a process meets a disturbance of `spike`."""

    process: float = 0.012
    drift: float = 0.015
    spike: float = 0.06
    spike_probability: float = 0.04


def entry(
    point: Point, model: Expected, factor: float, round_: int, rounds: int, histograms: bool
) -> dict[str, Any]:
    real = model.real_ns * factor
    # Of what makes a round slow, about half is time on the CPU.
    strain = math.sqrt(factor)
    latency = real * point.depth
    spread = 0.05 if point.depth == 1 else 0.18
    units = max(point.depth * 4, round(100e6 / model.real_ns))
    quantile = {
        name: latency * math.exp(spread * NormalDist().inv_cdf(share))
        for name, share in (("p50_ns", 0.5), ("p90_ns", 0.9), ("p99_ns", 0.99), ("p999_ns", 0.999))
    }
    made = {
        "name": point.name,
        "family_index": point.family,
        "per_family_instance_index": point.instance,
        "run_name": point.name,
        "run_type": "iteration",
        "repetitions": rounds,
        "repetition_index": round_,
        "threads": 1,
        "iterations": units,
        "real_time": real,
        "cpu_time": (model.user_ns + model.sys_ns) * strain,
        "time_unit": "ns",
        "items_per_second": 1e9 / real,
    }
    if "block_bytes" in point.work.parameters:
        made["bytes_per_second"] = point.work.parameters["block_bytes"] * 1e9 / real
    made.update(quantile)
    made.update(
        {
            "max_ns": latency * math.exp(spread * 3.9),
            "mean_ns": latency * math.exp(spread * spread / 2),
            "user_ns_per_unit": model.user_ns * strain,
            "sys_ns_per_unit": model.sys_ns * strain,
            "ctx_switches_per_unit": model.switches,
            "voluntary_switches_per_unit": model.switches - model.real_ns / 250e6,
            "involuntary_switches_per_unit": model.real_ns / 250e6,
            "minor_faults_per_unit": 0.002,
            "major_faults_per_unit": 0.0,
            "rss_peak_bytes": (7 << 20)
            + point.depth * (72 << 10 if point.strategy == "parallel" else 9 << 10),
        }
    )
    if point.work.server_cpu_ns:
        made["server_cpu_ns_per_unit"] = point.work.server_cpu_ns * strain
    loops = point.strategy in ("concurrent", "hybrid")
    if loops:
        made["kernel_workers"] = 0
        made["enters_per_unit"] = model.enters
        made["submissions_per_enter"] = made["completions_per_enter"] = (
            1 / model.enters if model.enters else 0.0
        )
    ours: dict[str, Any] = {
        "class": point.work.workload.split("/")[0],
        "workload": point.work.workload,
        "variant": point.work.variant,
        "strategy": point.strategy,
        "depth": point.depth,
        "workers": point.workers,
        "round": round_,
        "parameters": dict(point.work.parameters),
        "latency_histogram": {
            "unit": "ns",
            "buckets": _buckets(latency, spread, units) if histograms else [],
        },
        "started": _time(STARTED + timedelta(seconds=round_ * 48)),
        "pressure_cpu_some_percent": max(0.0, round(2.0 * (factor - 0.9), 3)),
        "steal_percent": 0.0,
    }
    if loops:
        enters = round(units * model.enters)
        ours["loop"] = {
            "turns": enters,
            "enters": enters,
            "submissions": units,
            "completions": units,
        }
    made["waitwork"] = ours
    return made


def _buckets(middle: float, spread: float, units: int) -> list[list[int]]:
    """About thirty buckets of a log-normal latency."""
    edges = [round(middle * math.exp(spread * 0.25 * step)) for step in range(-15, 17)]
    buckets = []
    for position, (lower, upper) in enumerate(zip(edges, edges[1:])):
        low, high = (NormalDist().cdf(0.25 * (position + offset - 15)) for offset in (0, 1))
        count = round(units * (high - low))
        if count and upper > lower:
            buckets.append([lower, upper, count])
    return buckets


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def make(
    scenario: str = "complete",
    seed: int = 1,
    rounds: int = 5,
    noise: Noise = Noise(),
    only: str = "",
    slower: dict[str, float] | None = None,
    histograms: bool = True,
) -> dict[str, Any]:
    """A report as JSON has it.

    `only`: a regex for the names of the rows; `slower`: regex -> factor on the time of a unit.
    """
    points = [point for point in quick_suite() if re.search(only, point.name)]
    failures, absent = _troubles(scenario, points)
    lost = {entry["name"]: entry.get("round", 0) for entry in [*failures, *absent]}
    drift = [
        random.Random(f"{seed}/drift/{round_}").gauss(0, noise.drift) for round_ in range(rounds)
    ]
    reached = len(points) * 3 // 5 if scenario == "interrupted" else len(points)
    benchmarks = []
    for point in points[:reached]:
        model = expected(point)
        factor = math.prod(
            by for pattern, by in (slower or {}).items() if re.search(pattern, point.name)
        )
        measured = 1 if scenario == "interrupted" else lost.get(point.name, rounds)
        for round_ in range(measured):
            luck = random.Random(f"{seed}/{point.name}/{round_}")
            log = drift[round_] + luck.gauss(0, noise.process)
            if luck.random() < noise.spike_probability:
                log += luck.expovariate(1 / noise.spike) if noise.spike else 0.0
            benchmarks.append(
                entry(point, model, factor * math.exp(log), round_, rounds, histograms)
            )
    return {
        "context": _context(scenario),
        "benchmarks": benchmarks,
        "waitwork": {
            "schema": "1.0.0",
            "complete": scenario != "interrupted",
            "suite": "quick",
            "rounds": rounds,
            "seed": seed,
            "filter": only,
            "started": _time(STARTED),
            "finished": _time(STARTED + timedelta(seconds=48 * rounds)),
            "failures": failures,
            "absent": absent,
            "declared": [point.identity() for point in points],
        },
    }


def _troubles(
    scenario: str, points: list[Point]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    failures, absent = [], []
    for point in points:
        if scenario == "no_io_uring" and point.strategy in ("concurrent", "hybrid"):
            absent.append(
                point.identity()
                | {
                    "cause": "set up io_uring: Operation not permitted (seccomp forbids it)",
                    "remedy": "run the container with a seccomp profile that allows io_uring",
                }
            )
        if scenario != "troubled":
            continue
        if point.work.workload == "io/file_write":
            absent.append(
                point.identity()
                | {
                    "cause": "open /tmp/waitwork/blocks: the file system (tmpfs) refuses O_DIRECT",
                    "remedy": "name a directory on ext4 or xfs with --work-dir",
                }
            )
        trouble = {
            "io/net_echo/delay1ms/parallel/workers:64": (2, "crashed", "killed by SIGSEGV"),
            "mixed/wait_work/wait50/hybrid/depth:256/workers:2": (
                0,
                "timed_out",
                "not done after 60 s and killed; --timeout gives it longer",
            ),
            "io/file_read/cached/concurrent/depth:64": (
                1,
                "wrong_answer",
                "3 of 41000 units gave a wrong answer, the first was unit 17",
            ),
        }.get(point.name.removesuffix("/process_time/real_time"))
        if trouble:
            round_, reason, detail = trouble
            failures.append(
                point.identity() | {"round": round_, "reason": reason, "detail": detail}
            )
    return failures, absent


def _context(scenario: str) -> dict[str, Any]:
    context = json.loads((TESTDATA / "context.json").read_text(encoding="utf-8"))
    if scenario == "no_io_uring":
        context["waitwork"]["environment"][0] |= {
            "status": "fail",
            "value": "not available: Operation not permitted (seccomp forbids it)",
            "remedy": "run the container with a seccomp profile that allows io_uring",
        }
    return context


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="synthetic_report.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenario", choices=SCENARIOS, default="complete")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args(argv)
    json.dump(make(arguments.scenario, arguments.seed, arguments.rounds), sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
