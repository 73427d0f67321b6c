# SPDX-License-Identifier: Apache-2.0
"""The waitwork binary under test: where it is, how to run it, what a report must hold.

WAITWORK_BINARY names it; without that it is the one of the release preset.
"""

import json
import math
import os
import pathlib
import signal
import subprocess
from collections.abc import Iterator

BINARY = os.environ.get(
    "WAITWORK_BINARY", str(pathlib.Path(__file__).resolve().parents[2] / "build/release/waitwork")
)
# One workload that needs nothing of the machine and whose rows take about 50 ms each at smoke size.
QUICK_ROWS = ["--suite", "smoke", "--filter", "^io/timer/"]


def environment(**additions: str) -> dict[str, str]:
    """Ours without what steers the program, and with `additions`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BENCHMARK_", "WAITWORK_")) and name not in ("NO_COLOR", "TMPDIR")
    }
    return kept | additions


def waitwork(
    *arguments: str, cwd: pathlib.Path, preexec_fn=None, timeout: float = 120, **variables: str
) -> subprocess.CompletedProcess:
    """Runs it to its end in `cwd`, with its work directory there as well."""
    return subprocess.run(
        [BINARY, *arguments],
        cwd=cwd,
        env=environment(TMPDIR=str(cwd), **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        preexec_fn=preexec_fn,
        check=False,
    )


def heed_interrupts() -> None:
    """Not to be ignored, as they are in a background job of a script; the program would keep to that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def start(*arguments: str, cwd: pathlib.Path, **variables: str) -> subprocess.Popen:
    """Starts it and lets it run."""
    return subprocess.Popen(
        [BINARY, *arguments],
        cwd=cwd,
        env=environment(TMPDIR=str(cwd), **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )


def _reject_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def load_report(path: pathlib.Path) -> dict:
    """The report, after checking what must hold of every one."""
    report = json.loads(path.read_text(), parse_constant=_reject_constant)
    meta = report["waitwork"]
    assert meta["schema"] == "1.4.0"
    assert isinstance(report["context"]["caches"], list)
    assert report["context"]["waitwork"]["limits"]["f32_flops_one"] > 0
    declared = {row["name"] for row in meta["declared"]}
    seen = set()
    for entry in report["benchmarks"]:
        if entry["run_type"] != "iteration":
            continue
        assert entry["name"] in declared
        assert 0 <= entry["repetition_index"] < entry["repetitions"] == meta["rounds"]
        assert entry["iterations"] > 0 and entry["real_time"] > 0 and entry["rss_peak_bytes"] > 0
        place = (entry["name"], entry["repetition_index"])
        assert place not in seen, f"{place} is there twice"
        seen.add(place)
    for value in _scalars(report):
        assert value is not None and not (isinstance(value, float) and not math.isfinite(value))
    if meta["complete"]:
        given_up = {row["name"] for row in meta["failures"] + meta["absent"]}
        for name in declared - given_up:
            for round_index in range(meta["rounds"]):
                assert (name, round_index) in seen
    return report


def _scalars(value) -> Iterator:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for element in value:
            yield from _scalars(element)
    else:
        yield value


def one_line(text: str) -> str:
    """The only line of `text`, without its newline."""
    assert text.endswith("\n") and text.count("\n") == 1, text
    return text.rstrip("\n")
