# SPDX-License-Identifier: Apache-2.0
"""Units, foreign rows and merged files: a figure is what the file says, or there is a sentence."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import advise
import chart
import check_regression
import peers
import pytest
import report_rows
import synthetic_kernels
import synthetic_report
from conftest import assert_one_line
from report import Report, ReportError, from_document
from test_report import SCHEMA, VALIDATOR, aggregate_of

SCRIPTS = Path(report_rows.__file__).parent
FACTORS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


@pytest.fixture
def document() -> dict[str, Any]:
    return synthetic_report.make(only="io/timer/(seq|conc)", rounds=3)


def in_unit(document: dict[str, Any], unit: str) -> dict[str, Any]:
    """As --benchmark_time_unit writes it: two members of each row, and no other."""
    made = copy.deepcopy(document)
    for entry in made["benchmarks"]:
        for name in ("real_time", "cpu_time"):
            entry[name] /= FACTORS[unit]
        entry["time_unit"] = unit
    return made


def refusal(document: Any) -> str:
    with pytest.raises(ReportError) as caught:
        from_document(document)
    said = str(caught.value)
    assert "\n" not in said and not re.search(r"\w+Error|NoneType|<class", said), said
    return said


# ---- units


@pytest.mark.parametrize("unit", FACTORS)
def test_times_are_nanoseconds_whatever_their_unit(unit: str, document: dict[str, Any]) -> None:
    expected, found = from_document(document), from_document(in_unit(document, unit))
    for name, row in expected.rows.items():
        for field in ("real_time", "cpu_time"):
            assert found.rows[name].values(field) == pytest.approx(row.values(field))
        for field in ("p50_ns", "items_per_second", "user_ns_per_unit"):  # these say their own
            assert found.rows[name].values(field) == row.values(field)


def test_reading_leaves_the_document_as_it_was(document: dict[str, Any]) -> None:
    made = in_unit(document, "ms")
    before = copy.deepcopy(made)
    from_document(made)
    assert made == before


@pytest.mark.parametrize("unit", ["us", "ms", "s"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_gate_gives_the_verdicts_of_nanoseconds(
    unit: str, which: int, written: Any, capsys: Any
) -> None:
    only = "io/timer/(seq|conc)"
    made = [synthetic_report.make(only=only, seed=seed, histograms=False) for seed in (1, 2)]
    slow = synthetic_report.make(only=only, seed=3, histograms=False, slower={"seq": 2.0})
    for new, code in ((made[1], 0), (slow, 1)):
        pair = [made[0], new]
        printed = []
        for unit_of_one in ("ns", unit):
            pair[which] = in_unit(pair[which], unit_of_one)
            paths = [str(written(f"{name}.json", each)) for name, each in zip("ab", pair)]
            assert check_regression.main(paths) == code
            printed.append(capsys.readouterr().out)
        assert printed[0] == printed[1]


def test_the_advice_is_that_of_nanoseconds(written: Any, capsys: Any) -> None:
    made = synthetic_report.make(only="io/timer|cpu/matmul", histograms=False)
    texts = []
    for unit in ("ns", "ms"):
        assert advise.main([str(written("r.json", in_unit(made, unit)))]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] and "A unit waits" in texts[0]


@pytest.mark.parametrize("unit", ["min", "NS", "", 7, None, ["ns"]])
def test_an_unknown_unit_is_refused(unit: Any, document: dict[str, Any]) -> None:
    document["benchmarks"][0]["time_unit"] = unit
    assert "benchmarks[0].time_unit is" in refusal(document)
    assert "not one of ns, us, ms, s" in refusal(document)


def test_the_schema_knows_the_units_that_the_program_writes(document: dict[str, Any]) -> None:
    for unit in FACTORS:
        made = in_unit(document, unit)
        made["benchmarks"] = [made["benchmarks"][0], aggregate_of(made["benchmarks"][0])]
        made["benchmarks"][1]["time_unit"] = unit
        VALIDATOR.validate(made)
    made["benchmarks"][0]["time_unit"] = "min"
    assert not VALIDATOR.is_valid(made)


# ---- rows of others


PLAIN = {
    "name": "BM_memcpy/8",
    "run_name": "BM_memcpy/8",
    "run_type": "iteration",
    "iterations": 10,
    "real_time": 1.5,
    "cpu_time": 1.5,
    "time_unit": "ns",
}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (PLAIN, '("BM_memcpy/8") is no row of waitwork; take it out'),
        (
            PLAIN | {"run_type": "aggregate", "name": "BM_memcpy/8_mean"},
            '("BM_memcpy/8") is no row',
        ),
        (
            {
                "name": "BM_x",
                "error_occurred": True,
                "error_message": "no device",
                "real_time": 0.0,
            },
            '("BM_x") is an error and no measurement (no device); take it out, or measure again',
        ),
        (
            {
                "name": "BM_new",
                "skipped": True,
                "skip_message": "not here",
                "run_type": "iteration",
            },
            '("BM_new") is an error and no measurement (not here)',
        ),
        ({"name": "BM_old", "real_time": 3}, '("BM_old") is no row of waitwork'),
        ({}, "is no row of waitwork"),
        (3, "is 3, not an object"),
        (None, "is null, not an object"),
    ],
)
def test_a_row_of_another_program_is_named(row: Any, said: str, document: dict[str, Any]) -> None:
    document["benchmarks"].insert(1, row)
    found = refusal(document)
    assert said in found and "benchmarks[1]" in found


def test_an_error_row_of_ours_is_no_time(document: dict[str, Any]) -> None:
    document["benchmarks"][0] |= {"error_occurred": True, "error_message": "x", "real_time": 0.0}
    assert "is an error and no measurement (x)" in refusal(document)


def test_a_round_that_is_there_twice_is_a_merge(document: dict[str, Any]) -> None:
    document["benchmarks"] += copy.deepcopy(document["benchmarks"])
    said = refusal(document)
    assert "has round 0 a second time: runs were merged; give each report by itself" in said


def test_a_row_with_other_parameters_is_a_merge(document: dict[str, Any]) -> None:
    document["benchmarks"][1]["waitwork"]["parameters"]["wait_us"] = 3
    assert "has another parameters than in another round" in refusal(document)


def test_a_row_of_another_run_is_named(document: dict[str, Any]) -> None:
    other = synthetic_report.make(only="cpu/matmul/seq", rounds=1)
    document["benchmarks"] += other["benchmarks"]
    assert '("cpu/matmul/sequential/process_time/real_time") is a row that the run did not' in (
        refusal(document)
    )


# ---- nothing measured


@pytest.mark.parametrize("tool", [advise, chart, peers, check_regression])
def test_a_report_of_means_only_is_called_that(tool: Any, written: Any, capsys: Any) -> None:
    made = synthetic_report.make(only="io/timer/seq", histograms=False)
    made["benchmarks"] = [aggregate_of(each) for each in made["benchmarks"][:1]]
    path = str(written("means.json", made))
    assert tool.main([path, path] if tool is check_regression else [path]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert_one_line(
        captured.err,
        "means.json: the report has means over rounds only;"
        " give the report of single rounds (--out)",
    )


def test_no_measurement_at_all_is_said(written: Any, capsys: Any) -> None:
    made = synthetic_report.make(only="io/timer/seq", histograms=False)
    made["benchmarks"], made["waitwork"]["complete"] = [], False
    assert advise.main([str(written("r.json", made))]) == 0
    out = capsys.readouterr().out
    assert "holds no measurement" in out and "--resume" in out
    # The cause is what the file says, and not what usually is the cause.
    made["waitwork"]["complete"] = True
    del made["waitwork"]["rounds"]
    assert advise.main([str(written("r.json", made))]) == 0
    assert "is complete and has no figures" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("workload", "io/other"),
        ("variant", "x"),
        ("strategy", "hybrid"),
        ("depth", 2),
        ("workers", 9),
    ],
)
@pytest.mark.parametrize("everywhere", [True, False])
def test_a_row_is_what_the_run_declared_under_its_name(
    member: str, value: Any, everywhere: bool, document: dict[str, Any]
) -> None:
    name = document["benchmarks"][0]["name"]
    for entry in document["benchmarks"] if everywhere else document["benchmarks"][:1]:
        if entry["name"] == name:
            entry["waitwork"][member] = value
    said = refusal(document)
    assert f"waitwork.{member} is {value}, and waitwork.declared has" in said and "[0]" in said


def test_what_failed_and_what_is_declared_twice_is_so_too(document: dict[str, Any]) -> None:
    declared = document["waitwork"]["declared"]
    failure = declared[0] | {"depth": 7, "round": 0, "reason": "crashed", "detail": ""}
    document["waitwork"]["failures"] = [failure]
    assert "waitwork.failures[0].depth is 7" in refusal(document)
    document["waitwork"]["failures"] = []
    declared.insert(0, declared[0] | {"workers": 3})
    assert "waitwork.declared[0].workers is 3" in refusal(document)


def test_rounds_beyond_those_of_the_run_are_a_merge(document: dict[str, Any]) -> None:
    merged = copy.deepcopy(document)
    for entry in document["benchmarks"]:
        merged["benchmarks"].append(entry | {"repetition_index": entry["repetition_index"] + 3})
    said = refusal(merged)
    assert "repetition_index is 3, and the run has 3 rounds" in said and "by itself" in said


def test_a_complete_report_has_every_round_or_says_why_not(document: dict[str, Any]) -> None:
    taken = document["benchmarks"].pop()
    said = refusal(document)
    assert taken["name"] in said and "has 2 of 3 rounds" in said
    name = taken["name"]
    row = next(each for each in document["waitwork"]["declared"] if each["name"] == name)
    document["waitwork"]["absent"] = [row | {"cause": "c", "remedy": "r"}]
    from_document(document)
    document["waitwork"]["absent"] = []
    document["waitwork"]["complete"] = False
    from_document(document)


# ---- types and ranges


def members(value: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    found = []
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in pairs:
        where = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".lstrip(".")
        found.append((where, value, key))
        if isinstance(member, (dict, list)):
            found += members(member, where)
    return found


UNREAD = re.compile(
    r"context\.(executable|num_cpus|mhz|caches|load_avg|library_build|cpu_scaling)"
    r"|machine\.(cpus_affinity|cpu_quota)|run_name|\.repetitions|\.threads|waitwork\.(class|round)$"
    r"|\.started|waitwork\.loop|limits\.(instruction|array_bytes|latencies|took|absent)"
    r"|cache_bytes|worker_bytes|streaming|triad"
)


@pytest.mark.parametrize("source", ["timer", "kernels"])
def test_every_member_of_a_wrong_type_is_named_by_its_path(source: str) -> None:
    if source == "kernels":
        made = synthetic_kernels.make(rounds=1, only="matmul_f32_64")
    else:
        only = "io/(timer/seq|file_write/seq)|ms/par.*64"
        made = synthetic_report.make("troubled", rounds=3, only=only)
    from_document(made)
    tried = 0
    for path, holder, key in members(made):
        if UNREAD.search(path):
            continue
        tried += 1
        value = holder[key]
        holder[key] = {"surprise": 1} if isinstance(value, (str, int, float, list)) else 7
        said = refusal(made)
        assert path in said or 'no "waitwork" object' in said or "no row of waitwork" in said, (
            path,
            said,
        )
        holder[key] = value
    assert tried > 60
    from_document(made)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("benchmarks", 0, "real_time", 0), "benchmarks[0].real_time is 0, less than"),
        (("benchmarks", 0, "real_time", -1.0), "benchmarks[0].real_time is -1, and negative"),
        (("benchmarks", 0, "real_time", True), "real_time is true or false, not a number"),
        (("benchmarks", 0, "real_time", "1.0"), "real_time is text, not a number"),
        (("benchmarks", 0, "real_time", 1e-200), "real_time is 1e-200, less than"),
        (("benchmarks", 0, "real_time", 10**39), "real_time is 1e+39, more than"),
        (("benchmarks", 0, "p99_ns", -3.5), "benchmarks[0].p99_ns is -3.5, and negative"),
        (("benchmarks", 0, "repetition_index", 1.5), "is 1.5, not a whole number"),
        (("benchmarks", 0, "repetition_index", 1 << 70), "more than 1000000"),
        (
            ("benchmarks", 0, "waitwork", "depth", "one"),
            "benchmarks[0].waitwork.depth is text, not a whole number",
        ),
        (("benchmarks", 0, "waitwork", "depth", 0), "waitwork.depth is 0, less than 1"),
        (("benchmarks", 0, "waitwork", "strategy", "both"), 'is "both", not one of sequential'),
        (("benchmarks", 0, "waitwork", "parameters", {"n": "x"}), "waitwork.parameters.n is text"),
        (
            ("benchmarks", 0, "waitwork", "latency_histogram", "buckets", [[1, 2]]),
            "latency_histogram.buckets[0] has 2 numbers, not 3",
        ),
        (
            ("benchmarks", 0, "waitwork", "latency_histogram", "buckets", [[1, 2, 3], [1, 2, -3]]),
            "buckets[1][2] is -3, and negative",
        ),
        (("benchmarks", 0, "name", "x" * 2000), "benchmarks[0].name has 2000 characters"),
        (
            ("context", "waitwork", "machine", "cpus_effective", 0),
            "cpus_effective is 0, less than 1",
        ),
        (("context", "waitwork", "environment", "ok"), "waitwork.environment is text, not a list"),
        (("context", "waitwork", "limits", {"f32_flops_one": 0}), "limits.f32_flops_one is 0"),
        (("waitwork", "complete", 1), "waitwork.complete is 1, not true or false"),
        (("waitwork", "schema", "1." + "9" * 5000), "is not a version of the schema"),
        (("waitwork", "declared", [3]), "waitwork.declared[0] is 3, not an object"),
    ],
)
def test_what_cannot_be_is_named(
    change: tuple[Any, ...], said: str, document: dict[str, Any]
) -> None:
    holder: Any = document
    *path, key, value = change
    for each in path:
        holder = holder[each]
    holder[key] = value
    assert said in refusal(document)


@pytest.mark.parametrize(
    "path", ["context.date", "waitwork.declared", "benchmarks", "context.waitwork.machine.kernel"]
)
def test_what_is_missing_is_named(path: str, document: dict[str, Any]) -> None:
    holder: Any = document
    *parents, key = path.split(".")
    for each in parents:
        holder = holder[each]
    del holder[key]
    assert f"{path} is missing" in refusal(document)


def test_whole_numbers_that_a_program_wrote_as_others_are_read(document: dict[str, Any]) -> None:
    for entry in (
        *document["waitwork"]["declared"],
        *(each["waitwork"] for each in document["benchmarks"]),
    ):
        entry["depth"] = float(entry["depth"])
    document["context"]["waitwork"]["machine"]["cpus_effective"] = 2.0
    report = from_document(document)
    assert isinstance(report, Report)
    for value in (
        report.machine["cpus_effective"],
        report.declared[0]["depth"],
        *(row.depth for row in report.rows.values()),
    ):
        assert type(value) is int


# ---- what the tools read is what is checked


def test_every_figure_that_a_tool_reads_is_checked() -> None:
    checked = report_rows.FIGURES | report_rows.MEASUREMENT.keys()
    schema = SCHEMA["$defs"]["measurement"]["properties"]
    numbers = {name for name, each in schema.items() if each.get("type") in ("number", "integer")}
    assert numbers - {"repetitions"} <= checked
    sources = [*SCRIPTS.glob("*.py"), *(SCRIPTS / "charts").glob("*.py")]
    text = "\n".join(each.read_text("utf-8") for each in sources if "test_" not in each.name)
    literal = set(re.findall(r'\.(?:values|median)\("(\w+)"', text))
    metrics = {value.field for value in vars(peers).values() if isinstance(value, peers.Metric)}
    assert len(literal) > 10 and len(metrics) > 10
    ratios = {name for name in metrics if name.startswith(report_rows.RATIOS)}
    assert literal | metrics - ratios <= checked
    for metric in (each for each in vars(peers).values() if isinstance(each, peers.Metric)):
        assert not metric.side_by_side or metric.side_by_side in report_rows.RATIOS
