# SPDX-License-Identifier: Apache-2.0
"""Bad days: rows that crash, hang or cannot be measured; runs that are interrupted or killed."""

import errno
import json
import os
import pathlib
import pty
import random
import resource
import signal
import subprocess
import sys
import termios
import time

import pytest

from restrictions import SYSTEM_CALLS, forbid
from waitwork_process import (
    BINARY,
    QUICK_ROWS,
    environment,
    heed_interrupts,
    load_report,
    one_line,
    start,
    waitwork,
)

COMPARE_PY = pathlib.Path("/usr/share/benchmark/compare.py")


def order_in_round(report: dict, round_index: int) -> list[str]:
    entries = [entry for entry in report["benchmarks"] if entry["repetition_index"] == round_index]
    entries.sort(key=lambda entry: entry["waitwork"]["started"])
    return [entry["name"] for entry in entries]


def journal_entries(path: pathlib.Path) -> list[dict]:
    """The whole entries of a journal: its other lines are its header, again and again."""
    if not path.exists():
        return []
    whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [entry for entry in map(json.loads, whole) if "row" in entry]


def wait_for_entries(path: pathlib.Path, count: int) -> None:
    """Until the run has finished `count` measurements."""
    for _ in range(6000):
        if len(journal_entries(path)) >= count:
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} never had {count} entries")


