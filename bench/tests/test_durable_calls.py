# SPDX-License-Identifier: Apache-2.0
"""Every call of a run that changes the report, the journal or the work directory goes wrong once, in every way.

Not a sample: the calls are counted in a run that goes well, and then each is tried with each fault; and those that only
a run makes that is gone on with. What must hold afterwards is the same for all: the run ends as documented and says
why, what the journal had is not lost, going on gives the whole report, and nothing else is left in the place.
"""

from __future__ import annotations

import collections
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from waitwork_process import BINARY, environment, load_report

LIBRARY = pathlib.Path(BINARY).resolve().parent / "bench" / "waitwork_durable_calls.so"
RUN = [
    "run",
    "--suite=smoke",
    "--filter=^io/timer/sequential",
    "--rounds=2",
    "--seed=7",
    "--out=report.json",
]
KINDS = ["kill_before", "kill_after", "torn", "short", "ENOSPC", "EIO"]
KILLS = ["kill_before", "kill_after", "torn"]
# The kernel writes less than it was asked to only where it writes.
OF_WRITES = ["torn", "short"]
# More at once would only wait for each other.
AT_ONCE = min(2, len(os.sched_getaffinity(0)))

pytestmark = pytest.mark.skipif(
    not LIBRARY.exists(), reason=f"{LIBRARY} is not built (a sanitizer, or no tests)"
)

Call = collections.namedtuple("Call", ["number", "name", "path"])


def run(
    place: pathlib.Path, *more: str, number: int = 0, kind: str = ""
) -> subprocess.CompletedProcess:
    """One run in `place`, with its work directory there, in which call `number` goes wrong."""
    faults = {
        "LD_PRELOAD": str(LIBRARY),
        "WAITWORK_FAULT_FOLDER": str(place),
        "WAITWORK_FAULT_LOG": str(place) + ".log",
        "WAITWORK_FAULT_PLACE": str(number),
        "WAITWORK_FAULT_KIND": kind,
    }
    return subprocess.run(
        [BINARY, *RUN, *more],
        cwd=place,
        env=environment(TMPDIR=str(place), **faults),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )


def calls_of(place: pathlib.Path) -> list[Call]:
    """Those of the runs in `place`, with names that are chosen at random made the same."""
    calls = []
    for line in pathlib.Path(str(place) + ".log").read_text().splitlines():
        number, name, path = line.split(" ", 2)
        path = re.sub(r"waitwork-[0-9a-f]{16}", "waitwork-X", re.sub(r"#\d+", "#N", path))
        calls.append(Call(int(number), name, path))
    return calls


def entries_of(journal: pathlib.Path) -> list[dict]:
    """The whole entries of a journal, each as what its row was measured to be."""
    if not journal.exists():
        return []
    lines = journal.read_text(errors="replace").splitlines(keepends=True)
    found = []
    for line in lines[2:]:  # the header is there twice
        if line.endswith("\n"):
            found.append(json.loads(line[line.index("{") : line.rindex("}") + 1]))
    return found


def on_one_processor_each() -> concurrent.futures.ThreadPoolExecutor:
    """Threads whose runs find a machine of one processor, which is probed in half of the time."""
    processors = iter(sorted(os.sched_getaffinity(0)))
    take_one = lambda: os.sched_setaffinity(
        0, {next(processors)}
    )  # of the thread, and so of what it starts
    return concurrent.futures.ThreadPoolExecutor(AT_ONCE, initializer=take_one)


def left_in(place: pathlib.Path) -> list[str]:
    return sorted(entry.name for entry in place.iterdir() if entry.name != "report.json")


@pytest.fixture(scope="module", name="calls")
def _calls(tmp_path_factory) -> list[Call]:
    """Those of a run that goes well."""
    place = tmp_path_factory.mktemp("well").resolve() / "place"
    place.mkdir()
    with on_one_processor_each() as pool:
        done = pool.submit(run, place).result()
    assert done.returncode == 0, done.stderr
    assert left_in(place) == []
    return calls_of(place)


def test_the_calls_of_a_run_are_all_seen(calls):
    seen = {(call.name, call.path) for call in calls}
    assert [call.number for call in calls] == list(range(1, len(calls) + 1))
    for expected in [
        ("open", ".report.json.waitwork-X"),
        ("write", ".report.json.waitwork-X"),
        ("fsync", ".report.json.waitwork-X"),
        ("rename", "report.json"),
        ("mkdir", "waitwork-X"),
        ("open", "waitwork-X/.waitwork-work-directory.new"),
        ("rename", "waitwork-X/.waitwork-work-directory"),
        ("unlink", "waitwork-X/.waitwork-work-directory"),
        ("rmdir", "waitwork-X"),
        ("open", "report.json.journal"),
        ("pwrite", "report.json.journal"),
        ("fdatasync", "report.json.journal"),
        ("fsync", "."),
    ]:
        assert expected in seen, expected
    assert {name for name, path in seen if path == "report.json.journal"} & {"remove", "unlink"}
    journal_writes = [
        call for call in calls if call.name == "pwrite" and call.path == "report.json.journal"
    ]
    assert len(journal_writes) >= 3, "its header and one for each round"


