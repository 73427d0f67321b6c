# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import peers
import pytest
import synthetic_kernels
import synthetic_report
from conftest import assert_one_line
from ratio import Ratio
from report import from_document

ROUNDS = 8


def figures(values: float | list[float], rounds: int) -> list[float]:
    return values if isinstance(values, list) else [values] * rounds


def entry(
    identity: dict[str, Any], family: int, round_: int, values: dict[str, float]
) -> dict[str, Any]:
    ours = {key: value for key, value in identity.items() if key != "name"}
    return {
        "name": identity["name"],
        "run_name": identity["name"],
        "run_type": "iteration",
        "family_index": family,
        "per_family_instance_index": 0,
        "repetition_index": round_,
        "real_time": 100.0,
        "cpu_time": 100.0,
        "time_unit": "ns",
        "user_ns_per_unit": 50.0,
        "sys_ns_per_unit": 50.0,
        **values,
        "waitwork": ours | {"class": "peers", "round": round_, "parameters": {}},
    }


def document(
    rows: dict[str, dict[str, float | list[float]]], rounds: int = ROUNDS, **meta: Any
) -> dict[str, Any]:
    """A report of the suite with these rows, "nop/waitwork/64": {"real_time": one for all rounds or a list}."""
    made = synthetic_report.make(only="^$", rounds=rounds)
    made["waitwork"] |= {"suite": "peers"}
    for family, (key, fields) in enumerate(rows.items()):
        work, variant, depth = key.split("/")
        identity = {
            "name": f"peers/{work}/{variant}/concurrent/depth:{depth}/process_time/real_time",
            "workload": f"peers/{work}",
            "variant": variant,
            "strategy": "concurrent",
            "depth": int(depth),
            "workers": 1,
        }
        made["waitwork"]["declared"].append(identity)
        for round_ in range(rounds):
            values = {name: figures(each, rounds)[round_] for name, each in fields.items()}
            made["benchmarks"].append(entry(identity, family, round_, values))
    made["waitwork"] |= meta
    return made


def spread(centre: float, seed: int, noise: float = 0.01) -> list[float]:
    source = random.Random(seed)
    return [centre * (1 + source.uniform(-noise, noise)) for _ in range(ROUNDS)]


@pytest.fixture
def findings(written: Any) -> Any:
    """What the tool finds in a report with these rows, by "work/metric/peer"."""

    def find(rows: dict[str, Any], **arguments: Any) -> dict[str, peers.Finding]:
        report = peers.load(written("report.json", document(rows, **arguments)))
        return {
            "/".join(
                str(part)
                for part in (
                    each.group.work.removeprefix("peers/"),
                    each.group.depth,
                    each.metric.field,
                    each.peer,
                )
            ): each
            for each in peers.compare(report)
        }

    return find


def test_a_ratio_is_ours_over_theirs_within_rounds(findings: Any) -> None:
    drift = [1.0, 1.4, 0.7, 1.1, 1.0, 0.9, 1.2, 1.0]
    found = findings(
        {
            "nop/waitwork/64": {"real_time": [70 * each for each in drift]},
            "nop/liburing/64": {"real_time": [70 / 1.05 * each for each in drift]},
        }
    )["nop/64/real_time/liburing"]
    assert found.ratio.value == pytest.approx(1.05) and found.ratio.n == ROUNDS
    assert found.limit == 1.10 and found.verdict == "reached"


@pytest.mark.parametrize(
    ("factor", "said"), [(1.02, "reached"), (1.10, "undecided"), (1.30, "missed")]
)
def test_a_target_is_judged_by_the_interval(findings: Any, factor: float, said: str) -> None:
    rows = {
        "nop/waitwork/64": {"real_time": spread(60 * factor, 1)},
        "nop/liburing/64": {"real_time": spread(60, 2)},
    }
    assert findings(rows)["nop/64/real_time/liburing"].verdict == said


@pytest.mark.parametrize(("each", "said"), [(6.5, "reached"), (7.0, "undecided"), (9.0, "missed")])
def test_a_target_without_a_peer_is_judged_by_our_own_figure(
    findings: Any, each: float, said: str
) -> None:
    found = findings({"await_ready/waitwork/1": {"real_time": spread(each, 3)}})
    assert found["await_ready/1/real_time/None"].verdict == said


@pytest.mark.parametrize(
    ("factor", "said"), [(1.1, "reached"), (0.9, "missed"), (1.0, "undecided")]
)
def test_a_rate_is_better_when_it_is_higher(findings: Any, factor: float, said: str) -> None:
    rows = {
        "tcp_echo/waitwork/64": {"items_per_second": spread(1e5 * factor, 4)},
        "tcp_echo/liburing/64": {"items_per_second": spread(1e5, 5)},
    }
    assert findings(rows)["tcp_echo/64/items_per_second/liburing"].verdict == said