def measuring_processes(place: pathlib.Path) -> list[int]:
    """Children, and servers of children, of runs whose work directory is in `place`."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            state = (process / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if str(place).encode() in command and b"--waitwork-child" in command and state != "Z":
            found.append(int(process.name))
    return found


# ---- rounds


def test_every_round_has_an_order_of_its_own_that_the_seed_decides(tmp_path):
    reports = []
    for number, seed in enumerate(["1", "1", "2"]):
        flags = ["--rounds=2", f"--seed={seed}", f"--out={number}.json"]
        done = waitwork(*QUICK_ROWS, *flags, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        reports.append(load_report(tmp_path / f"{number}.json"))
    first, again, other = reports
    assert order_in_round(first, 0) != order_in_round(first, 1)
    assert order_in_round(first, 0) == order_in_round(again, 0)
    assert order_in_round(first, 0) != order_in_round(other, 0)
    assert first["waitwork"]["seed"] == 1


def test_every_round_does_the_same_work(tmp_path):
    waitwork(*QUICK_ROWS, "--rounds=3", cwd=tmp_path)
    iterations = {}
    for entry in load_report(tmp_path / "waitwork-report.json")["benchmarks"]:
        iterations.setdefault(entry["name"], set()).add(entry["iterations"])
    assert all(len(different) == 1 for different in iterations.values())


def test_compare_py_drives_the_program(tmp_path):
    pytest.importorskip("scipy")
    if not COMPARE_PY.exists():
        pytest.skip("libbenchmark-tools is not installed")
    compare = [sys.executable, str(COMPARE_PY), "--no-color", "benchmarks"]
    done = subprocess.run(
        [*compare, BINARY, BINARY, *QUICK_ROWS, "--rounds=2"],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Comparing" in done.stdout and "io/timer/sequential" in done.stdout


# ---- rows that go wrong


def test_rows_that_go_wrong_cost_themselves_only(tmp_path):
    done = waitwork(
        "--suite=smoke",
        "--filter=^test/(crash|kill|wrong_answer|fail|absent)|^io/timer/",
        "--rounds=2",
        cwd=tmp_path,
        WAITWORK_TEST_WORKLOADS="1",
    )
    assert done.returncode == 3, "3 wins over 5"
    report = load_report(tmp_path / "waitwork-report.json")
    meta = report["waitwork"]
    assert meta["complete"]
    failures = {failure["workload"]: failure for failure in meta["failures"]}
    assert {name: failure["reason"] for name, failure in failures.items()} == {
        "test/crash": "crashed",
        "test/kill": "crashed",
        "test/wrong_answer": "wrong_answer",
        "test/fail": "failed",
    }
    assert "SIGSEGV" in failures["test/crash"]["detail"]
    assert "SIGKILL" in failures["test/kill"]["detail"]
    assert "no space left on device" in failures["test/fail"]["detail"]
    assert len(meta["failures"]) == 4, "a row that failed is not tried in later rounds"
    [missing] = meta["absent"]
    assert missing["workload"] == "test/absent" and missing["cause"] and missing["remedy"]
    assert {entry["waitwork"]["workload"] for entry in report["benchmarks"]} == {"io/timer"}
    for failure in failures.values():
        assert failure["name"] in done.stderr and failure["detail"] in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "waitwork-report.json"]


def test_a_row_past_its_time_is_killed_and_the_run_goes_on(tmp_path):
    done = waitwork(
        "--suite=smoke",
        "--filter=^test/hang|^io/timer/sequential",
        "--timeout=3",
        cwd=tmp_path,
        WAITWORK_TEST_WORKLOADS="1",
    )
    assert done.returncode == 3
    report = load_report(tmp_path / "waitwork-report.json")
    assert [failure["reason"] for failure in report["waitwork"]["failures"]] == ["timed_out"]
    assert "3 s" in report["waitwork"]["failures"][0]["detail"]
    assert len(report["benchmarks"]) == 1
    assert measuring_processes(tmp_path) == []


def test_a_row_that_this_machine_cannot_measure_is_5(tmp_path):
    done = waitwork(
        "--suite=smoke",
        "--filter=^test/absent|^io/timer/sequential",
        cwd=tmp_path,
        WAITWORK_TEST_WORKLOADS="1",
    )
    assert done.returncode == 5
    [missing] = load_report(tmp_path / "waitwork-report.json")["waitwork"]["absent"]
    assert missing["cause"] in done.stderr and missing["remedy"] in done.stderr


def test_test_workloads_are_hidden(tmp_path):
    assert "test/" not in waitwork("list", cwd=tmp_path).stdout


# ---- machines that refuse


forbid_io_uring = SYSTEM_CALLS and forbid("io_uring_setup")  # as Docker's default profile


@pytest.mark.skipif(SYSTEM_CALLS is None, reason="the filter is written for others")
def test_without_io_uring_all_other_rows_are_measured(tmp_path):
    done = waitwork(*QUICK_ROWS, cwd=tmp_path, preexec_fn=forbid_io_uring)
    assert done.returncode == 5
    report = load_report(tmp_path / "waitwork-report.json")
    meta = report["waitwork"]
    assert meta["complete"] and meta["failures"] == []
    assert {row["strategy"] for row in meta["absent"]} == {"concurrent", "hybrid"}
    measured = {entry["waitwork"]["strategy"] for entry in report["benchmarks"]}
    assert measured == {"sequential", "parallel"}
    assert len(meta["absent"]) + len(report["benchmarks"]) == len(meta["declared"])
    reasons = {(row["cause"], row["remedy"]) for row in meta["absent"]}
    assert len(reasons) == 1
    [(cause, remedy)] = reasons
    assert "io_uring" in cause and remedy
    assert cause in done.stderr and remedy in done.stderr
    doctor = waitwork("doctor", "--json", cwd=tmp_path, preexec_fn=forbid_io_uring)
    [finding] = [item for item in json.loads(doctor.stdout) if item["name"] == "io_uring"]
    assert finding["status"] == "fail"
    assert remedy.lower() in finding["remedy"].lower()
    assert finding in report["context"]["waitwork"]["environment"]


def limit_open_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))


def test_too_few_descriptors_fail_the_row_with_that_reason(tmp_path):
    done = waitwork(
        "--filter=^io/(net_echo/delay0/concurrent/depth:256|timer/sequential)/",
        "--rounds=1",
        cwd=tmp_path,
        preexec_fn=limit_open_files,
    )
    assert done.returncode == 3, done.stderr
    report = load_report(tmp_path / "waitwork-report.json")
    [failure] = report["waitwork"]["failures"]
    assert failure["reason"] == "failed" and "open files" in failure["detail"]
    assert len(report["benchmarks"]) == 1


def limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_no_room_for_the_journal_ends_the_run_and_loses_nothing(tmp_path):
    # A limit on the size of files stands in for a full disk.
    done = waitwork(*QUICK_ROWS, "--rounds=5", cwd=tmp_path, preexec_fn=limit_file_size)
    assert done.returncode == 5
    assert "waitwork-report.json.journal" in done.stderr.splitlines()[-1]
    finished = len(journal_entries(tmp_path / "waitwork-report.json.journal"))
    assert finished > 0
    assert not (tmp_path / "waitwork-report.json").exists()
    again = waitwork("--resume", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert f"resumed after {finished} measurement" in again.stderr
    assert load_report(tmp_path / "waitwork-report.json")["waitwork"]["complete"]


# ---- runs that are interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGALRM])
def test_an_interrupted_run_writes_what_it_has_and_can_be_resumed(tmp_path, number):
    report, journal = tmp_path / "waitwork-report.json", tmp_path / "waitwork-report.json.journal"
    run = start(*QUICK_ROWS, "--rounds=20", cwd=tmp_path)
    wait_for_entries(journal, 5)
    run.send_signal(number)
    output, errors = run.communicate(timeout=60)
    assert run.returncode == 130
    assert output == "" and "--resume" in errors.splitlines()[-1]
    partial = load_report(report)
    assert not partial["waitwork"]["complete"]
    assert len(partial["benchmarks"]) == len(journal_entries(journal)) >= 5
    assert len(partial["benchmarks"]) < 20 * len(partial["waitwork"]["declared"])
    assert measuring_processes(tmp_path) == []
    assert sorted(tmp_path.iterdir()) == [report, journal]

    resumed = waitwork("--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    whole = load_report(report)
    assert whole["waitwork"]["complete"]
    assert whole["waitwork"]["started"] == partial["waitwork"]["started"]
    kept = {(entry["name"], entry["repetition_index"]): entry for entry in whole["benchmarks"]}
    for entry in partial["benchmarks"]:
        assert kept[entry["name"], entry["repetition_index"]] == entry
    assert list(tmp_path.iterdir()) == [report]


@pytest.mark.parametrize("row", ["^test/hang", "^io/timer/"])
def test_an_interrupt_ends_a_run_on_a_terminal_that_is_stopped(tmp_path, row):
    controller, terminal = pty.openpty()
    termios.tcflow(terminal, termios.TCOOFF)  # Ctrl-S: whoever writes there waits
    with subprocess.Popen(
        [BINARY, "--suite=smoke", f"--filter={row}", "--timeout=3600", "--rounds=1000"],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path), TERM="xterm", WAITWORK_TEST_WORKLOADS="1"),
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        preexec_fn=heed_interrupts,
    ) as run:
        time.sleep(3)  # by then it has something to say, which it cannot
        assert run.poll() is None
        run.send_signal(signal.SIGINT)
        try:
            assert run.wait(timeout=60) == 130
        finally:
            run.kill()
    os.close(controller)
    os.close(terminal)
    assert measuring_processes(tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} <= {
        "waitwork-report.json",
        "waitwork-report.json.journal",
    }


def test_an_interrupt_does_not_wait_for_a_row_that_hangs(tmp_path):
    run = start(
        "--suite=smoke",
        "--filter=^test/hang",
        "--timeout=3600",
        cwd=tmp_path,
        WAITWORK_TEST_WORKLOADS="1",
    )
    while not measuring_processes(tmp_path):
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    assert run.returncode == 130
    assert measuring_processes(tmp_path) == []
    assert load_report(tmp_path / "waitwork-report.json")["benchmarks"] == []


def test_a_killed_run_loses_nothing_that_was_finished(tmp_path):
    """SIGKILL at random moments, again and again; then, on a machine too slow to get through meanwhile, undisturbed."""
    report, journal = tmp_path / "waitwork-report.json", tmp_path / "waitwork-report.json.journal"
    moments = random.Random(20261121)
    arguments = [*QUICK_ROWS, "--rounds=8", "--seed=7"]
    finished: list[dict] = []
    kills = 0
    for attempt in range(41):
        run = start(*arguments, "--resume", cwd=tmp_path)
        try:
            run.communicate(timeout=moments.uniform(0.05, 1.5) if attempt < 40 else 120)
        except subprocess.TimeoutExpired:
            run.kill()
            run.communicate()
            kills += 1
        if run.returncode == 0:
            break
        assert run.returncode == -signal.SIGKILL
        if not journal.exists() and report.exists():  # killed on its way out
            assert load_report(report)["waitwork"]["complete"]
            continue
        entries = journal_entries(journal)
        assert entries[: len(finished)] == finished
        finished = entries
    assert run.returncode == 0 and kills > 0
    whole = load_report(report)
    assert whole["waitwork"]["complete"]
    assert len(whole["benchmarks"]) == 8 * len(whole["waitwork"]["declared"])
    kept = {(entry["name"], entry["repetition_index"]): entry for entry in whole["benchmarks"]}
    for entry in finished:
        assert kept[entry["row"], entry["round"]]["real_time"] == entry["result"]["real_time"]
    assert list(tmp_path.iterdir()) == [report], "work directories of killed runs are gone as well"


def test_the_children_of_a_killed_run_die(tmp_path):
    run = start("--filter=^test/hang", "--timeout=3600", cwd=tmp_path, WAITWORK_TEST_WORKLOADS="1")
    while not measuring_processes(tmp_path):
        assert run.poll() is None
        time.sleep(0.01)
    run.kill()
    run.communicate()
    for _ in range(1000):
        if not measuring_processes(tmp_path):
            return
        time.sleep(0.01)
    raise AssertionError("a measuring process outlives its runner")


# ---- resuming


@pytest.fixture(name="killed")
def _killed(tmp_path) -> pathlib.Path:
    """A folder with the journal of a run that was killed: 20 rounds, seed 7."""
    run = start(*QUICK_ROWS, "--rounds=20", "--seed=7", cwd=tmp_path)
    wait_for_entries(tmp_path / "waitwork-report.json.journal", 3)
    run.kill()
    run.communicate()
    return tmp_path


@pytest.mark.parametrize(
    "different",
    ["--suite=quick", "--filter=^io/", "--rounds=3", "--seed=8", "--benchmark_min_time=0.5"],
)
def test_a_run_is_resumed_only_as_it_was(killed, different):
    before = (killed / "waitwork-report.json.journal").read_bytes()
    done = waitwork("--resume", different, cwd=killed)
    assert (done.returncode, done.stdout) == (2, "")
    line = one_line(done.stderr)
    assert different.split("=")[0] in line and "nearest valid: " + different.split("=")[0] in line
    assert (killed / "waitwork-report.json.journal").read_bytes() == before


def test_a_torn_last_line_is_measured_again(killed):
    journal = killed / "waitwork-report.json.journal"
    whole = journal_entries(journal)
    limits = json.loads(journal.read_text().splitlines()[0])["limits"]
    with journal.open("a") as stream:
        stream.write('{"row":"io/timer/seq')
    assert waitwork("--resume", cwd=killed).returncode == 0
    report = load_report(killed / "waitwork-report.json")
    assert report["waitwork"]["complete"] and report["waitwork"]["seed"] == 7
    assert len(report["benchmarks"]) > len(whole)
    # Those of the journal are kept where a second look finds nothing better.
    after = report["context"]["waitwork"]["limits"]
    assert after["took_ns"] > limits["took_ns"]
    assert all(after[name] >= limits[name] for name in limits if name.endswith(("_one", "_all")))


def test_a_damaged_journal_loses_what_is_damaged(killed):
    journal = killed / "waitwork-report.json.journal"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:3]) + "garbage\n" + "".join(lines[3:]))
    done = waitwork("--resume", cwd=killed)
    assert done.returncode == 0, done.stderr
    assert "1 line of it cannot be believed" in done.stderr and "line 4" in done.stderr
    assert load_report(killed / "waitwork-report.json")["waitwork"]["complete"]


def test_a_new_run_keeps_the_journal_of_an_unfinished_one(killed):
    before = (killed / "waitwork-report.json.journal").read_bytes()
    done = waitwork(*QUICK_ROWS, cwd=killed)
    assert done.returncode == 0
    assert (killed / "waitwork-report.json.journal.1").read_bytes() == before
    assert "waitwork-report.json.journal.1" in done.stderr
    assert load_report(killed / "waitwork-report.json")["waitwork"]["rounds"] == 1


def test_two_runs_do_not_write_one_journal(tmp_path):
    run = start(*QUICK_ROWS, "--rounds=200", cwd=tmp_path)
    wait_for_entries(tmp_path / "waitwork-report.json.journal", 1)
    for arguments in ([*QUICK_ROWS], ["--resume"]):
        done = waitwork(*arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert "another run is writing it" in one_line(done.stderr.splitlines(keepends=True)[-1])
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)


def test_resuming_a_complete_run_says_so(tmp_path):
    assert waitwork(*QUICK_ROWS, cwd=tmp_path).returncode == 0
    before = (tmp_path / "waitwork-report.json").read_bytes()
    done = waitwork(*QUICK_ROWS, "--resume", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "complete" in one_line(done.stderr)
    assert (tmp_path / "waitwork-report.json").read_bytes() == before
    assert waitwork("--resume", "--suite=full", cwd=tmp_path).returncode == 2


def test_resuming_nothing_starts_anew(tmp_path):
    done = waitwork(*QUICK_ROWS, "--resume", cwd=tmp_path)
    assert done.returncode == 0
    assert "nothing to resume" in done.stderr
    assert load_report(tmp_path / "waitwork-report.json")["waitwork"]["complete"]


def test_a_partial_report_without_its_journal_is_not_resumed(tmp_path):
    run = start(*QUICK_ROWS, "--rounds=50", cwd=tmp_path)
    wait_for_entries(tmp_path / "waitwork-report.json.journal", 1)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=60)
    (tmp_path / "waitwork-report.json.journal").unlink()
    done = waitwork("--resume", cwd=tmp_path)
    assert done.returncode == 2
    assert "journal" in one_line(done.stderr)


# ---- what a person sees


def on_a_terminal(arguments: list[str], cwd: pathlib.Path, **variables: str) -> str:
    """What the program writes to a terminal that is its standard error."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [BINARY, *arguments],
        cwd=cwd,
        env=environment(TMPDIR=str(cwd), TERM="xterm", **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    ) as run:
        os.close(terminal)
        seen = b""
        try:
            while chunk := os.read(controller, 65536):
                seen += chunk
        except OSError as error:  # the last writer has gone
            assert error.errno == errno.EIO
        run.wait(timeout=60)
    os.close(controller)
    return seen.decode()