def complaints_about(
    done: subprocess.CompletedProcess, kind: str, place: pathlib.Path
) -> list[str]:
    """What is wrong with how the run with the fault ended."""
    if kind in KILLS:
        return (
            []
            if done.returncode == -signal.SIGKILL
            else [f"it was not killed but ended with {done.returncode}"]
        )
    last = done.stderr.splitlines()[-1] if done.stderr else ""
    found = []
    if kind == "short" and done.returncode != 0:
        found.append("a short write is no error")
    if done.returncode not in (0, 2, 3, 5, 6):
        found.append(f"exit code {done.returncode} is not documented")
    if done.returncode == 0 and not load_report(place / "report.json")["waitwork"]["complete"]:
        found.append("exit code 0 without the whole report")
    if done.returncode != 0 and not (last.startswith("waitwork: ") and "; " in last):
        found.append("no sentence with what to do")
    if "terminate called" in done.stderr:
        found.append("it ended in an exception")
    return found


def complaints_after(place: pathlib.Path, measured: list[dict]) -> list[str]:
    """What is wrong when the run is gone on with, to which the journal gave `measured`."""
    resumed = run(place, "--resume")
    if resumed.returncode != 0:
        return [f"--resume ended with {resumed.returncode}: {resumed.stderr}"]
    report = load_report(place / "report.json")
    found = [] if report["waitwork"]["complete"] else ["the report is not complete"]
    times = {
        (entry["name"], entry["repetition_index"]): entry["real_time"]
        for entry in report["benchmarks"]
    }
    if len(times) != 2:
        found.append(f"{len(times)} measurements instead of 2")
    for entry in measured:
        if times.get((entry["row"], entry["round"])) != entry["result"]["real_time"]:
            found.append(f"round {entry['round']} was in the journal and is lost")
    if left_in(place):  # a whole report is not gone on with: then the next run cleans up
        again = run(place)
        if again.returncode != 0:
            found.append(f"the next run ended with {again.returncode}: {again.stderr}")
    if left_in(place):
        found.append(f"left behind: {left_in(place)}")
    return found


def try_fault(place: pathlib.Path, call: Call, kind: str, *flags: str) -> list[str]:
    """What is wrong after a run with `flags` in which `call` goes wrong; what the journal has must not get lost."""
    log = pathlib.Path(str(place) + ".log")
    log.unlink(missing_ok=True)
    measured = entries_of(place / "report.json.journal")
    done = run(place, *flags, number=call.number, kind=kind)
    happened = calls_of(place)
    if len(happened) < call.number or happened[call.number - 1] != call:
        return [
            f"{call}: the run took another way there: {happened[call.number - 1 : call.number]}"
        ]
    found = complaints_about(done, kind, place)
    measured += [
        entry for entry in entries_of(place / "report.json.journal") if entry not in measured
    ]
    found += complaints_after(place, measured)
    return [f"{kind} at {call.number}, {call.name} {call.path}: {complaint}" for complaint in found]


def can_happen_to(call: Call, kind: str) -> bool:
    return kind not in OF_WRITES or call.name in ("write", "writev", "pwrite")


@pytest.mark.parametrize("kind", KINDS)
def test_no_call_that_goes_wrong_costs_what_was_measured(tmp_path, calls, kind):
    chosen = [call for call in calls if can_happen_to(call, kind)]
    assert chosen
    base = tmp_path.resolve()

    def try_one(call: Call) -> list[str]:
        place = base / str(call.number)
        place.mkdir()
        return try_fault(place, call, kind)

    with on_one_processor_each() as pool:
        complaints = [complaint for found in pool.map(try_one, chosen) for complaint in found]
    assert not complaints, "\n".join(complaints)


def test_no_call_of_going_on_that_goes_wrong_costs_what_was_measured(tmp_path, calls):
    base = tmp_path.resolve()
    halves = [
        call.number for call in calls if (call.name, call.path) == ("pwrite", "report.json.journal")
    ]

    def killed(name: str) -> pathlib.Path:
        """A place with the journal of a run that was killed in the middle of writing its second entry."""
        place = base / name
        place.mkdir()
        assert run(place, number=halves[2], kind="torn").returncode == -signal.SIGKILL
        assert len(entries_of(place / "report.json.journal")) == 1
        pathlib.Path(str(place) + ".log").unlink()
        return place

    well = killed("well")
    assert run(well, "--resume").returncode == 0
    known = {(call.name, call.path) for call in calls}
    others = [call for call in calls_of(well) if (call.name, call.path) not in known]
    assert others, "the half of an entry is taken away"
    tries = [(call, kind) for call in others for kind in KINDS if can_happen_to(call, kind)]
    with on_one_processor_each() as pool:
        found = pool.map(
            lambda each: try_fault(killed(f"{each[0].number}-{each[1]}"), *each, "--resume"), tries
        )
        complaints = [complaint for each in found for complaint in each]
    assert not complaints, "\n".join(complaints)