def test_a_ratio_that_was_taken_side_by_side_counts_instead_of_the_rows(findings: Any) -> None:
    rows = {
        "tcp_echo/waitwork/64": {
            "server_cpu_ns_per_unit": spread(6000, 6),
            "server_cpu_over_liburing": spread(0.9, 7),
            "requests_over_liburing": spread(1.1, 8),
        },
        "tcp_echo/liburing/64": {
            "server_cpu_ns_per_unit": spread(4000, 9),
            "items_per_second": spread(9e4, 4),
        },
        "tcp_echo/asio/64": {"server_cpu_ns_per_unit": spread(12000, 5)},
    }
    found = findings(rows)
    beside = found["tcp_echo/64/server_cpu_ns_per_unit/liburing"]
    assert beside.ratio.value == pytest.approx(0.9, rel=0.05) and beside.verdict == "reached"
    assert beside.ours == pytest.approx(6000, rel=0.1) and beside.theirs == pytest.approx(
        4000, rel=0.1
    )
    apart = found["tcp_echo/64/server_cpu_ns_per_unit/asio"]
    assert apart.ratio.value == pytest.approx(0.5, rel=0.1)


def test_counts_that_are_equal_reach_a_target_of_one(findings: Any) -> None:
    rows = {
        "tcp_echo/waitwork/64": {"server_enters_per_unit": 0.1},
        "tcp_echo/liburing/64": {"server_enters_per_unit": 0.1},
    }
    assert findings(rows)["tcp_echo/64/server_enters_per_unit/liburing"].verdict == "reached"


def test_one_round_decides_nothing(findings: Any) -> None:
    rows = {"await_ready/waitwork/1": {"real_time": 1.0}}
    assert findings(rows, rounds=1)["await_ready/1/real_time/None"].verdict == "undecided"


def test_only_what_is_named_is_compared_of_works_whose_time_says_nothing(findings: Any) -> None:
    rows = {
        "sleepers/waitwork/1": {"bytes_per_sleeper": 230.0, "time_over_nominal": 1.2},
        "sleepers/asio/1": {"bytes_per_sleeper": 1100.0, "time_over_nominal": 2.0},
    }
    found = findings(rows)
    assert set(found) == {
        "sleepers/1/bytes_per_sleeper/None",
        "sleepers/1/time_over_nominal/None",
        "sleepers/1/bytes_per_sleeper/asio",
        "sleepers/1/time_over_nominal/asio",
    }
    assert found["sleepers/1/bytes_per_sleeper/asio"].ratio.value == pytest.approx(230 / 1100)


def test_a_peer_of_a_kind_is_compared_with_ours_of_that_kind(findings: Any) -> None:
    rows = {
        "random_read/waitwork/64": {"items_per_second": 90e3},
        "random_read/waitwork_registered/64": {"items_per_second": 99e3},
        "random_read/liburing/64": {"items_per_second": 90e3},
        "random_read/liburing_registered/64": {"items_per_second": 99e3},
        "random_read/msg_ring/64": {"items_per_second": 45e3},
    }
    found = findings(rows)
    assert (
        found["random_read/64/items_per_second/liburing_registered"].variant
        == "waitwork_registered"
    )
    assert found[
        "random_read/64/items_per_second/liburing_registered"
    ].ratio.value == pytest.approx(1)
    assert found["random_read/64/items_per_second/msg_ring"].variant == "waitwork"
    assert not any(each.peer == "waitwork_registered" for each in found.values())


def test_enters_are_left_out_where_there_are_none(findings: Any) -> None:
    rows = {
        "timer/waitwork/1": {"enters_per_unit": 0.0},
        "timer/asio/1": {},
        "nop/waitwork/1": {"enters_per_unit": 1.0},
        "nop/liburing/1": {"enters_per_unit": 1.0},
    }
    found = findings(rows)
    assert "timer/1/enters_per_unit/asio" not in found
    assert found["nop/1/enters_per_unit/liburing"].ratio.value == 1.0


def test_every_target_is_of_a_figure_that_its_work_shows() -> None:
    for each in peers.TARGETS:
        shown = peers.METRICS.get(each.work, peers.USUAL)
        if each.is_kernel:
            shown = (peers.KERNEL_TIME, *peers.OWN_FIGURES)
        assert each.metric in shown, each


def test_no_figure_has_two_targets_at_one_place() -> None:
    keys = [
        (each.work, each.depth, each.all_workers, each.metric, each.peer) for each in peers.TARGETS
    ]
    assert len(set(keys)) == len(keys)


