# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import synthetic_report
from report import Report, ReportError, from_document, load

SCHEMA = json.loads(
    (
        Path(__file__).resolve().parent.parent / "reports/schema/waitwork-report-1.schema.json"
    ).read_text("utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FEW = "io/(timer|file_write|file_read/cached)|cpu/matmul"
WRONG = "io/file_read/cached/concurrent/depth:64/process_time/real_time"  # from round 1 on


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return synthetic_report.make("troubled", only=FEW)


def test_rows_come_in_the_order_of_the_suite_with_their_rounds_in_order(
    document: dict[str, Any]
) -> None:
    shuffled = copy.deepcopy(document)
    shuffled["benchmarks"].reverse()
    report = from_document(shuffled)
    names = [
        row["name"]
        for row in document["waitwork"]["declared"]
        if not row["workload"].endswith("file_write")
    ]
    assert list(report.rows) == names
    for row in report.rows.values():
        assert list(row.values("real_time")) == ([0] if row.name == WRONG else [0, 1, 2, 3, 4])


def test_a_row_repeats_what_it_is_as_fields(document: dict[str, Any]) -> None:
    report = from_document(document)
    row = report.rows["io/timer/hybrid/depth:64/workers:2/process_time/real_time"]
    assert (row.workload, row.variant, row.strategy, row.depth, row.workers) == (
        "io/timer",
        "",
        "hybrid",
        64,
        2,
    )
    assert row.size == 64
    assert row.parameters == {"wait_us": 1000}


def test_a_field_that_rows_lack_is_none_and_no_error(document: dict[str, Any]) -> None:
    row = from_document(document).rows["cpu/matmul/sequential/process_time/real_time"]
    assert row.values("kernel_workers") == {}
    assert row.median("kernel_workers") is None


def test_the_median_is_over_rounds(document: dict[str, Any]) -> None:
    row = from_document(document).rows["cpu/matmul/sequential/process_time/real_time"]
    assert row.median("real_time") == sorted(row.values("real_time").values())[2]


def test_subjects_include_those_without_any_figures(document: dict[str, Any]) -> None:
    assert from_document(document).subjects == [
        ("cpu/matmul", ""),
        ("io/file_read", "cached"),
        ("io/file_write", ""),
        ("io/timer", ""),
    ]


def test_rounds_are_those_that_measured_something() -> None:
    assert from_document(synthetic_report.make("interrupted", histograms=False)).rounds == 1
    assert from_document(synthetic_report.make(rounds=3, only=FEW)).rounds == 3


def test_aggregates_are_left_out(document: dict[str, Any]) -> None:
    more = copy.deepcopy(document)
    more["benchmarks"].append(aggregate_of(document["benchmarks"][0]))
    assert list(from_document(more).rows) == list(from_document(document).rows)


def test_a_newer_minor_schema_is_read(document: dict[str, Any]) -> None:
    newer = copy.deepcopy(document)
    newer["waitwork"] |= {"schema": "1.9.0", "novelty": True}
    assert isinstance(from_document(newer), Report)


def test_what_is_not_a_report_is_refused_in_one_sentence(not_a_report: tuple[str, str]) -> None:
    name, expected = not_a_report
    with pytest.raises(ReportError) as caught:
        load(name)
    text = str(caught.value)
    assert text.startswith(f"{name}: ") and expected in text and "\n" not in text


def test_every_truncation_of_a_report_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    whole = json.dumps(document)
    path = tmp_path / "cut.json"
    for share in (0.001, 0.1, 0.5, 0.9, 0.99999):
        path.write_text(whole[: int(len(whole) * share)], encoding="utf-8")
        with pytest.raises(ReportError):
            load(path)


@pytest.mark.parametrize("place", ["context", "benchmarks", "declared", "failures", "absent"])
@pytest.mark.parametrize("wreck", [None, 3, "x", [3], {"x": 3}])
def test_a_damaged_report_is_refused_and_never_a_traceback(
    place: str, wreck: Any, document: dict[str, Any]
) -> None:
    damaged = copy.deepcopy(document)
    (damaged if place in damaged else damaged["waitwork"])[place] = wreck
    with pytest.raises(ReportError):
        from_document(damaged)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("real_time", 0),
        ("real_time", -1.0),
        ("real_time", "fast"),
        ("repetition_index", 1),
        ("waitwork", {}),
    ],
)
def test_a_row_with_a_false_member_is_refused(
    member: str, value: Any, document: dict[str, Any]
) -> None:
    damaged = copy.deepcopy(document)
    damaged["benchmarks"][0][member] = value
    with pytest.raises(ReportError):
        from_document(damaged)