def test_progress_is_one_rewritten_line_on_a_terminal(tmp_path):
    arguments = ["--suite=smoke", "--filter=^test/crash|^io/timer/", "--rounds=2"]
    seen = on_a_terminal(arguments, tmp_path, WAITWORK_TEST_WORKLOADS="1")
    assert "\r\x1b[K[ 0/" in seen and "elapsed" in seen and "left" in seen
    assert "\x1b[31m" in seen, "failures are red"
    plain = on_a_terminal(arguments, tmp_path, WAITWORK_TEST_WORKLOADS="1", NO_COLOR="1")
    assert "\x1b[31m" not in plain


def test_a_run_goes_on_when_nobody_reads_its_progress(tmp_path):
    run = start(*QUICK_ROWS, "--rounds=2", cwd=tmp_path)
    run.stderr.close()
    run.stdout.read()
    assert run.wait(timeout=60) == 0
    assert load_report(tmp_path / "waitwork-report.json")["waitwork"]["complete"]


def test_elsewhere_a_run_says_how_it_begins_and_ends(tmp_path):
    done = waitwork(*QUICK_ROWS, cwd=tmp_path)
    assert "\r" not in done.stderr and "\x1b" not in done.stderr
    first, last = done.stderr.splitlines()
    assert first.startswith("waitwork: suite smoke") and "the report is" in last