def test_a_target_that_nothing_was_measured_for_is_said(written: Any, capsys: Any) -> None:
    rows = {"await_ready/waitwork/1": {"real_time": 5.0}, "nop/waitwork/64": {"real_time": 60.0}}
    assert peers.main([str(written("report.json", document(rows)))]) == 0
    out = capsys.readouterr().out
    assert "Targets: 1 reached, 0 missed, 0 undecided" in out
    assert "Not measured: peers/nop depth 64: time ≤ 1.10 of liburing.\n" in out
    assert "Works with targets that are not in this report: peers/spawn_join," in out


# ---- kernels


def kernel_findings(document: dict[str, Any]) -> dict[tuple[str, int, str, str | None], Any]:
    """By work, workers, figure and peer."""
    found = {}
    for each in peers.compare(from_document(document)):
        work = each.group.work.removeprefix("peers/")
        found[work, each.group.workers, each.metric.field, each.peer] = each
    return found


def changed(document: dict[str, Any], workers: int, **factors: float) -> dict[str, Any]:
    """Figures of our rows of so many workers, each times a factor."""
    for row in document["benchmarks"]:
        if row["waitwork"]["variant"] == "waitwork" and row["waitwork"]["workers"] == workers:
            row |= {name: row[name] * by for name, by in factors.items()}
    return document


def test_a_kernel_is_compared_by_one_worker_and_by_all_apart() -> None:
    found = kernel_findings(synthetic_kernels.make(only="matmul_f32_512"))
    one = found["matmul_f32_512", 1, "real_time", "openblas"]
    every = found["matmul_f32_512", 2, "real_time", "openblas"]
    assert (one.limit, every.limit) == (1.00, 1 / 1.10)
    assert (one.verdict, every.verdict) == ("reached", "missed")
    assert every.ours < one.ours


def test_the_time_of_a_kernel_is_compared_in_slices_and_the_rate_is_its_inverse() -> None:
    document = changed(synthetic_kernels.make(only="matmul_f32_512"), 1, real_time=3.0)
    found = kernel_findings(document)
    time = found["matmul_f32_512", 1, "real_time", "openblas"]
    assert time.ratio.value == pytest.approx(1 / 1.064, rel=0.01)
    rate = found["matmul_f32_512", 1, "gflops", "openblas"]
    assert rate.ratio.value == pytest.approx(1 / time.ratio.value)
    assert rate.ratio.low == pytest.approx(1 / time.ratio.high)
    assert rate.ours == pytest.approx(150, rel=0.02) and rate.verdict == ""


def test_a_kernel_without_peers_shows_its_own_time_and_rate() -> None:
    found = kernel_findings(synthetic_kernels.make(only="fir_32"))
    assert found["fir_32", 2, "real_time", None].verdict == ""
    assert found["fir_32", 2, "gflops", None].ours > 200
    beside = kernel_findings(synthetic_kernels.make(only="sobel"))
    assert ("sobel", 1, "real_time", None) not in beside


def test_a_filter_without_operations_has_pixels_for_a_rate() -> None:
    found = kernel_findings(synthetic_kernels.make(only="sobel"))
    assert ("sobel", 1, "gflops", "opencv") not in found
    assert found["sobel", 1, "mpixels_per_second", "opencv"].ratio.value > 2
    assert found["sobel", 1, "real_time", "opencv"].verdict == "reached"


def test_a_peer_that_has_no_row_is_compared_by_the_ratio_in_ours() -> None:
    document = synthetic_kernels.make(only="matmul_f32_512")
    document["benchmarks"] = [
        row for row in document["benchmarks"] if row["waitwork"]["variant"] == "waitwork"
    ]
    document["waitwork"]["complete"] = False
    found = kernel_findings(document)["matmul_f32_512", 1, "real_time", "openblas"]
    assert found.theirs is None and found.verdict == "reached"


@pytest.mark.parametrize(
    ("work", "workers", "figure", "by", "said"),
    [
        ("matmul_f32_512", 1, "of_peak", 1.0, "reached"),
        ("matmul_f32_512", 1, "of_peak", 0.9, "missed"),
        ("matmul_f32_512", 2, "speedup", 1.0, "reached"),
        ("matmul_f32_512", 2, "speedup", 0.8, "missed"),
        ("matmul_f32_512", 2, "speedup_of_ceiling", 1.0, "reached"),
        ("conv2d", 2, "speedup_of_ceiling", 0.9, "missed"),
        ("box_blur_31", 1, "time_over_size_3", 1.0, "reached"),
        ("box_blur_31", 1, "time_over_size_3", 1.2, "missed"),
        ("dense_1", 1, "of_bandwidth", 1.0, "reached"),
        ("dense_1", 1, "of_bandwidth", 0.9, "missed"),
    ],
)
def test_our_own_figures_are_judged(
    work: str, workers: int, figure: str, by: float, said: str
) -> None:
    document = changed(synthetic_kernels.make(only=f"^{work}$"), workers, **{figure: by})
    assert kernel_findings(document)[work, workers, figure, None].verdict == said


