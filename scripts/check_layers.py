#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check that every #include of the project obeys the layers.

usage: check_layers.py [ROOT]

The layers of lib/ and the rooms of bench/harness/ are acyclic, and each may include only what the tables below grant it; lib/examples/ may include every
layer, and of the layers only a test includes an example. Some libraries belong to one layer each; bench/peers/, which
is there to write the same work without our layers, may include them too. A violation is printed as "file:line: what is
wrong"; the exit code is 1 then, 0 if there is none, and 2 for wrong usage or a standard output that cannot be written.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    import tool_start  # noqa: F401

import standard_streams

if __name__ == "__main__":
    standard_streams.prepare()

import re
from pathlib import Path

from command_line import UNUSABLE, complain, run_tool, write_out

PROG = "check_layers.py"

# layer -> the layers that it may include besides itself
LAYERS: dict[str, set[str]] = {
    "base": set(),
    "coro": {"base"},
    "io": {"base", "coro"},
    "parallel": {"base", "kernels"},
    "kernels": {"base"},
    "hybrid": {"base", "coro", "io", "parallel"},
    "measure": {"base"},
    "report": {"base"},
}

# room of bench/harness/ -> the rooms that it may include besides itself and bench/api/
ROOMS: dict[str, set[str]] = {
    "words": set(),
    "streams": {"words"},
    "process": {"words", "streams"},
    "suite": {"words"},
    "drive": {"words", "suite"},
    "machine": {"words", "process"},
    "record": {"words", "process", "suite", "drive", "machine"},
    "measure": {"words", "streams", "process", "suite", "drive", "record"},
    "command": {"words", "suite"},
    "run": {"words", "streams", "process", "suite", "drive", "machine", "record", "command"},
}

# header prefix -> the only folders (relative to the root) that may include it
EXCLUSIVE: dict[str, tuple[str, ...]] = {
    "liburing": ("lib/waitwork/io", "bench/peers"),
    "oneapi/": ("lib/waitwork/parallel", "bench/peers"),
    "tbb/": ("lib/waitwork/parallel", "bench/peers"),
    "asio": ("bench/peers",),
    "hwy/": ("lib/waitwork/kernels", "lib/waitwork/measure"),
    "fftw": ("bench/peers/kernels",),
    "benchmark/": ("bench/harness",),
    "CLI/": ("bench/harness",),
    "re2/": ("bench/harness",),
    "zlib": ("lib/waitwork/report",),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def layer_violation(path: Path, header: str) -> str | None:
    """What is wrong with a file of lib/ or bench/ including `header`; None if nothing."""
    parts = path.parts
    for prefix, folders in EXCLUSIVE.items():
        if header.startswith(prefix) and not any(path.is_relative_to(folder) for folder in folders):
            return f"<{header}> belongs to {' and '.join(folders)} only"
    if parts[0] == "lib":
        if header.startswith(("harness/", "workloads/", "peers/")):
            return f"lib/ does not include bench/ (<{header}>)"
        if parts[1] == "examples":
            return None
        layer = parts[2]
        if layer not in LAYERS:
            return f"lib/waitwork/{layer} is not a layer"
        if header.startswith("examples/") and not path.stem.endswith("_test"):
            return f"only tests include examples (<{header}>)"
        if header.startswith("waitwork/"):
            target = header.split("/")[1]
            if target != layer and target not in LAYERS[layer]:
                return f"{layer} may not include {target} (<{header}>)"
        return None
    return _harness_violation(parts, header)


def _harness_violation(parts: tuple[str, ...], header: str) -> str | None:
    if parts[1] in ("harness", "api") and header.startswith(("workloads/", "peers/")):
        return f"the harness does not know workloads (<{header}>)"
    if not header.startswith("harness/"):
        return None
    if parts[1] == "api":
        return f"what a workload sees does not show the harness (<{header}>)"
    if parts[1] == "harness" and not Path(parts[-1]).stem.endswith("_test"):
        room, target = parts[2], header.split("/")[1]
        if room not in ROOMS:
            return f"bench/harness/{room} is not a room"
        if target != room and target not in ROOMS[room]:
            return f"{room} may not include {target} (<{header}>)"
    return None


def violations(root: Path) -> list[str]:
    found = []
    for folder in ("lib", "bench"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in {".hpp", ".cpp"}:
                continue
            relative = path.relative_to(root)
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                match = INCLUDE.match(line)
                problem = layer_violation(relative, match.group(1)) if match else None
                if problem:
                    found.append(f"{relative}:{number}: {problem}")
    return found


def main(argv: list[str]) -> int:
    if argv and argv[0] in {"-h", "--help"}:
        return write_out(PROG, f"{__doc__.strip()}\n")
    if len(argv) > 1 or (argv and argv[0].startswith("-")):
        complain(PROG, "give one folder, the root of the source tree, or none; see --help")
        return UNUSABLE
    root = Path(argv[0]) if argv else Path(__file__).resolve().parent.parent
    if not (root / "lib" / "waitwork").is_dir():
        complain(PROG, f"{root} has no lib/waitwork; name the root of the source tree")
        return UNUSABLE
    found = violations(root)
    told = "".join(f"{line}\n" for line in [*found, f"{len(found)} violations of the layers"])
    return write_out(PROG, told, 1 if found else 0)


if __name__ == "__main__":
    run_tool(PROG, main)
