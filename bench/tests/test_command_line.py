# SPDX-License-Identifier: Apache-2.0
"""What the program makes of its command line, and what it says when that is wrong."""

import json
import pathlib

import pytest

from waitwork_process import QUICK_ROWS, load_report, one_line, waitwork

ROW_FIELDS = ["name", "workload", "variant", "strategy", "depth", "workers"]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["run", "--help"], ["list", "--help"], ["doctor", "--help"]]
)
def test_help_goes_to_standard_output(tmp_path, arguments):
    done = waitwork(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "waitwork" in done.stdout


def test_help_of_run_names_every_flag(tmp_path):
    text = waitwork("run", "--help", cwd=tmp_path).stdout
    ours = [
        "suite",
        "filter",
        "rounds",
        "timeout",
        "seed",
        "out",
        "loop-stats",
        "resume",
        "work-dir",
    ]
    for flag in [*ours, "benchmark_filter", "v="]:
        assert f"--{flag}" in text


def test_version_is_a_word_and_a_number(tmp_path):
    done = waitwork("--version", cwd=tmp_path)
    assert done.returncode == 0
    name, number = one_line(done.stdout).split()
    assert name == "waitwork" and all(part.isdigit() for part in number.split("."))


@pytest.mark.parametrize(
    ("arguments", "at_fault", "nearest"),
    [
        (["rnu"], "rnu", "run"),
        (["lst"], "lst", "list"),
        (["--sute", "smoke"], "--sute", "--suite"),
        (["run", "--rouns=3"], "--rouns", "--rounds"),
        (["list", "--jsn"], "--jsn", "--json"),
        (["doctor", "--work-dri", "x"], "--work-dri", "--work-dir"),
        (["run", "extra"], "extra", "--"),
        (["--suite", "smoek"], "smoek", "smoke"),
        (["list", "--suite", "fulll"], "fulll", "full"),
        (["--filter", "io/("], "io/(", r"io/\("),
        (["--filter", "-["], "[", r"\["),
        (["--benchmark_filter=("], "(", r"\("),
        (["--rounds", "five"], "five", "1"),
        (["--rounds", "0"], "0", "1"),
        (["--rounds", "-1"], "-1", "1"),
        (["--rounds", "5x"], "5x", "5"),
        (["--rounds", "99999999999999999999"], "99999999999999999999", "10000"),
        (["--timeout", "1m"], "1m", "1"),
        (["--timeout", "inf"], "inf", "1"),
        (["--timeout", "0"], "0", "0.001"),
        (["--seed", "0x10"], "0x10", "0"),
        (["--rounds"], "--rounds", "--rounds=N"),
        (["--resume=often"], "--resume", "--resume"),
        (["--benchmark_fliter=x"], "--benchmark_fliter", "--benchmark_filter"),
        (["--benchmark_min_time=fast"], "fast", "1"),
        (["--benchmark_format=yaml"], "yaml", "json"),
        (["--rounds", "2", "--benchmark_repetitions=3"], "--benchmark_repetitions", "--rounds"),
        (["--out="], "--out", "--out="),
    ],
)
def test_a_mistake_is_named_in_one_line_with_the_nearest_valid(
    tmp_path, arguments, at_fault, nearest
):
    done = waitwork(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    line = one_line(done.stderr)
    complaint, suggestion = line.split("nearest valid: ")
    assert at_fault in complaint
    assert nearest in suggestion
    assert list(tmp_path.iterdir()) == []


def test_list_names_the_rows_of_a_run(tmp_path):
    names = waitwork("list", *QUICK_ROWS, cwd=tmp_path).stdout.splitlines()
    assert names and all(name.startswith("io/timer/") for name in names)
    rows = json.loads(waitwork("list", "--json", *QUICK_ROWS, cwd=tmp_path).stdout)
    assert [list(row) for row in rows] == [ROW_FIELDS] * len(names)
    assert [row["name"] for row in rows] == names
    flag = waitwork(*QUICK_ROWS, "--benchmark_list_tests", cwd=tmp_path)
    assert (flag.returncode, flag.stdout.splitlines()) == (0, names)
    assert list(tmp_path.iterdir()) == []


def test_the_default_suite_is_quick(tmp_path):
    default = waitwork("list", cwd=tmp_path).stdout
    assert default == waitwork("list", "--suite", "quick", cwd=tmp_path).stdout
    assert default != waitwork("list", "--suite", "smoke", cwd=tmp_path).stdout


def test_a_filter_behind_a_minus_leaves_out(tmp_path):
    everything = waitwork("list", cwd=tmp_path).stdout.splitlines()
    without = [name for name in everything if "timer" not in name]
    for arguments in (["list", "--filter", "-timer"], ["list", "--filter=-timer"]):
        assert waitwork(*arguments, cwd=tmp_path).stdout.splitlines() == without
    flag = waitwork("--benchmark_filter=-timer", "--benchmark_list_tests=true", cwd=tmp_path)
    assert flag.stdout.splitlines() == without


def test_environment_variables_are_defaults(tmp_path):
    variables = {"BENCHMARK_LIST_TESTS": "1", "BENCHMARK_FILTER": "^cpu/"}
    names = waitwork(cwd=tmp_path, **variables).stdout.splitlines()
    assert names and all(name.startswith("cpu/") for name in names)
    names = waitwork("--filter", "^io/", cwd=tmp_path, **variables).stdout.splitlines()
    assert names and all(name.startswith("io/") for name in names)


@pytest.mark.parametrize("subcommand", ["run", "list"])
def test_a_filter_that_matches_nothing_is_3(tmp_path, subcommand):
    done = waitwork(subcommand, "--filter", "no such row", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    one_line(done.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["none/report.json", "", "file/report.json"])
@pytest.mark.parametrize("flag", ["--out", "--benchmark_out"])
def test_an_unwritable_report_is_found_before_measuring(tmp_path, place, flag):
    (tmp_path / "file").write_text("x")
    done = waitwork(*QUICK_ROWS, f"{flag}={tmp_path / place}", cwd=tmp_path)
    assert done.returncode == 2
    assert str(tmp_path / place) in one_line(done.stderr)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_an_unwritable_work_directory_is_found_before_measuring(tmp_path):
    for place in ("/proc", str(tmp_path / "none")):
        done = waitwork(*QUICK_ROWS, "--work-dir", place, cwd=tmp_path)
        assert done.returncode == 2
        assert place in one_line(done.stderr) and "--work-dir" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_last_of_two_values_counts(tmp_path):
    once = waitwork("list", *QUICK_ROWS, cwd=tmp_path)
    twice = waitwork("list", "--suite", "full", *QUICK_ROWS, cwd=tmp_path)
    assert twice.stdout == once.stdout


def test_doctor_reports_findings_with_remedies(tmp_path):
    done = waitwork("doctor", "--json", "--work-dir", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 0
    findings = json.loads(done.stdout)
    found = {finding["name"] for finding in findings}
    assert {
        "io_uring",
        "open_files",
        "peak_f32",
        "parallel_ceiling",
        "copy_bandwidth",
        "latency",
    } <= found
    for finding in findings:
        assert finding["status"] in ("ok", "info", "warn", "fail")
        assert finding["status"] == "ok" or finding["remedy"]
    plain = waitwork("doctor", "--work-dir", str(tmp_path), cwd=tmp_path).stdout
    assert "io_uring" in plain and "GFLOP/s" in plain and "\x1b" not in plain


def test_the_table_goes_to_standard_output_and_the_report_to_its_file(tmp_path):
    done = waitwork(*QUICK_ROWS, "--rounds", "2", cwd=tmp_path)
    assert done.returncode == 0
    for part in ("Benchmark", "io/timer/sequential", "_mean", "_median", "_stddev", "_cv"):
        assert part in done.stdout
    assert "items_per_second" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    report = load_report(tmp_path / "waitwork-report.json")
    assert report["waitwork"]["complete"]
    assert all(entry["run_type"] == "iteration" for entry in report["benchmarks"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["waitwork-report.json"]


def test_json_and_csv_on_standard_output_are_nothing_else(tmp_path):
    done = waitwork(*QUICK_ROWS, "--rounds=2", "--benchmark_format=json", cwd=tmp_path)
    entries = json.loads(done.stdout)["benchmarks"]
    names = {entry.get("aggregate_name") for entry in entries}
    assert names == {None, "mean", "median", "stddev", "cv"}
    done = waitwork(*QUICK_ROWS, "--benchmark_format=csv", cwd=tmp_path)
    header, *lines = done.stdout.splitlines()
    assert header.startswith("name,iterations,real_time,cpu_time,time_unit,")
    assert len(lines) == len(waitwork("list", *QUICK_ROWS, cwd=tmp_path).stdout.splitlines())
    assert {line.count(",") for line in lines} == {header.count(",")}


def test_benchmark_out_alone_replaces_the_report_and_has_aggregates(tmp_path):
    flags = ["--benchmark_repetitions=2", "--benchmark_out=gb.json"]
    done = waitwork(*QUICK_ROWS, *flags, cwd=tmp_path)
    assert done.returncode == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["gb.json"]
    entries = load_report(tmp_path / "gb.json")["benchmarks"]
    assert sum(entry["run_type"] == "aggregate" for entry in entries) == 4 * sum(
        entry.get("repetition_index") == 0 for entry in entries
    )


def test_benchmark_out_beside_out_leaves_the_report_as_it_is(tmp_path):
    waitwork(
        *QUICK_ROWS,
        "--rounds=2",
        "--out=report.json",
        "--benchmark_out=gb.json",
        "--benchmark_report_aggregates_only",
        "--benchmark_time_unit=us",
        "--benchmark_context=who=me",
        cwd=tmp_path,
    )
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["gb.json", "report.json"]
    full = load_report(tmp_path / "report.json")
    reduced = json.loads((tmp_path / "gb.json").read_text())
    assert {entry["run_type"] for entry in full["benchmarks"]} == {"iteration"}
    assert {entry["time_unit"] for entry in full["benchmarks"]} == {"ns"}
    assert {entry["run_type"] for entry in reduced["benchmarks"]} == {"aggregate"}
    assert {entry["time_unit"] for entry in reduced["benchmarks"]} == {"us"}
    assert full["context"]["who"] == "me"


def test_a_report_may_go_to_a_device(tmp_path):
    done = waitwork(*QUICK_ROWS, "--out", "/dev/null", cwd=tmp_path)
    assert done.returncode == 0
    assert pathlib.Path("/dev/null").is_char_device()
    assert not pathlib.Path("/dev/null.journal").exists()
    assert list(tmp_path.iterdir()) == []