def test_an_empty_task_is_judged_by_the_time_of_a_core() -> None:
    document = synthetic_kernels.make(only="^fir_32$")
    text = json.dumps(document).replace("fir_32", "empty_task")
    document = json.loads(text)
    for row in document["benchmarks"]:
        row["core_ns_per_task"] = 120.0
    found = kernel_findings(document)
    assert found["empty_task", 2, "core_ns_per_task", None].verdict == "reached"
    assert found["empty_task", 1, "core_ns_per_task", None].verdict == ""


def test_figures_without_a_target_are_shown_and_not_judged() -> None:
    found = kernel_findings(synthetic_kernels.make(only="matmul_f32_512"))
    for name in ("own_AVX2_over_best", "own_SSE4_over_best", "speedup_of_ceiling"):
        each = found["matmul_f32_512", 2, name, None]
        assert each.verdict == ("reached" if each.limit else "")
    assert found["matmul_f32_512", 2, "own_AVX2_over_best", None].metric.name == "time with AVX2"
    assert ("matmul_f32_512", 1, "real_time", "own_AVX2") not in found


def test_a_kernels_name_for_a_lesser_instruction_set_may_be_that_of_a_time() -> None:
    text = json.dumps(synthetic_kernels.make(only="fir_32"))
    document = json.loads(text.replace("own_AVX2_over_best", "time_over_own_AVX2"))
    found = kernel_findings(document)
    assert found["fir_32", 1, "time_over_own_AVX2", None].metric.name == "time with AVX2"
    assert not any(peer for _, _, _, peer in found)


KERNELS = "matmul_f32_512|gaussian_blur_f32_5|box_blur|dense_1$"


@pytest.mark.parametrize(("flags", "suffix"), [([], "txt"), (["--markdown"], "md")])
def test_the_output_of_kernels_is_as_in_the_golden_file(
    flags: list[str], suffix: str, written: Any, golden: Any, capsys: Any
) -> None:
    report = written("report.json", synthetic_kernels.make(only=KERNELS))
    assert peers.main([*flags, str(report)]) == 0
    golden(f"peers/kernels.{suffix}", capsys.readouterr().out)


def test_the_json_of_kernels_has_workers_and_libraries(written: Any, capsys: Any) -> None:
    report = written("report.json", synthetic_kernels.make(only="matmul_f32_512"))
    assert peers.main(["--json", str(report)]) == 0
    text = capsys.readouterr().out
    assert "null" not in text and "NaN" not in text
    made = json.loads(text)
    assert made["libraries"] == {"openblas": ["OpenBLAS 0.3.21 SkylakeX"]}
    assert {(each["strategy"], each["workers"]) for each in made["comparisons"]} == {
        ("parallel", 1),
        ("parallel", 2),
    }
    assert all(each.get("peer") in (None, "openblas") for each in made["comparisons"])
    alone = next(each for each in made["comparisons"] if each["figure"] == "own_AVX2_over_best")
    assert alone["figure_interval"]["low"] < alone["ours"] < alone["figure_interval"]["high"]
    wanted = [each for each in made["targets_not_measured"] if each["work"] == "peers/empty_task"]
    assert wanted[0]["all_workers"] is True


def test_every_work_with_a_target_is_in_the_synthetic_report_or_older() -> None:
    known = {f"peers/{kernel.name}" for kernel in synthetic_kernels.SUITE} | {"peers/empty_task"}
    assert {each.work for each in peers.TARGETS if each.is_kernel} <= known


# ---- output


