# SPDX-License-Identifier: Apache-2.0
"""The suite of peers, and what --loop-stats adds to a run."""

import json
import pathlib
import subprocess
import sys

import jsonschema
import pytest
from waitwork_process import QUICK_ROWS, load_report, waitwork

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "reports/schema/waitwork-report-1.schema.json").read_text())
# Works that need nothing of the machine and take milliseconds; Asio may be missing, and then its rows are absent.
FEW = [
    "--suite",
    "peers",
    "--filter",
    "^peers/(nop|await_ready|spawn_join)/",
    "--benchmark_min_time=0.01",
]
DONE = (0, 5)


@pytest.fixture(scope="module")
def peers_run(tmp_path_factory) -> tuple[pathlib.Path, dict]:
    place = tmp_path_factory.mktemp("peers")
    done = waitwork("run", *FEW, "--rounds", "3", "--out", "report.json", cwd=place)
    assert done.returncode in DONE, done.stderr
    return place, load_report(place / "report.json")


@pytest.fixture(scope="module")
def stats_run(tmp_path_factory) -> tuple[str, dict]:
    place = tmp_path_factory.mktemp("loop_stats")
    done = waitwork(
        "run", *QUICK_ROWS, "--rounds", "2", "--loop-stats", "--out", "report.json", cwd=place
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, load_report(place / "report.json")


def test_the_suite_has_all_peers_and_nothing_else(tmp_path):
    names = waitwork("list", "--suite", "peers", cwd=tmp_path).stdout.splitlines()
    works = {name.split("/")[1] for name in names}
    assert all(name.startswith("peers/") for name in names)
    assert {
        "await_ready",
        "nop",
        "offload",
        "random_read",
        "sleepers",
        "spawn_join",
        "timer",
        "wake",
    } <= works
    for suite in ("smoke", "quick", "full"):
        assert "peers/" not in waitwork("list", "--suite", suite, cwd=tmp_path).stdout


def test_every_peer_gives_the_right_answers(peers_run):
    report = peers_run[1]
    assert report["waitwork"]["failures"] == []
    for missing in report["waitwork"]["absent"]:
        assert missing["variant"] == "asio" and "scripts/packages peers" in missing["remedy"]


def test_a_report_of_peers_is_of_the_schema(peers_run):
    jsonschema.Draft202012Validator(SCHEMA).validate(peers_run[1])


def test_the_rows_of_a_work_are_measured_next_to_each_other(peers_run):
    report = peers_run[1]
    for round_index in range(3):
        entries = [
            entry for entry in report["benchmarks"] if entry["repetition_index"] == round_index
        ]
        entries.sort(key=lambda entry: entry["waitwork"]["started"])
        order = [entry["waitwork"]["workload"] for entry in entries]
        changes = sum(one != other for one, other in zip(order, order[1:]))
        assert changes == len(set(order)) - 1, order


def test_work_on_a_ring_counts_its_enters_whoever_drives_it(peers_run):
    for entry in peers_run[1]["benchmarks"]:
        ours = entry["waitwork"]
        if ours["workload"] == "peers/nop" and ours["depth"] == 64:
            assert 1 / 65 < entry["enters_per_unit"] < 1 / 32, entry["name"]
        if ours["variant"] in ("bare", "asio"):
            assert "enters_per_unit" not in entry and "loop" not in ours, entry["name"]


def test_peers_py_compares_what_was_measured(peers_run):
    place = peers_run[0]
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/peers.py", "report.json"],
        cwd=place, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "liburing" in done.stdout and "time ≤ 1.10 of liburing" in done.stdout


def test_loop_stats_has_every_loop_of_every_row_that_has_loops(stats_run):
    report = stats_run[1]
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    for entry in report["benchmarks"]:
        ours = entry["waitwork"]
        assert ("loop_stats" in ours) == (ours["strategy"] in ("concurrent", "hybrid")), entry[
            "name"
        ]
        if "loop_stats" not in ours:
            continue
        stats = ours["loop_stats"]
        loops = min(ours["workers"], ours["depth"]) if ours["strategy"] == "hybrid" else 1
        assert len(stats["loops"]) == loops, entry["name"]
        for counter, total in ours["loop"].items():
            if counter not in ("setup_flags", "in_flight_peak"):
                assert total == sum(loop[counter] for loop in stats["loops"]), (
                    entry["name"],
                    counter,
                )
        assert stats["enters_per_unit"] == pytest.approx(entry["enters_per_unit"])
        assert stats["kernel_workers"] == entry["kernel_workers"]


def test_loop_stats_are_printed_below_the_table(stats_run):
    table, _, stats = stats_run[0].partition("The loops of each row, over all its rounds:\n")
    assert "items_per_second" in table
    assert stats.count("io/timer/concurrent/") == 2 and "io/timer/sequential" not in stats
    for word in (
        "enters a unit",
        "SQEs",
        "times full",
        "overflows",
        "rang the bell",
        "kernel worker threads",
    ):
        assert word in stats


def test_without_the_option_there_is_no_block(peers_run):
    assert all("loop_stats" not in entry["waitwork"] for entry in peers_run[1]["benchmarks"])
