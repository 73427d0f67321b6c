# SPDX-License-Identifier: Apache-2.0
"""What a run makes and removes in the places that it is given, seen from outside."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from waitwork_process import BINARY, environment, load_report, one_line, start, waitwork

ONE_ROW = ["--suite=smoke", "--filter=^io/timer/sequential"]
FILE_ROWS = ["--suite=smoke", "--filter=^io/file_(read/cached|write)/(sequential|parallel)"]
WORK_DIRECTORY = re.compile(r"waitwork-[0-9a-f]{16}")


def work_directories(place: pathlib.Path) -> list[pathlib.Path]:
    return [entry for entry in place.iterdir() if WORK_DIRECTORY.fullmatch(entry.name)]


def has_files(place: pathlib.Path) -> bool:
    """Whether a workload has made its file in one of them."""
    return any(True for made in work_directories(place) for _ in made.glob("*.waitwork"))


def wait_for(condition) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


def test_folders_of_the_user_survive(tmp_path):
    names = [
        f"waitwork-{name}" for name in ("2024", "20241128", "41", "2", "backup", "0123456789abcdef")
    ]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text("thesis")
    (tmp_path / "waitwork-99999").mkdir()
    assert waitwork(*ONE_ROW, "--work-dir", str(tmp_path), cwd=tmp_path).returncode == 0
    for name in names:
        assert (tmp_path / name / "thesis.txt").read_text() == "thesis", name
    assert (tmp_path / "waitwork-99999").is_dir()
    assert len(work_directories(tmp_path)) == 1, "the one that is called alike"


def test_rows_that_work_on_files_leave_none(tmp_path):
    done = waitwork(*FILE_ROWS, cwd=tmp_path)
    assert done.returncode in (0, 5), done.stderr  # 5: no O_DIRECT here
    assert [entry.name for entry in tmp_path.iterdir()] == ["waitwork-report.json"]


def killed_with_files(place: pathlib.Path) -> pathlib.Path:
    """The work directory of a run that was killed with a workload's file in it."""
    run = start(*FILE_ROWS, "--rounds=50", cwd=place)
    wait_for(lambda: has_files(place))
    run.send_signal(signal.SIGKILL)
    run.communicate()
    [left] = work_directories(place)
    return left


def test_a_killed_run_is_cleaned_up_after_by_the_next_in_the_same_place(tmp_path):
    left = killed_with_files(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert waitwork(*ONE_ROW, cwd=elsewhere).returncode == 0
    assert left.exists(), "that run had another place"
    assert waitwork(*ONE_ROW, "--out=other.json", cwd=tmp_path).returncode == 0
    assert work_directories(tmp_path) == []


def test_what_a_user_put_into_a_work_directory_survives(tmp_path):
    left = killed_with_files(tmp_path)
    (left / "thesis.txt").write_text("thesis")
    (left / "folder").mkdir()
    (left / "folder" / "file.waitwork").write_text("thesis")
    (tmp_path / "victim").write_text("thesis")
    (left / "link.waitwork").symlink_to(tmp_path / "victim")
    assert waitwork(*ONE_ROW, "--out=other.json", cwd=tmp_path).returncode == 0
    assert (left / "thesis.txt").read_text() == "thesis"
    assert (left / "folder" / "file.waitwork").read_text() == "thesis"
    assert (tmp_path / "victim").read_text() == "thesis"


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="it takes namespaces of processes"
)
def test_two_containers_share_a_place(tmp_path):
    """In each the runner is process 1."""
    place = tmp_path / "shared"
    place.mkdir()

    def container(number: int) -> subprocess.Popen:
        return subprocess.Popen(
            [
                "unshare",
                "--pid",
                "--fork",
                "--mount-proc",
                BINARY,
                *FILE_ROWS,
                "--rounds=3",
                f"--out={number}.json",
            ],
            cwd=tmp_path,
            env=environment(TMPDIR=str(place)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    first = container(1)
    wait_for(lambda: first.poll() is not None or has_files(place))
    second = container(2)
    for number, run in enumerate([first, second], start=1):
        _, errors = run.communicate(timeout=120)
        if "unshare failed" in errors:
            pytest.skip("namespaces are not permitted here")
        assert run.returncode in (0, 5), errors
        assert load_report(tmp_path / f"{number}.json")["waitwork"]["failures"] == []
    assert list(place.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes another user")
def test_what_lies_in_a_place_of_everybody_is_in_nobodys_way(tmp_path):
    place = tmp_path / "everybody"
    place.mkdir()
    place.chmod(0o1777)
    planted = [place / f"waitwork-{number}" for number in range(100)]
    for directory in planted:
        directory.mkdir()
        (directory / "journal").write_text("theirs")
        os.chown(directory, 65534, 65534)
    done = waitwork(*ONE_ROW, "--work-dir", str(place), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for directory in planted:
        assert (directory / "journal").read_text() == "theirs"
    assert work_directories(place) == []


def test_a_report_goes_into_a_pipe_and_the_table_to_standard_error(tmp_path):
    done = waitwork(*ONE_ROW, "--out=/dev/stdout", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["waitwork"]["complete"]
    assert "io/timer/sequential" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_report_follows_what_its_descriptor_has_written_before(tmp_path):
    with open(tmp_path / "log", "w", encoding="utf-8") as log:
        log.write("earlier\n")
        log.flush()
        done = subprocess.run(
            [BINARY, *ONE_ROW, f"--out=/dev/fd/{log.fileno()}"],
            cwd=tmp_path,
            env=environment(TMPDIR=str(tmp_path)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            pass_fds=[log.fileno()],
            check=False,
        )
        log.write("later\n")
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"earlier\n(.*)later\n", (tmp_path / "log").read_text(), re.DOTALL)
    assert json.loads(found[1])["waitwork"]["complete"]


def test_a_report_waits_for_the_reader_of_a_named_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    run = start(*ONE_ROW, f"--out={pipe}", cwd=tmp_path)
    with open(pipe, encoding="utf-8") as reader:
        report = json.load(reader)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 0, errors
    assert report["waitwork"]["complete"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]


def test_a_report_replaces_what_a_link_points_to_and_keeps_its_mode(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "real.json").chmod(0o640)
    (tmp_path / "link.json").symlink_to("real.json")
    assert waitwork(*ONE_ROW, "--out=link.json", cwd=tmp_path).returncode == 0
    assert (tmp_path / "link.json").is_symlink()
    assert load_report(tmp_path / "real.json")["waitwork"]["complete"]
    assert (tmp_path / "real.json").stat().st_mode & 0o777 == 0o640


def test_links_in_a_circle_are_found_before_measuring(tmp_path):
    (tmp_path / "link.json").symlink_to("link.json")
    done = waitwork(*ONE_ROW, "--out=link.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "link.json" in one_line(done.stderr)
