# SPDX-License-Identifier: Apache-2.0
"""Makes the report of a run that measured kernels beside their peers: for tests of the roofline and
of peers.py.

As a run of the suite "peers" has them: one unit at a time under "parallel", by one worker and by
all; ours has ratios to its peers, which it took side by side. A unit takes what the machine needs
at the least for its operations or its bytes, divided by a share that each kernel has. Round numbers
of the right magnitude; nothing is fitted to a real machine. The same arguments give the same
report.
"""

from __future__ import annotations

import json
import math
import random
import re
from dataclasses import dataclass, field
from typing import Any

from synthetic_machine import CPUS, Expected, Point, Work
from synthetic_report import TESTDATA, entry

LIMITS: dict[str, Any] = {
    "instruction_set": "AVX3",
    "workers": CPUS,
    "f32_flops_one": 160e9,
    "f32_flops_all": 310e9,
    "f64_flops_one": 80e9,
    "f64_flops_all": 155e9,
    "read_bytes_per_second_one": 14e9,
    "read_bytes_per_second_all": 22e9,
    "copy_bytes_per_second_one": 12e9,
    "copy_bytes_per_second_all": 18e9,
    "array_bytes": 268435456,
    "caches": [
        {
            "level": level,
            "cache_bytes": size,
            "worker_bytes": size // 2,
            "read_bytes_per_second_one": rate,
            "read_bytes_per_second_all": rate * 1.95,
            "copy_bytes_per_second_one": rate * 0.7,
            "copy_bytes_per_second_all": rate * 1.36,
        }
        for level, size, rate in (
            ("L1", 32 << 10, 330e9),
            ("L2", 1 << 20, 130e9),
            ("L3", 32 << 20, 60e9),
        )
    ],
    "latencies": [],
    "took_ns": 2_000_000_000,
    "absent": [],
}
PIXELS = 1920.0 * 1080
LIBRARIES = {
    "openblas": "OpenBLAS 0.3.21 SkylakeX",
    "opencv": "OpenCV 4.6.0",
    "fftw": "FFTW 3.3.10 avx512",
}


@dataclass(frozen=True)
class Kernel:
    """What one unit does at the least, and how near a limit it comes."""

    name: str
    share: float
    flops: float
    read: float  # bytes
    written: float
    working_set: float
    doubles: bool = False
    pixels: float = 0.0
    theirs: dict[str, float] = field(default_factory=dict)  # peer -> its time over ours
    figures: dict[str, float] = field(default_factory=dict)  # further ones of our rows

    @property
    def parameters(self) -> dict[str, float]:
        made = {
            "flops_per_unit": self.flops,
            "flops_are_f64": float(self.doubles),
            "bytes_read_per_unit": self.read,
            "bytes_written_per_unit": self.written,
            "working_set_bytes": self.working_set,
            "pixels_per_unit": self.pixels,
        }
        return {name: value for name, value in made.items() if value}

    def limit(self, workers: int) -> tuple[float, str]:
        """The least time of a unit in ns, and what it is due to."""
        which = "one" if workers == 1 else "all"
        peak = LIMITS[f"{'f64' if self.doubles else 'f32'}_flops_{which}"]
        level, rates = "memory", LIMITS
        for cache in LIMITS["caches"]:
            if self.working_set <= cache["cache_bytes"]:
                level, rates = cache["level"], cache
                break
        copied = 2 * min(self.read, self.written) + max(self.written - self.read, 0.0)
        seconds = copied / rates[f"copy_bytes_per_second_{which}"]
        seconds += max(self.read - self.written, 0.0) / rates[f"read_bytes_per_second_{which}"]
        return max((self.flops / peak * 1e9, "arithmetic"), (seconds * 1e9, level))


def _matmul(n: int, share: float, doubles: bool = False) -> Kernel:
    kind, size = ("f64", 8) if doubles else ("f32", 4)
    square = float(n * n * size)
    return Kernel(
        f"matmul_{kind}_{n}",
        share,
        2.0 * n**3,
        2 * square,
        square,
        3 * square,
        doubles,
        theirs={"openblas": 0.97 + share / 10},
        figures={"of_peak": share},
    )


def _blur(kind: str, taps: int, share: float, theirs: float, channels: int = 1) -> Kernel:
    floats = kind == "f32"
    size = PIXELS * channels * (4 if floats else 1)
    flops = 4 * taps * PIXELS if floats else 0.0
    name = f"gaussian_blur_{kind}{'' if floats else f'c{channels}'}_{taps}"
    peers = {"opencv": theirs}
    return Kernel(name, share, flops, size, size, 2 * size, pixels=PIXELS, theirs=peers)


def _fft(n: int, share: float) -> Kernel:
    size = 8.0 * n
    return Kernel(
        f"fft_{n}", share, 5 * n * math.log2(n), size, size, 2 * size, theirs={"fftw": 0.85}
    )


def _dense(batch: int, share: float, theirs: float, **figures: float) -> Kernel:
    inputs = outputs = 1024
    weights = 4.0 * inputs * outputs
    return Kernel(
        f"dense_{batch}",
        share,
        2.0 * inputs * outputs * batch,
        weights + 4 * inputs * batch,
        4.0 * outputs * batch,
        weights,
        theirs={"openblas": theirs},
        figures=figures,
    )


