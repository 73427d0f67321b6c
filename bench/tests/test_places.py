# SPDX-License-Identifier: Apache-2.0
"""Reports, journals and work places that change, vanish or coincide while a run goes on."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest
from waitwork_process import BINARY, QUICK_ROWS, environment, load_report, one_line, start, waitwork

ONE_ROW = ["--suite", "smoke", "--filter", "^io/timer/sequential"]
OUTPUT_LOST = 6


def wait_for_entries(journal: pathlib.Path, count: int) -> None:
    for _ in range(3000):
        if journal.exists() and journal.read_bytes().count(b'{"row":') >= count:
            return
        time.sleep(0.01)
    raise AssertionError(f"{journal} never had {count} entries")


def finish(run: subprocess.Popen) -> str:
    _, errors = run.communicate(timeout=120)
    return errors


@pytest.mark.parametrize("how", ["removed", "moved"])
def test_a_folder_that_vanishes_takes_no_measurement_with_it(tmp_path, how):
    (tmp_path / "d").mkdir()
    run = start(*ONE_ROW, "--rounds=8", "--out=d/x.json", cwd=tmp_path)
    wait_for_entries(tmp_path / "d/x.json.journal", 1)
    if how == "removed":
        shutil.rmtree(tmp_path / "d")
    else:
        (tmp_path / "d").rename(tmp_path / "e")
    errors = finish(run)
    assert run.returncode == OUTPUT_LOST, errors
    assert "waitwork-report.json instead" in errors and "--resume" not in errors
    assert len(load_report(tmp_path / "waitwork-report.json")["benchmarks"]) == 8


def test_what_takes_the_place_of_the_journal_is_not_removed(tmp_path):
    run = start(*ONE_ROW, "--rounds=8", "--out=x.json", cwd=tmp_path)
    journal = tmp_path / "x.json.journal"
    wait_for_entries(journal, 1)
    journal.unlink()
    journal.write_text("thesis")
    errors = finish(run)
    assert run.returncode == 0, errors
    assert journal.read_text() == "thesis" and "is not the journal of this run any more" in errors
    assert len(load_report(tmp_path / "x.json")["benchmarks"]) == 8


def test_a_run_does_not_end_the_journal_of_another(tmp_path):
    first = start(*ONE_ROW, "--rounds=12", "--out=x.json", cwd=tmp_path)
    journal = tmp_path / "x.json.journal"
    wait_for_entries(journal, 1)
    journal.rename(tmp_path / "kept")
    second = start(*ONE_ROW, "--rounds=200", "--out=x.json", cwd=tmp_path)
    wait_for_entries(journal, 1)
    finish(first)
    assert first.returncode == 0
    assert journal.exists(), "it is the second one's"
    second.kill()
    second.communicate()
    assert journal.read_bytes().count(b'{"row":') >= 1


def test_what_comes_to_stand_in_the_place_of_the_report_is_told_once_and_costs_nothing(tmp_path):
    run = start(*ONE_ROW, "--rounds=4", "--out=x.json", cwd=tmp_path)
    wait_for_entries(tmp_path / "x.json.journal", 1)
    (tmp_path / "x.json").mkdir()
    errors = finish(run)
    assert run.returncode == OUTPUT_LOST, errors
    assert errors.count("Is a directory") == 1 and "--resume writes the report" in errors
    (tmp_path / "x.json").rmdir()
    assert waitwork("--resume", "--out=x.json", cwd=tmp_path).returncode == 0
    assert len(load_report(tmp_path / "x.json")["benchmarks"]) == 4


@pytest.mark.parametrize(
    "flags",
    [
        ["--out=x.json", "--benchmark_out=x.json.journal"],
        ["--out=link.json"],
        ["--out=x.json", "--benchmark_out=dangling.json"],
        ["--out=x.json", "--benchmark_out=./sub/../x.json"],
    ],
    ids=str,
)
def test_two_outputs_in_one_file_are_refused_before_measuring(tmp_path, flags):
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.json").symlink_to("link.json.journal")
    (tmp_path / "dangling.json").symlink_to("x.json")
    before = sorted(tmp_path.iterdir())
    done = waitwork(*ONE_ROW, *flags, cwd=tmp_path)
    assert done.returncode == 2 and "nearest valid: another file" in one_line(done.stderr)
    assert sorted(tmp_path.iterdir()) == before


def test_a_descriptor_that_is_not_open_is_not_the_journals(tmp_path):
    run = start(*ONE_ROW, "--rounds=50", "--out=x.json", cwd=tmp_path)
    wait_for_entries(tmp_path / "x.json.journal", 2)
    run.kill()
    run.communicate()
    before = (tmp_path / "x.json.journal").read_bytes()
    for number in range(3, 12):
        done = waitwork(
            "--resume", "--out=x.json", f"--benchmark_out=/dev/fd/{number}", cwd=tmp_path
        )
        assert done.returncode == 2, done.stderr
    assert (tmp_path / "x.json.journal").read_bytes() == before


def test_a_file_of_the_users_with_the_journals_name_is_left_alone(tmp_path):
    (tmp_path / "x.json.journal").write_text("my diary\n")
    for flags in (["--out=x.json"], ["--out=x.json", "--resume"]):
        done = waitwork(*ONE_ROW, *flags, cwd=tmp_path)
        assert done.returncode == 2 and "journal" in one_line(done.stderr)
    assert (tmp_path / "x.json.journal").read_text() == "my diary\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json.journal"]


def shell(command: str, cwd: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=cwd,
        env=environment(TMPDIR=str(cwd), W=BINARY),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_lost_table_counts_wherever_it_goes(tmp_path):
    assert (
        shell(f"$W {' '.join(ONE_ROW)} --out - 2>/dev/full >r.json", tmp_path).returncode
        == OUTPUT_LOST
    )
    assert load_report(tmp_path / "r.json")["waitwork"]["complete"]
    assert shell(f"$W {' '.join(ONE_ROW)} --out k.json | true", tmp_path).returncode == OUTPUT_LOST
    done = shell(f"$W {' '.join(ONE_ROW)} --out f.json --timeout 0.001 >/dev/full", tmp_path)
    assert done.returncode == 3 and "standard output" in done.stderr.splitlines()[-1]


def test_more_counters_than_google_benchmark_takes_are_refused(tmp_path):
    for variables, flags in (
        ({}, ["--benchmark_perf_counters=a,b,c,d"]),
        ({"BENCHMARK_PERF_COUNTERS": "a,b,c,d"}, []),
    ):
        done = waitwork(*QUICK_ROWS, *flags, cwd=tmp_path, **variables)
        assert done.returncode == 2 and "at most three counters" in one_line(done.stderr)


def test_an_empty_value_swallows_no_flag(tmp_path):
    (tmp_path / "waitwork-report.json").write_text("PRECIOUS")
    done = waitwork(
        "run", *ONE_ROW, "--filter", "", "--filter", "^io/timer/seq", "--out=y.json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "waitwork-report.json").read_text() == "PRECIOUS"
    assert json.loads((tmp_path / "y.json").read_text())["waitwork"]["filter"] == "^io/timer/seq"
    assert sorted(os.listdir(tmp_path)) == ["waitwork-report.json", "y.json"]
