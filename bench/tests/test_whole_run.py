# SPDX-License-Identifier: Apache-2.0
"""A whole run and everything that reads its report: every row at smoke size, the schema, and the tools."""

import copy
import json
import pathlib
import subprocess
import sys

import jsonschema
import pytest
from waitwork_process import load_report, waitwork

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "reports/schema/waitwork-report-1.schema.json"
COMPARE_PY = pathlib.Path("/usr/share/benchmark/compare.py")


def tool(name: str, *arguments, cwd: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / name, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> pathlib.Path:
    """The directory of a run of everything; four rounds, to be split in two."""
    place = tmp_path_factory.mktemp("whole_run")
    done = waitwork(
        "run", "--suite", "smoke", "--rounds", "4", "--out", "report.json", cwd=place, timeout=400
    )
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def report(run) -> dict:
    return load_report(run / "report.json")


def rounds(report: dict, kept: set[int], slower: float = 1.0) -> dict:
    """The report with these rounds only, numbered from 0, and every time multiplied."""
    part = copy.deepcopy(report)
    numbers = {old: new for new, old in enumerate(sorted(kept))}
    part["benchmarks"] = [
        entry for entry in part["benchmarks"] if entry["repetition_index"] in kept
    ]
    for entry in part["benchmarks"]:
        entry["repetition_index"] = entry["waitwork"]["round"] = numbers[entry["repetition_index"]]
        entry["repetitions"] = len(kept)
        entry["real_time"] *= slower
    part["waitwork"]["rounds"] = len(kept)
    return part


def test_every_row_is_measured_and_none_fails(report):
    assert report["waitwork"]["complete"]
    assert report["waitwork"]["failures"] == []
    assert report["waitwork"]["absent"] == []


def test_the_report_is_of_its_schema(report):
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(report)


def test_every_subject_has_all_four_strategies(report):
    strategies: dict[tuple[str, str], set[str]] = {}
    for entry in report["benchmarks"]:
        ours = entry["waitwork"]
        strategies.setdefault((ours["workload"], ours["variant"]), set()).add(ours["strategy"])
    assert len(strategies) == 25
    for found in strategies.values():
        assert found == {"sequential", "concurrent", "parallel", "hybrid"}


def test_loops_and_servers_are_accounted_for(report):
    for entry in report["benchmarks"]:
        ours = entry["waitwork"]
        on_a_loop = ours["strategy"] in ("concurrent", "hybrid")
        assert ("loop" in ours) == ("kernel_workers" in entry) == on_a_loop, entry["name"]
        assert ("server_cpu_ns_per_unit" in entry) == (ours["workload"] == "io/net_echo"), entry[
            "name"
        ]
        counted = sum(count for _, _, count in ours["latency_histogram"]["buckets"])
        assert counted == entry["iterations"], entry["name"]


def test_compare_py_reads_two_of_our_reports(run, report):
    for name, kept in (("a.json", {0, 1}), ("b.json", {2, 3})):
        (run / name).write_text(json.dumps(rounds(report, kept)))
    done = subprocess.run(
        [sys.executable, COMPARE_PY, "benchmarks", "a.json", "b.json"],
        cwd=run,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "io/timer/concurrent/depth:16" in done.stdout
    assert "OVERALL_GEOMEAN" in done.stdout


def test_advise_has_a_line_for_every_workload(run):
    done = tool("advise.py", "report.json", cwd=run)
    assert done.returncode == 0, done.stderr
    for subject in ("io/timer", "io/file_read/direct", "cpu/matmul", "mixed/wait_work/burgers"):
        assert subject in done.stdout


def test_chart_draws_it(run):
    done = tool("chart.py", "report.json", "-o", "charts", cwd=run)
    assert done.returncode == 0, done.stderr
    assert (run / "charts/index.html").stat().st_size > 10_000


def test_a_run_against_itself_is_no_regression(run, report):
    for name, kept in (("base.json", {0, 2}), ("new.json", {1, 3})):
        (run / name).write_text(json.dumps(rounds(report, kept)))
    done = tool("check_regression.py", "base.json", "new.json", cwd=run)
    assert done.returncode == 0, done.stdout
    assert "no change" not in done.stdout.lower()


def test_a_run_that_got_a_hundred_times_slower_is_a_regression(run, report):
    # Two rounds of 10 ms rows see no 20 %; scripts/test_check_regression.py has that, on data with known noise.
    (run / "base.json").write_text(json.dumps(rounds(report, {0, 1, 2, 3})))
    (run / "slow.json").write_text(json.dumps(rounds(report, {0, 1, 2, 3}, slower=100.0)))
    done = tool("check_regression.py", "base.json", "slow.json", cwd=run)
    assert done.returncode == 1, done.stdout