# ---- the schema


@pytest.fixture(scope="module")
def small(document: dict[str, Any]) -> dict[str, Any]:
    """Every kind of object, few of each."""
    loops = next(entry for entry in document["benchmarks"] if "loop" in entry["waitwork"])
    return {
        "context": document["context"],
        "benchmarks": [loops],
        "waitwork": document["waitwork"] | {"declared": document["waitwork"]["declared"][:1]},
    }


@pytest.mark.parametrize("scenario", synthetic_report.SCENARIOS)
def test_the_schema_accepts_reports_of_every_kind(scenario: str) -> None:
    VALIDATOR.validate(synthetic_report.make(scenario, rounds=2, only=FEW))


def test_the_schema_accepts_aggregates_as_google_benchmark_has_them(small: dict[str, Any]) -> None:
    more = copy.deepcopy(small)
    more["benchmarks"].append(aggregate_of(small["benchmarks"][0]))
    VALIDATOR.validate(more)


def test_the_schema_accepts_counters_that_it_does_not_know(small: dict[str, Any]) -> None:
    more = copy.deepcopy(small)
    more["benchmarks"][0]["CYCLES"] = 12.5
    more["context"]["branch"] = "main"
    VALIDATOR.validate(more)


def paths_of_objects(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where under `value` the objects of ours are, one of each kind."""
    found = []
    if isinstance(value, dict):
        found.append(path)
        for key, member in value.items():
            found += paths_of_objects(member, (*path, key))
    elif isinstance(value, list) and value:
        found += paths_of_objects(value[0], (*path, 0))
    return found


OPEN = ("parameters", "loop", "libraries")  # maps, whose keys are data


def test_the_schema_refuses_unknown_members_in_every_object_of_ours(small: dict[str, Any]) -> None:
    ours = [path for path in paths_of_objects(small) if "waitwork" in path and path[-1] not in OPEN]
    assert len(ours) >= 10
    for path in ours:
        more = copy.deepcopy(small)
        at(more, path)["unheard_of"] = 1
        assert not VALIDATOR.is_valid(more), path


def test_the_schema_refuses_a_missing_member_and_a_null(small: dict[str, Any]) -> None:
    optional = {
        "git",
        "remedy",
        "loop",
        "pressure_cpu_some_percent",
        "steal_percent",
        "cpu_quota",
        "cpu_scaling_enabled",
    }
    for path in paths_of_objects(small):
        if "waitwork" not in path or path[-1] in OPEN:
            continue
        for key in at(small, path):
            nulled = copy.deepcopy(small)
            at(nulled, path)[key] = None
            assert not VALIDATOR.is_valid(nulled), (*path, key)
            if key not in optional:
                less = copy.deepcopy(small)
                del at(less, path)[key]
                assert not VALIDATOR.is_valid(less), (*path, key)


@pytest.mark.parametrize(
    "member", ["real_time", "cpu_time", "time_unit", "iterations", "p99_ns", "rss_peak_bytes"]
)
def test_the_schema_refuses_a_row_without_what_readers_need(
    member: str, small: dict[str, Any]
) -> None:
    less = copy.deepcopy(small)
    del less["benchmarks"][0][member]
    assert not VALIDATOR.is_valid(less)


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def aggregate_of(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{entry['name']}_mean",
        "family_index": entry["family_index"],
        "per_family_instance_index": entry["per_family_instance_index"],
        "run_name": entry["name"],
        "run_type": "aggregate",
        "repetitions": 5,
        "threads": 1,
        "aggregate_name": "mean",
        "aggregate_unit": "time",
        "iterations": 5,
        "real_time": entry["real_time"],
        "cpu_time": entry["cpu_time"],
        "time_unit": "ns",
    }
