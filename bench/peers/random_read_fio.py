#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare waitwork's random 4 KiB direct reads with fio's, interleaved.

Both read at random from a file of 256 MiB in the same directory, with O_DIRECT, io_uring and 64 requests in flight, and
neither looks at the clock for each read. Ours also checks every byte (the sum of a block, about 100 ns a read), fio
does not. Each pair runs the two after one another, in an order that alternates; ratios are taken within a pair. Prints
rate and CPU time of a read for each pair, and the ratios waitwork / fio with their 95 % interval. Needs fio
(scripts/packages peers).
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

FILE_MIB = 256
DEPTH = 64


@dataclass(frozen=True)
class Reads:
    per_second: float
    cpu_ns: float  # of one read, user and system


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(
            f"{command[0]} failed with exit code {done.returncode}: {done.stderr.strip()}"
        )
    return done.stdout


def waitwork_reads(binary: Path, place: Path, seconds: float, registered: bool) -> Reads:
    variant = "waitwork_registered" if registered else "waitwork"
    row = f"^peers/random_read/{variant}/concurrent/depth:{DEPTH}/"
    report = place / "report.json"
    flags = [
        "--suite",
        "peers",
        "--rounds",
        "1",
        "--filter",
        row,
        "--work-dir",
        str(place),
        "--out",
        str(report),
    ]
    run([str(binary), "run", *flags, f"--benchmark_min_time={seconds}"])
    entry = json.loads(report.read_text(encoding="utf-8"))["benchmarks"][0]
    return Reads(entry["items_per_second"], entry["cpu_time"])


def fio(place: Path, *options: str) -> dict:
    common = [
        "--name=peer",
        f"--filename={place / 'fio.data'}",
        f"--size={FILE_MIB}M",
        "--direct=1",
    ]
    engine = ["--ioengine=io_uring", f"--iodepth={DEPTH}", "--output-format=json"]
    return json.loads(run(["fio", *common, *engine, *options]))["jobs"][0]


def fio_reads(place: Path, seconds: float, registered: bool, batch: int) -> Reads:
    flags = [
        "--bs=4k",
        "--rw=randread",
        "--time_based",
        f"--runtime={seconds}",
        "--readonly",
        "--gtod_reduce=1",
    ]
    flags += [f"--iodepth_batch_submit={batch}", "--iodepth_batch_complete_min=1"]
    flags += [f"--iodepth_batch_complete_max={DEPTH}"]
    if registered:
        flags += ["--registerfiles=1", "--fixedbufs=1"]
    job = fio(place, *flags)
    busy_ns = (job["usr_cpu"] + job["sys_cpu"]) / 100 * job["job_runtime"] * 1e6
    return Reads(job["read"]["iops"], busy_ns / job["read"]["total_ios"])


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/waitwork")
    parser.add_argument(
        "--work-dir", type=Path, default=Path("/var/tmp"), help="on the device to be measured"
    )
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument(
        "--registered", action="store_true", help="both with registered files and buffers"
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=8,
        help="fio submits so many at a time, ours 8; 1 is its default",
    )
    options = parser.parse_args(argv)
    if shutil.which("fio") is None:
        print(
            "random_read_fio: fio is missing; install it: scripts/packages peers", file=sys.stderr
        )
        return 2
    try:
        from ratio import paired
    except ModuleNotFoundError as missing:
        print(
            f"random_read_fio: {missing.name} is missing; run scripts/packages tools",
            file=sys.stderr,
        )
        return 2

    ours: dict[int, Reads] = {}
    theirs: dict[int, Reads] = {}
    with tempfile.TemporaryDirectory(dir=options.work_dir) as name:
        place = Path(name)
        fio(place, "--bs=1M", "--rw=write", "--refill_buffers", "--end_fsync=1")
        for pair in range(options.pairs):
            measurements = [
                lambda: ours.update(
                    {
                        pair: waitwork_reads(
                            options.binary, place, options.seconds, options.registered
                        )
                    }
                ),
                lambda: theirs.update(
                    {pair: fio_reads(place, options.seconds, options.registered, options.batch)}
                ),
            ]
            for measure in measurements if pair % 2 == 0 else reversed(measurements):
                measure()
            words = [
                f"{name} {each[pair].per_second:,.0f}/s at {each[pair].cpu_ns / 1000:.2f} µs CPU"
                for name, each in (("waitwork", ours), ("fio", theirs))
            ]
            print(f"pair {pair + 1}: {', '.join(words)}", flush=True)
    for what, field in (("rate", "per_second"), ("CPU of a read", "cpu_ns")):
        found = paired(
            {pair: getattr(each, field) for pair, each in ours.items()},
            {pair: getattr(each, field) for pair, each in theirs.items()},
        )
        within = "no interval" if found.low is None else f"{found.low:.3f} to {found.high:.3f}"
        print(f"{what}, waitwork / fio: {found.value:.3f} ({within}), n = {found.n} pairs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
