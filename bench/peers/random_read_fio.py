#!/usr/bin/env python3
"""Compare waitwork's random 4 KiB direct reads with fio's, interleaved.

Both read at random from a file of 256 MiB in the same directory, with O_DIRECT, io_uring and 64 requests in flight.
Each pair runs the two after one another, in an order that alternates; the ratio is taken within a pair. Needs fio
(Debian: fio). Prints the rates of each pair and the ratio waitwork / fio with its 95 % interval.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

FILE_MIB = 256
DEPTH = 64
ROW = f"^io/file_read/direct/concurrent/depth:{DEPTH}/"


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed with exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def waitwork_rate(binary: Path, place: Path, seconds: float) -> float:
    report = place / "report.json"
    flags = ["--suite", "quick", "--rounds", "1", "--filter", ROW, "--work-dir", str(place), "--out", str(report)]
    run([str(binary), "run", *flags, f"--benchmark_min_time={seconds}"])
    return json.loads(report.read_text(encoding="utf-8"))["benchmarks"][0]["items_per_second"]


def fio(place: Path, *options: str) -> dict:
    common = ["--name=peer", f"--filename={place / 'fio.data'}", f"--size={FILE_MIB}M", "--direct=1"]
    engine = ["--ioengine=io_uring", f"--iodepth={DEPTH}", "--output-format=json"]
    return json.loads(run(["fio", *common, *engine, *options]))["jobs"][0]


def fio_rate(place: Path, seconds: float) -> float:
    job = fio(place, "--bs=4k", "--rw=randread", "--time_based", f"--runtime={seconds}", "--readonly")
    return job["read"]["iops"]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "build/release/waitwork")
    parser.add_argument("--work-dir", type=Path, default=Path("/var/tmp"), help="on the device to be measured")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    options = parser.parse_args(argv)
    if shutil.which("fio") is None:
        print("random_read_fio: fio is missing; install it: apt-get install fio", file=sys.stderr)
        return 2
    try:
        from ratio import paired
    except ModuleNotFoundError as missing:
        print(f"random_read_fio: {missing.name} is missing; run scripts/packages tools", file=sys.stderr)
        return 2

    ours: dict[int, float] = {}
    theirs: dict[int, float] = {}
    with tempfile.TemporaryDirectory(dir=options.work_dir) as name:
        place = Path(name)
        fio(place, "--bs=1M", "--rw=write", "--refill_buffers", "--end_fsync=1")
        for pair in range(options.pairs):
            measurements = [
                lambda: ours.update({pair: waitwork_rate(options.binary, place, options.seconds)}),
                lambda: theirs.update({pair: fio_rate(place, options.seconds)}),
            ]
            for measure in measurements if pair % 2 == 0 else reversed(measurements):
                measure()
            print(f"pair {pair + 1}: waitwork {ours[pair]:,.0f}/s, fio {theirs[pair]:,.0f}/s", flush=True)
    found = paired(ours, theirs)
    print(f"waitwork / fio: {found.value:.3f} ({found.low:.3f} to {found.high:.3f}), n = {found.n} pairs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
