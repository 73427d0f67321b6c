# SPDX-License-Identifier: Apache-2.0
"""The standard streams of a tool closed, full, gone or taken: nothing is lost, nothing is torn.

Run as processes, since that is where descriptors are; each test starts the gate with a regression,
whose exit code 1 is what a CI must get whatever becomes of the words.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import standard_streams

SCRIPTS = Path(standard_streams.__file__).parent
GATE = f"{sys.executable} {SCRIPTS}/check_regression.py"
ADVISE = f"{sys.executable} {SCRIPTS}/advise.py"
TOOLS = [
    path
    for path in sorted(SCRIPTS.glob("*.py"))
    if not path.name.startswith("test_") and "run_tool(PROG, main)" in path.read_text("utf-8")
]
CLOSED = {0: "<&-", 1: ">&-", 2: "2>&-"}
BAD_WORDS = ("Traceback", "Exception ignored", "mistake of the tool", "Error:")


@pytest.fixture
def reports(written: Callable[..., Path]) -> None:
    written("a.json", only="io/timer/(seq|conc)", rounds=5)
    written("b.json", only="io/timer/(seq|conc)", rounds=5, seed=2, slower={"": 3.0})


def shell(line: str) -> tuple[int, str, str]:
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False
    )
    for word in BAD_WORDS:
        assert word not in done.stdout + done.stderr, (line, done.stderr)
    assert done.stderr.count("\n") <= 1, (line, done.stderr)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "closed", [set_ for n in (1, 2, 3) for set_ in itertools.combinations((0, 1, 2), n)]
)
def test_with_streams_closed_the_files_are_whole_and_the_verdict_stands(
    closed: tuple[int, ...], reports: None
) -> None:
    shell(f"{GATE} a.json b.json --markdown whole.md --junit whole.xml")
    line = f"{GATE} a.json b.json --markdown o.md --junit o.xml"
    code, _, err = shell(f"{line} {' '.join(CLOSED[each] for each in closed)}")
    assert code == 1
    assert Path("o.md").read_bytes() == Path("whole.md").read_bytes()
    assert Path("o.xml").read_bytes() == Path("whole.xml").read_bytes()
    if 1 in closed and 2 not in closed:
        assert "standard output" in err
    assert {path.name for path in Path().iterdir()} == {
        "a.json", "b.json", "whole.md", "whole.xml", "o.md", "o.xml"
    }  # fmt: skip


@pytest.mark.parametrize("streams", [">&-", "> /dev/full", "> /dev/full 2>&1", ">&- 2>&- <&-"])
@pytest.mark.parametrize(
    "command",
    [f"{GATE} a.json a.json", f"{ADVISE} a.json"]
    + [f"{sys.executable} {each} --help" for each in TOOLS],
)
def test_what_nobody_could_read_is_no_success(command: str, streams: str, reports: None) -> None:
    code, _, err = shell(f"{command} {streams}")
    assert code == 2
    assert err == "" if "2>" in streams else "standard output" in err


@pytest.mark.parametrize("streams", ["> /dev/full", "> /dev/full 2> /dev/full", ">&-"])
def test_a_regression_wins_over_a_full_standard_output(streams: str, reports: None) -> None:
    assert shell(f"{GATE} a.json b.json {streams}")[0] == 1


@pytest.mark.parametrize("target", ["", "--markdown - ", "--junit /dev/stdout "])
def test_a_reader_that_has_seen_enough_is_no_error(target: str, written: Any) -> None:
    written("all.json", rounds=2)
    line = f"{GATE} all.json all.json {target} | true; echo ${{PIPESTATUS[0]}}"
    assert shell(line) == (0, "0\n", "")


def test_only_one_of_table_and_comment_is_printed(reports: None) -> None:
    assert shell(f"{GATE} a.json b.json --markdown whole.md --junit whole.xml")[0] == 1
    comment, cases = Path("whole.md").read_text("utf-8"), Path("whole.xml").read_text("utf-8")
    for name in ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
        assert shell(f"{GATE} a.json b.json --markdown {name}") == (1, comment, "")
        assert shell(f"{GATE} a.json b.json --junit {name}") == (1, cases, "")
    code, out, _ = shell(f"{GATE} a.json b.json --markdown - --junit o.xml >o.md; cat o.md o.xml")
    assert (code, out) == (0, comment + cases)
    # A redirect and an option with the same name: the comment, and not a table over it.
    shell(f"{GATE} a.json b.json --markdown both.md > both.md")
    assert Path("both.md").read_text("utf-8") == comment


def test_a_pipe_and_a_process_substitution_are_written_to(reports: None) -> None:
    os.mkfifo("pipe")
    line = f"cat pipe & {GATE} a.json b.json --junit pipe >table; wait; head -c 5 table"
    code, out, _ = shell(line)
    assert out.startswith("<?xml") and out.endswith("</testsuites>\nrow  ")
    _, out, _ = shell(f"{GATE} a.json b.json --markdown >(head -c 4 >&2) >/dev/null; sleep 0.2")
    assert Path("pipe").is_fifo()


def test_standard_input_and_pipes_are_read(reports: None) -> None:
    assert shell(f"cat a.json | {ADVISE} -")[0] == 0
    assert shell(f"{ADVISE} /dev/stdin < a.json")[0] == 0
    assert shell(f"{GATE} <(cat a.json) <(cat b.json)")[0] == 1
    assert shell(f"{GATE} - - < a.json")[0] == 2
    code, _, err = shell(f"{ADVISE} - <&-")
    assert code == 2 and "cannot be read" in err


@pytest.mark.parametrize(
    ("names", "redirect"),
    [
        ("- /dev/stdin", "< a.json"),
        ("/dev/stdin /dev/stdin", "< a.json"),
        ("- /dev/fd/0", "< a.json"),
        ("/proc/self/fd/0 -", "< <(cat a.json)"),
        ("- /dev/fd/3", "< a.json 3<&0"),
        ("- /dev/fd/3", "< <(cat a.json) 3<&0"),
    ],
)
def test_one_stream_has_one_report(names: str, redirect: str, reports: None) -> None:
    code, _, err = shell(f"{GATE} {names} {redirect}")
    assert code == 2 and "are one stream" in err


def test_a_file_that_is_opened_twice_is_two_streams(reports: None) -> None:
    assert shell(f"{GATE} - /dev/fd/3 < a.json 3< a.json")[0] == 0


def test_what_is_open_the_wrong_way_round_is_not_called_closed(reports: None) -> None:
    code, _, err = shell(f"{GATE} a.json b.json --markdown /dev/stdin </dev/null")
    assert code == 2 and "it is open for reading only: name a file" in err
    code, _, err = shell(f"{ADVISE} /dev/fd/3 3> o")
    assert code == 2 and "it is open for writing only" in err


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_comment_for_a_closed_stream_is_not_lost_in_silence(number: int, reports: None) -> None:
    code, _, err = shell(f"{GATE} a.json a.json --markdown /dev/fd/{number} {CLOSED[number]}")
    assert code == 2 and (number == 2 or "closed before the program started" in err)


@pytest.mark.parametrize("flags", ["-P", "-I", "-s -E -P"])
def test_a_tool_finds_its_modules_where_python_leaves_its_folder_out(
    flags: str, reports: None
) -> None:
    for tool, names in (("check_regression.py", "a.json a.json"), ("advise.py", "a.json")):
        assert shell(f"{sys.executable} {flags} {SCRIPTS}/{tool} {names}")[0] == 0
    Path("link.py").symlink_to(SCRIPTS / "advise.py")
    assert shell(f"PYTHONSAFEPATH=1 {sys.executable} link.py a.json")[0] == 0


@pytest.mark.parametrize("module", ["logging", "json", "argparse", "numpy", "scipy"])
@pytest.mark.parametrize(
    "content", ["1 / 0", "raise SystemError('x\ny')", "oops(", "raise KeyboardInterrupt"]
)
def test_what_fails_while_it_is_imported_is_no_regression(
    module: str, content: str, reports: None
) -> None:
    Path("hidden").mkdir()
    Path(f"hidden/{module}.py").write_text(content)
    done = subprocess.run(
        [*GATE.split(), "a.json", "a.json"],
        env=os.environ | {"PYTHONPATH": "hidden"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == (130 if "Keyboard" in content else 2)
    assert "Traceback" not in done.stderr and done.stderr.count("\n") <= 1


def test_an_interrupt_at_any_time_of_the_start_is_130(reports: None) -> None:
    """From where Python runs our first line; what it does before, no tool can help."""
    code = (
        "import os, signal, sys\n"
        "def at(event, arguments):\n"
        "    if event == 'import' and arguments[0] == os.environ['AT']:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.addaudithook(at)\n"
    )
    Path("hook").mkdir()
    Path("hook/sitecustomize.py").write_text(code)
    for module in (
        "standard_streams",
        "logging",
        "command_line",
        "argparse",
        "numpy",
        "scipy",
        "report",
    ):
        done = subprocess.run(
            [*GATE.split(), "a.json", "a.json"], capture_output=True, text=True, check=False,
            env=os.environ | {"PYTHONPATH": "hook", "AT": module},
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (130, "", ""), module


def test_a_pipe_that_somebody_made_non_blocking_gets_everything(reports: None) -> None:
    program = (
        "import os, subprocess, sys, time\n"
        "read, write = os.pipe(); os.set_blocking(write, False)\n"
        "child = subprocess.Popen(sys.argv[1:], stdout=write); os.close(write)\n"
        "time.sleep(1); size = 0\n"
        "while part := os.read(read, 100): size += len(part)\n"
        "print(child.wait(), size)\n"
    )
    whole = len(shell(f"{ADVISE} --json a.json")[1].encode())
    done = subprocess.run(
        [sys.executable, "-c", program, *ADVISE.split(), "--json", "a.json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == f"0 {whole}\n" and done.stderr == ""


def test_streams_that_are_none_or_only_text_are_borne(monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    standard_streams.put_error("nobody hears it")
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OSError, match="Bad file descriptor"):
        standard_streams.put("nobody sees it")


@pytest.mark.parametrize("tool", ["advise.py", "chart.py", "check_regression.py", "peers.py"])
def test_an_interrupt_ends_with_130_without_a_word(tool: str, in_directory: Path) -> None:
    os.mkfifo("never")
    os.mkfifo("nor_this")
    # Reading what never comes is the longest that a tool can take.
    command = f"exec {sys.executable} {SCRIPTS}/{tool} /dev/fd/3 -o x 3<>never"
    if tool != "chart.py":
        second = " /dev/fd/4 4<>nor_this" if tool.startswith("check") else ""
        command = command.replace(" -o x", second)
    for delay in (0.0, 0.4, 1.5):
        child = subprocess.Popen(
            ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_for_handler(child.pid)
        time.sleep(delay)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
        assert (child.returncode, out, err) == (130, "", "")


def wait_for_handler(pid: int) -> None:
    """Until numpy is being loaded, which the handler comes before; in the time until then Python
    itself, starting, answers the signal."""
    for _ in range(6000):
        if "numpy" in Path(f"/proc/{pid}/maps").read_text():
            return
        time.sleep(0.005)
    raise AssertionError("the tool never came to numpy")
