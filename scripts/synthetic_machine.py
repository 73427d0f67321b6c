# SPDX-License-Identifier: Apache-2.0
"""The machine behind synthetic_report.py: two CPUs, a disk, a server, and the quick suite on it.

A unit waits and computes. A strategy overlaps waits up to what CPUs, device and server can serve,
and pays for it with switches and kernel entries of its own. Round numbers of the right magnitude;
nothing is fitted to a real machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from report import is_split

CPUS = 2
DEPTHS = (1, 4, 16, 64, 256)
THREADS = (1, 2, 4, 8, 16, 32, 64)

SWITCH_NS = 1_600  # CPU time of putting a thread to sleep and waking it
LOOP_NS = 350  # of an operation on a loop, without its kernel part
ENTER_NS = 700  # of one entry into the kernel, shared by what is submitted with it
HANDOVER_NS = 1_900  # of sending compute to the arena and coming back
PARTS = 8  # that a unit is cut into, each handed over


@dataclass(frozen=True)
class Work:
    """What one unit of a workload is made of."""

    workload: str
    variant: str
    wait_ns: float
    user_ns: float
    sys_ns: float
    served_ns: float = 0.0  # what device or server needs for each unit, whatever is in flight
    server_cpu_ns: float = 0.0
    join_ns: float | None = None  # of a split unit while the last part runs alone; None: no parts
    parameters: dict[str, float] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether the suite measures it with more threads than CPUs."""
        return not self.workload.startswith("cpu/")


BLOCKS = {"block_bytes": 4096.0}


def mix(variant: str, wait_us: int) -> Work:
    parameters = {"wait_us": wait_us, "work_us": 1000 - wait_us}
    overshoot = 62e3 if wait_us else 0
    return Work(
        "mixed/wait_work",
        variant,
        wait_us * 1e3 + overshoot,
        (1000 - wait_us) * 1e3,
        900,
        parameters=parameters,
    )


def echo(variant: str, delay_us: int) -> Work:
    wait = 19e3 if delay_us == 0 else delay_us * 1e3 + 78e3
    return Work(
        "io/net_echo",
        variant,
        wait,
        700,
        7_800,
        served_ns=9_000,
        server_cpu_ns=8_600,
        parameters={"message_bytes": 64, "delay_us": delay_us},
    )


# fmt: off
#        workload            variant     wait    user   system
SUITE = (
    Work("cpu/image_filter", "",          0.0,  4.1e6,   3_000,
         join_ns=12e3, parameters={"width": 1920}),
    Work("cpu/matmul",       "",          0.0,  6.9e6,   2_000,
         join_ns=180e3, parameters={"n": 512}),
    Work("io/file_read",     "cached",    150,    420,   1_250, parameters=BLOCKS),
    Work("io/file_read",     "direct",   88e3,    900,   7_600, 17.5e3, parameters=BLOCKS),
    Work("io/file_write",    "",        390e3,  1_100,    19e3, 61e3, parameters=BLOCKS),
    echo("delay0", 0),
    echo("delay1ms", 1000),
    Work("io/timer",         "",      1.067e6,    300,   2_900, parameters={"wait_us": 1000}),
    mix("burgers", 950),
    mix("wait75", 750),
    mix("wait50", 500),
    mix("wait25", 250),
    mix("cleaning", 0),
)
# fmt: on


@dataclass(frozen=True)
class Point:
    """A row of the suite."""

    work: Work
    strategy: str
    depth: int
    workers: int
    family: int
    instance: int

    @property
    def split(self) -> bool:
        return is_split(self.strategy, self.depth, self.workers)

    @property
    def name(self) -> str:
        axes = {
            "sequential": "",
            "concurrent": f"/depth:{self.depth}",
            "parallel": f"{'/depth:1' if self.split else ''}/workers:{self.workers}",
            "hybrid": f"/depth:{self.depth}/workers:{self.workers}",
        }[self.strategy]
        variant = f"/{self.work.variant}" if self.work.variant else ""
        return f"{self.work.workload}{variant}/{self.strategy}{axes}/process_time/real_time"

    def identity(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "workload": self.work.workload,
            "variant": self.work.variant,
            "strategy": self.strategy,
            "depth": self.depth,
            "workers": self.workers,
        }


def quick_suite() -> list[Point]:
    points = []
    family = 0
    for work in SUITE:
        sizes = {
            "sequential": [(1, 1)],
            "concurrent": [(depth, 1) for depth in DEPTHS],
            "parallel": [(count, count) for count in THREADS if work.waits or count <= CPUS],
            "hybrid": [(depth, CPUS) for depth in DEPTHS],
        }
        if work.join_ns is not None:
            sizes["parallel"] += [(1, count) for count in THREADS if 1 < count <= CPUS]
        for strategy, of_strategy in sizes.items():
            for instance, (depth, workers) in enumerate(of_strategy):
                points.append(Point(work, strategy, depth, workers, family, instance))
            family += 1
    return points


@dataclass(frozen=True)
class Expected:
    """What the model says of a row, before noise: nanoseconds and counts of one unit."""

    real_ns: float
    user_ns: float
    sys_ns: float
    switches: float
    enters: float = 0.0


def expected(point: Point) -> Expected:
    work, flight = point.work, point.depth
    blocks = 1.0 if work.wait_ns > 5e3 else 0.0  # shorter waits are over before the thread sleeps
    user, system, enters = work.user_ns, work.sys_ns, 0.0
    cpus = {"sequential": 1, "concurrent": 1, "parallel": min(point.workers, CPUS), "hybrid": CPUS}[
        point.strategy
    ]
    switches = blocks
    if point.split:
        user += PARTS * HANDOVER_NS
        switches += 0.5
    elif point.strategy == "parallel" and point.workers > 1:
        system += blocks * SWITCH_NS
        switches += blocks * min(1.0, point.workers / 32)
    elif point.strategy in ("concurrent", "hybrid") and (work.waits or point.strategy == "hybrid"):
        together = max(1.0, 0.7 * flight / (2 if point.strategy == "hybrid" else 1))
        enters = 1.0 / together
        user += LOOP_NS
        system = 0.62 * work.sys_ns + ENTER_NS * enters if work.waits else work.sys_ns
        switches = blocks / together
        if point.strategy == "hybrid" and work.user_ns > 20e3:
            user += HANDOVER_NS
            switches += 0.6
    if work.wait_ns < 5e3 and enters:
        switches += 0.001
    busy = user + system
    if point.split:
        real = busy / cpus + (work.join_ns or 0.0)
    else:
        real = max(
            busy / min(cpus, flight),
            (work.wait_ns + busy) / flight,
            work.served_ns,
            (busy + work.server_cpu_ns) / CPUS if flight > 1 else 0.0,
        )
    return Expected(real, user, system, switches + real / 250e6, enters)
