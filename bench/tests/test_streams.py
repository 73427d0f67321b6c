# SPDX-License-Identifier: Apache-2.0
"""Standard streams that are closed, full, unread or shared with the report: nothing is lost, nothing lands elsewhere."""

import itertools
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest
from waitwork_process import BINARY, environment, load_report, one_line, start, waitwork

ONE_ROW = ["--suite", "smoke", "--filter", "^io/timer/sequential"]
OUTPUT_LOST = 6


def with_closed(descriptors: tuple[int, ...]):
    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


def in_shell(command: str, cwd: pathlib.Path) -> subprocess.CompletedProcess:
    """A line of bash in which $W is the program."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env=environment(TMPDIR=str(cwd), W=BINARY),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def ours(folder: pathlib.Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize(
    "closed",
    [some for count in (1, 2, 3) for some in itertools.combinations((0, 1, 2), count)],
    ids=str,
)
def test_closed_streams_lose_nothing_and_land_nowhere(tmp_path, closed):
    run = subprocess.run(
        [BINARY, *ONE_ROW, "--rounds", "2", "--out", "k.json"],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path)),
        preexec_fn=with_closed(closed),
        timeout=120,
        check=False,
    )
    assert run.returncode == (OUTPUT_LOST if 1 in closed else 0)
    assert len(load_report(tmp_path / "k.json")["benchmarks"]) == 2
    assert ours(tmp_path) == ["k.json"]


@pytest.mark.parametrize("closed", [(0, 1, 2), (1, 2), (2,)], ids=str)
def test_a_killed_run_with_closed_streams_has_a_clean_journal(tmp_path, closed):
    run = subprocess.Popen(
        [BINARY, *ONE_ROW, "--rounds", "400", "--out", "k.json"],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path)),
        preexec_fn=with_closed(closed),
    )
    journal = tmp_path / "k.json.journal"
    for _ in range(3000):
        if journal.exists() and journal.read_bytes().count(b"\n") > 3:
            break
        time.sleep(0.01)
    run.kill()
    run.wait()
    for line in journal.read_text().splitlines(keepends=True):
        assert not line.endswith("\n") or "crc32" in json.loads(line)


def test_a_full_standard_output_is_6_and_the_report_is_there(tmp_path):
    done = in_shell(f"$W {' '.join(ONE_ROW)} --out k.json > /dev/full", tmp_path)
    assert done.returncode == OUTPUT_LOST
    assert "standard output" in done.stderr.splitlines()[-1]
    assert load_report(tmp_path / "k.json")["waitwork"]["complete"]


@pytest.mark.parametrize("subcommand", ["list", "doctor", "--help", "--version", "run --help"])
def test_what_is_only_printed_and_cannot_be_is_6(tmp_path, subcommand):
    done = in_shell(f"$W {subcommand} > /dev/full", tmp_path)
    assert done.returncode == OUTPUT_LOST
    assert "standard output" in one_line(done.stderr)


def test_a_full_standard_error_changes_nothing(tmp_path):
    done = in_shell(f"$W {' '.join(ONE_ROW)} --out k.json 2> /dev/full", tmp_path)
    assert done.returncode == 0 and "io/timer/sequential" in done.stdout
    assert load_report(tmp_path / "k.json")["waitwork"]["complete"]


@pytest.mark.parametrize(
    "name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/./stdout"]
)
@pytest.mark.parametrize("flag", ["--out", "--benchmark_out"])
def test_the_report_on_standard_output_is_alone_there(tmp_path, name, flag):
    done = waitwork(*ONE_ROW, f"{flag}={name}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["waitwork"]["complete"]
    assert "io/timer/sequential" in done.stderr, "the table is for people"
    assert ours(tmp_path) == []


def test_the_report_behind_a_redirection_is_appended_and_replaces_nothing(tmp_path):
    (tmp_path / "log").write_text("before\n")
    done = in_shell(f"$W {' '.join(ONE_ROW)} --out /dev/stdout >> log", tmp_path)
    assert done.returncode == 0, done.stderr
    first, rest = (tmp_path / "log").read_text().split("\n", 1)
    assert first == "before" and json.loads(rest)["waitwork"]["complete"]
    done = in_shell(f"$W {' '.join(ONE_ROW)} --out /dev/stderr > table 2>> log", tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "log").read_text().startswith("before\n"), "the log is not replaced"
    assert "io/timer" in (tmp_path / "table").read_text()


def test_a_process_substitution_gets_the_report(tmp_path):
    done = in_shell(f"$W {' '.join(ONE_ROW)} --out >(cat > ps.json) && sleep 0.5", tmp_path)
    assert done.returncode == 0, done.stderr
    assert load_report(tmp_path / "ps.json")["waitwork"]["complete"]


def test_a_pipe_by_name_gets_the_report(tmp_path):
    done = in_shell(
        f"mkfifo p; cat p > got.json & $W {' '.join(ONE_ROW)} --out p; code=$?; wait; exit $code",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert load_report(tmp_path / "got.json")["waitwork"]["complete"]
    assert (tmp_path / "p").is_fifo()


def test_a_run_that_waits_for_a_reader_says_so(tmp_path):
    os.mkfifo(tmp_path / "p")
    run = start(*ONE_ROW, "--out=p", cwd=tmp_path)
    for line in run.stderr:
        if "waiting for somebody to read p" in line:
            break
    else:
        raise AssertionError("it said nothing of waiting")
    report = (tmp_path / "p").read_text()
    run.communicate(timeout=60)
    assert run.returncode == 0
    assert json.loads(report)["waitwork"]["complete"]


@pytest.mark.parametrize("name", ["/dev/full", "/dev/stdout"])
def test_a_report_that_cannot_be_written_in_the_end_is_kept_elsewhere(tmp_path, name):
    before = "keep me"
    (tmp_path / "waitwork-report.json").write_text(before)
    done = in_shell(f"$W {' '.join(ONE_ROW)} --out {name} > /dev/full", tmp_path)
    assert done.returncode == OUTPUT_LOST
    assert "waitwork-report.1.json" in done.stderr and "No space left" in done.stderr
    assert load_report(tmp_path / "waitwork-report.1.json")["waitwork"]["complete"]
    assert (tmp_path / "waitwork-report.json").read_text() == before


def test_a_reader_that_goes_before_the_report_comes_costs_no_measurement(tmp_path):
    done = in_shell(f"set -o pipefail; $W {' '.join(ONE_ROW)} --out - | true", tmp_path)
    assert done.returncode == OUTPUT_LOST
    assert load_report(tmp_path / "waitwork-report.json")["waitwork"]["complete"]


@pytest.mark.parametrize("place", ["/dev/fd/77", "/dev/stdin", "/dev/fd/0"])
def test_a_descriptor_that_cannot_be_written_is_refused_before_measuring(tmp_path, place):
    done = in_shell(f"$W {' '.join(ONE_ROW)} --out {place} < /dev/null", tmp_path)
    assert done.returncode == 2 and place in one_line(done.stderr)
    assert ours(tmp_path) == []


def test_two_reports_in_one_place_are_refused_before_measuring(tmp_path):
    for flags in (
        ["--out=x.json", "--benchmark_out=./x.json"],
        ["--out=-", "--benchmark_out=/dev/stdout"],
        ["--out=-", "--benchmark_format=json"],
    ):
        done = waitwork(*ONE_ROW, *flags, cwd=tmp_path)
        assert done.returncode == 2 and "nearest valid" in one_line(done.stderr), flags
    assert ours(tmp_path) == []


def wait_until_stuck(run: subprocess.Popen) -> None:
    """Until it has slept for a while without a measuring process: it waits for a reader."""
    process = pathlib.Path(f"/proc/{run.pid}")
    asleep = 0
    for _ in range(600):
        assert run.poll() is None
        state = (process / "stat").read_text().rsplit(")", 1)[1].split()[0]
        children = (process / f"task/{run.pid}/children").read_text()
        asleep = asleep + 1 if state == "S" and not children else 0
        if asleep == 8:
            return
        time.sleep(0.1)
    raise AssertionError("it was never stuck")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("where", ["report", "fifo", "errors"])
def test_a_signal_ends_a_run_that_nobody_reads(tmp_path, number, where):
    """The pipe is full, or nobody has opened it; the run has measured, and waits in a write."""
    reader, writer = os.pipe()
    while True:  # fill it
        os.set_blocking(writer, False)
        try:
            os.write(writer, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(writer, True)
    os.mkfifo(tmp_path / "p")
    out = {"report": "-", "fifo": "p", "errors": "k.json"}[where]
    run = subprocess.Popen(
        [BINARY, *ONE_ROW, "--out", out],
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        stdout=writer if where == "report" else subprocess.DEVNULL,
        stderr=writer if where == "errors" else subprocess.DEVNULL,
    )
    try:
        wait_until_stuck(run)
        sent = time.monotonic()
        run.send_signal(number)
        run.wait(timeout=20)
        assert time.monotonic() - sent < 10  # a second on a quiet machine
    finally:
        run.kill()
        run.wait()
        os.close(reader)
        os.close(writer)
    assert run.returncode in (130, OUTPUT_LOST)
    if where != "errors":
        assert load_report(tmp_path / "waitwork-report.json")["benchmarks"]
    assert not [
        name
        for name in ours(tmp_path)
        if name.startswith("waitwork-") and not name.endswith(".json")
    ]


def test_a_bad_environment_variable_is_told_in_one_line(tmp_path):
    for variables in ({"BENCHMARK_REPETITIONS": "x"}, {"BENCHMARK_MIN_TIME": "soon"}):
        done = waitwork(*ONE_ROW, cwd=tmp_path, **variables)
        assert done.returncode == 2
        assert next(iter(variables)) in one_line(done.stderr)


@pytest.mark.parametrize("helper", ["--waitwork-echo-server", "--waitwork-tcp-echo-server"])
@pytest.mark.parametrize("options", ["x", "-1", "{}", "[", '{"delay_ns": -1, "server": 3}'])
def test_a_helper_process_by_hand_answers_with_a_sentence(tmp_path, helper, options):
    done = waitwork(helper, options, cwd=tmp_path)
    assert done.returncode == 1
    assert "echo server: " in one_line(done.stderr) and "json.exception" not in done.stderr


@pytest.mark.parametrize(
    "request_text", ["", "{}", "[", '{"row": 1}', "[" * 100_000, '{"suite": "quicj"}']
)
def test_a_measuring_process_by_hand_answers_with_a_sentence(tmp_path, request_text):
    done = waitwork("--waitwork-child", request_text, cwd=tmp_path)
    assert done.returncode == 2 and "descriptor 3" in one_line(done.stderr)
    with open(tmp_path / "answer", "wb") as answer:
        done = subprocess.run(
            [
                "bash",
                "-c",
                'exec "$0" --waitwork-child "$1" 3>&$2',
                BINARY,
                request_text,
                str(answer.fileno()),
            ],
            pass_fds=[answer.fileno()],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1 and "a measuring process failed" in one_line(done.stderr)


def test_names_from_outside_speak_to_no_terminal_and_no_ci(tmp_path):
    evil = "x\n::error file=a::malicious\x1b[31m"
    for arguments in (
        [evil],
        ["--out", evil + "/y.json"],
        ["--filter=" + evil + "("],
        ["--work-dir", evil],
    ):
        done = waitwork("run", "--suite=smoke", *arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert "\x1b" not in one_line(done.stderr)


def test_an_interrupt_before_anything_is_measured_leaves_nothing_behind(tmp_path):
    run = start(*ONE_ROW, "--rounds=50", cwd=tmp_path)
    time.sleep(0.1)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=30)
    assert run.returncode in (130, -signal.SIGTERM)
    assert not [
        name for name in ours(tmp_path) if name.startswith("waitwork-") and ".json" not in name
    ]