ROWS = {
    "await_ready/waitwork/1": {"real_time": spread(6.6, 1)},
    "await_ready/bare/1": {"real_time": spread(6.4, 2)},
    "nop/waitwork/64": {"real_time": spread(72, 3), "enters_per_unit": 1 / 64},
    "nop/liburing/64": {"real_time": spread(60, 4), "enters_per_unit": 1 / 64},
    "tcp_echo/waitwork/64": {
        "server_cpu_ns_per_unit": spread(6100, 5),
        "server_enters_per_unit": spread(0.05, 6),
        "items_per_second": spread(142e3, 7),
    },
    "tcp_echo/liburing/64": {
        "server_cpu_ns_per_unit": spread(6350, 8),
        "server_enters_per_unit": spread(0.05, 9),
        "items_per_second": spread(142e3, 10),
    },
}
ABSENT = {
    "name": "peers/await_ready/asio/concurrent/depth:1/process_time/real_time",
    "workload": "peers/await_ready",
    "variant": "asio",
    "strategy": "concurrent",
    "depth": 1,
    "workers": 1,
}
TROUBLE = ABSENT | {
    "cause": "compare with Asio: this program was built without it",
    "remedy": "install it",
}


@pytest.mark.parametrize(("flags", "suffix"), [([], "txt"), (["--markdown"], "md")])
def test_the_output_is_as_in_the_golden_file(
    flags: list[str], suffix: str, written: Any, golden: Any, capsys: Any
) -> None:
    report = document(ROWS, absent=[TROUBLE])
    assert peers.main([*flags, str(written("report.json", report))]) == 0
    golden(f"peers/peers.{suffix}", capsys.readouterr().out)


def test_the_json_says_the_same_without_null(written: Any, capsys: Any) -> None:
    assert (
        peers.main(["--json", str(written("report.json", document(ROWS, absent=[TROUBLE])))]) == 0
    )
    text = capsys.readouterr().out
    assert "null" not in text and "NaN" not in text
    made = json.loads(text)
    by_figure = {
        (each["work"], each["figure"], each.get("peer")): each for each in made["comparisons"]
    }
    nop = by_figure["peers/nop", "real_time", "liburing"]
    assert nop["verdict"] == "missed" and nop["target"] == 1.10
    assert nop["ratio"]["low"] < nop["ratio"]["value"] < nop["ratio"]["high"]
    alone = by_figure["peers/await_ready", "real_time", None]
    assert alone["verdict"] == "reached" and "ratio" not in alone and "theirs" not in alone
    assert made["not_measured"][0]["rows"] == [ABSENT["name"]]
    assert {
        "work": "peers/timer",
        "depth": 1,
        "figure": "real_time",
        "target": 1.0,
        "peer": "asio",
    } in made["targets_not_measured"]


def test_nothing_compared_is_said(written: Any, capsys: Any) -> None:
    empty = document({"nop/waitwork/64": {}})
    for entries in ([], empty["benchmarks"]):
        made = empty | {"benchmarks": entries}
        made["waitwork"]["complete"] = bool(entries)
        made["waitwork"]["declared"][0]["workload"] = "peers/unheard_of"
        for each in entries:
            each["waitwork"]["workload"] = "peers/unheard_of"
        assert peers.main([str(written("r.json", made))]) == 0
        out = capsys.readouterr().out
        assert "Nothing was compared" in out and ("holds no measurement" in out) == (not entries)


def test_a_ratio_of_nothing_is_left_out(findings: Any) -> None:
    rows = {
        "tcp_echo/waitwork/64": {
            "server_enters_per_unit": 1.0,
            "server_enters_over_liburing": [0.0, *[0.5] * (ROUNDS - 1)],
        },
        "tcp_echo/liburing/64": {"server_enters_per_unit": 2.0},
    }
    found = findings(rows)["tcp_echo/64/server_enters_per_unit/liburing"]
    assert found.ratio.value == pytest.approx(0.5) and found.ratio.n == ROUNDS - 1


def test_a_report_of_another_suite_is_refused(written: Any, capsys: Any) -> None:
    assert peers.main([str(written("report.json", only="io/timer"))]) == 2
    assert_one_line(
        capsys.readouterr().err, "peers.py: report.json", "suite quick", "--suite peers"
    )


def test_what_is_no_report_is_refused(not_a_report: tuple[str, str], capsys: Any) -> None:
    path, expected = not_a_report
    assert peers.main([path]) == 2
    assert_one_line(capsys.readouterr().err, "peers.py: ", expected)


def test_a_wrong_option_is_answered_with_the_nearest(capsys: Any) -> None:
    with pytest.raises(SystemExit) as end:
        peers.main(["--markdwon", "x.json"])
    assert end.value.code == 2
    assert_one_line(capsys.readouterr().err, "--markdown")


def test_the_end_of_an_interval_decides() -> None:
    assert peers.verdict(Ratio(0.99, 0.98, 1.0, 5), 1.0, higher_is_better=False) == "reached"
    assert peers.verdict(Ratio(1.01, 1.0, 1.02, 5), 1.0, higher_is_better=True) == "reached"
    assert peers.verdict(Ratio(1.0, None, None, 1), 2.0, higher_is_better=False) == "undecided"