MATMUL = {64: 0.7, 128: 0.82, 256: 0.9, 512: 0.94, 1024: 0.95, 2048: 0.93}

SUITE = (
    *(_matmul(n, share) for n, share in MATMUL.items()),
    *(_matmul(n, share, True) for n, share in ((512, 0.91), (1024, 0.92), (2048, 0.86))),
    _blur("u8", 5, 0.55, 1.6),
    _blur("u8", 5, 0.5, 1.4, channels=3),
    _blur("u8", 15, 0.3, 1.5),
    _blur("u8", 15, 0.28, 1.1, channels=3),
    _blur("f32", 5, 0.8, 1.1),
    Kernel("sobel", 0.7, 0, PIXELS, 2 * PIXELS, 3 * PIXELS, pixels=PIXELS, theirs={"opencv": 2.4}),
    Kernel(
        "box_blur_31",
        0.6,
        0,
        PIXELS,
        PIXELS,
        2 * PIXELS,
        pixels=PIXELS,
        figures={"time_over_size_3": 1.04},
    ),
    *(_fft(n, share) for n, share in ((1024, 0.3), (32768, 0.25), (1048576, 0.35))),
    Kernel("fir_32", 0.85, 64.0 * 65536, 4.0 * 65536, 4.0 * 65536, 8.0 * 65536),
    Kernel("conv2d", 0.75, 9.4e8, 1.7e6, 3.2e6, 5e6),
    _dense(1, 0.93, 1.02, of_bandwidth=0.92),
    _dense(64, 0.88, 1.05),
)


def make(rounds: int = 5, seed: int = 1, only: str = "", limits: Any = LIMITS) -> dict[str, Any]:
    """A report as JSON has it. `only`: a regex for the names of the works; `limits`: None for a
    report without them."""
    kernels = [kernel for kernel in SUITE if re.search(only, kernel.name)]
    declared, benchmarks = [], []
    for family, (kernel, variant) in enumerate(
        (kernel, variant) for kernel in kernels for variant in ("waitwork", *kernel.theirs)
    ):
        for instance, workers in enumerate((1, CPUS)):
            point = _point(kernel, variant, workers, family, instance)
            declared.append(_identity(point))
            for round_ in range(rounds):
                benchmarks.append(_entry(kernel, point, rounds, round_, seed))
    context = json.loads((TESTDATA / "context.json").read_text(encoding="utf-8"))
    if limits is not None:
        context["waitwork"]["limits"] = limits
    return {
        "context": context,
        "benchmarks": benchmarks,
        "waitwork": {
            "schema": "1.3.0",
            "complete": True,
            "suite": "peers",
            "rounds": rounds,
            "seed": seed,
            "filter": only,
            "started": "2026-03-02T09:00:00Z",
            "finished": "2026-03-02T09:10:00Z",
            "failures": [],
            "absent": [],
            "declared": declared,
        },
    }


def _point(kernel: Kernel, variant: str, workers: int, family: int, instance: int) -> Point:
    work = Work(f"peers/{kernel.name}", variant, 0, 0, 0, parameters=kernel.parameters)
    return Point(work, "parallel", 1, workers, family, instance)


def _identity(point: Point) -> dict[str, Any]:
    identity = point.identity()
    start = f"{point.work.workload}/{point.work.variant}"
    name = f"{start}/parallel/depth:1/workers:{point.workers}/process_time/real_time"
    return identity | {"name": name}


def _entry(kernel: Kernel, point: Point, rounds: int, round_: int, seed: int) -> dict[str, Any]:
    luck = random.Random(f"{seed}/{kernel.name}/{point.work.variant}/{point.workers}/{round_}")
    limit, by = kernel.limit(point.workers)
    real = limit / kernel.share * kernel.theirs.get(point.work.variant, 1.0)
    factor = math.exp(luck.gauss(0, 0.01))
    model = Expected(real, real * point.workers, 0.0, real / 250e6)
    made = entry(point, model, factor, round_, rounds, histograms=False)
    identity = _identity(point)
    time = made["real_time"]
    made |= {"name": identity["name"], "run_name": identity["name"]}
    made["share_of_limit"] = limit / time
    if kernel.flops:
        made["gflops"] = kernel.flops / time
    if kernel.pixels:
        made["mpixels_per_second"] = kernel.pixels * 1e3 / time
    made["waitwork"]["limited_by"] = by
    if point.work.variant in LIBRARIES:
        made["waitwork"]["library"] = LIBRARIES[point.work.variant]
    else:
        made |= _beside(kernel, point.workers, luck)
    return made


def _beside(kernel: Kernel, workers: int, luck: random.Random) -> dict[str, float]:
    """The figures that our row takes in slices, beside its peers and the machine's limits."""
    figures = {f"time_over_{peer}": 1 / theirs for peer, theirs in kernel.theirs.items()}
    figures |= kernel.figures
    if kernel.flops:
        figures["own_AVX2_over_best"] = 1.7
        figures["own_SSE4_over_best"] = 3.6
    if workers > 1:
        figures |= {"speedup": 1.92, "peak_speedup": 1.94, "speedup_of_ceiling": 1.92 / 1.94}
    return {name: value * math.exp(luck.gauss(0, 0.004)) for name, value in figures.items()}
