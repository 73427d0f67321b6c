# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from typing import Any

import pytest
import synthetic_report
from analysis import decide
from decision import Decision, Unit, size_words
from reasons import percent, start_words
from report import from_document
from synthetic_report import Noise

QUIET = Noise(process=0.004, drift=0.01, spike=0.0)
SUFFIX = "/process_time/real_time"

# A row of a made-up workload: (strategy, size) -> time of a unit in each round, or a field of the
# row by name. ("split", 2) is one unit at a time, split over 2 workers.
Times = dict[tuple[str, int], list[float]]


def decided(only: str = "", scenario: str = "complete", **arguments: Any) -> dict[str, Decision]:
    made = synthetic_report.make(
        scenario, only=only, histograms=False, **({"noise": QUIET} | arguments)
    )
    return {decision.name: decision for decision in decide(from_document(made))}


def decided_from(
    times: Times, cpus: int = 2, fields: dict[tuple[str, int], dict[str, float]] | None = None
) -> Decision:
    """A decision on rows whose times are given; all else is that of a unit that waits."""
    made = synthetic_report.make(
        only="io/timer", histograms=False, rounds=1, noise=Noise(0, 0, 0, 0)
    )
    declared = {(row["strategy"], row["depth"]): row for row in made["waitwork"]["declared"]}
    patterns = {
        (entry["waitwork"]["strategy"], entry["waitwork"]["depth"]): entry
        for entry in made["benchmarks"]
    }
    for workers in (2, 4):
        split = {"strategy": "parallel", "depth": 1, "workers": workers}
        name = f"io/timer/parallel/depth:1/workers:{workers}{SUFFIX}"
        declared["split", workers] = declared["parallel", 1] | split | {"name": name}
        ours = patterns["parallel", 1]["waitwork"] | split
        patterns["split", workers] = patterns["parallel", 1] | {
            "name": name,
            "run_name": name,
            "per_family_instance_index": 90 + workers,
            "waitwork": ours,
        }
    made["context"]["waitwork"]["machine"]["cpus_effective"] = cpus
    made["waitwork"]["declared"] = [declared[key] for key in times]
    made["waitwork"]["rounds"] = max(len(each) for each in times.values())
    made["benchmarks"] = [
        patterns[key]
        | {"real_time": time, "items_per_second": 1e9 / time, "repetition_index": round_}
        | (fields or {}).get(key, {})
        for key, of_row in times.items()
        for round_, time in enumerate(of_row)
    ]
    return decide(from_document(made))[0]


def shape(decision: Decision) -> tuple[str, int]:
    assert decision.best is not None
    return decision.best.strategy, decision.best.size


# ---- what is chosen


def test_the_model_machine_gets_the_advice_that_its_making_implies() -> None:
    found = decided()
    assert shape(found["io/timer"]) == ("concurrent", 256)
    assert shape(found["io/net_echo/delay1ms"]) == ("concurrent", 256)
    assert shape(found["io/file_read/direct"]) == ("concurrent", 16)
    assert shape(found["cpu/matmul"]) == ("parallel", 2)
    assert shape(found["mixed/wait_work/cleaning"]) == ("parallel", 2)
    assert found["mixed/wait_work/wait50"].best.strategy == "hybrid"
    gain = found["io/timer"].gain
    assert gain is not None and gain.low < 256 < gain.high and gain.n == 5


def test_every_workload_of_the_run_gets_a_decision_in_its_order() -> None:
    report = from_document(synthetic_report.make("troubled", histograms=False))
    assert [decision.subject for decision in decide(report)] == report.subjects


def test_of_rows_as_good_as_the_fastest_the_one_with_fewest_threads_is_chosen() -> None:
    same = [100.0, 103.0, 98.0]
    found = decided_from(
        {("sequential", 1): [1000, 1010, 990], ("parallel", 16): same, ("concurrent", 64): same}
    )
    assert shape(found) == ("concurrent", 64)


def test_threads_that_the_kernel_runs_for_a_loop_count() -> None:
    same = [100.0, 103.0, 98.0]
    times = {
        ("sequential", 1): [1000.0, 1010.0, 990.0],
        ("parallel", 16): same,
        ("concurrent", 64): same,
    }
    found = decided_from(times, fields={("concurrent", 64): {"kernel_workers": 40}})
    assert shape(found) == ("parallel", 16)


def test_of_sizes_that_are_as_good_the_smallest_is_chosen() -> None:
    found = decided_from(
        {
            ("sequential", 1): [1000, 1010, 990],
            ("concurrent", 16): [101, 99, 100],
            ("concurrent", 64): [100, 101, 99],
            ("concurrent", 256): [99, 100, 101],
        }
    )
    assert shape(found) == ("concurrent", 16)


def test_a_gain_that_is_sure_but_negligible_does_not_pay() -> None:
    found = decided_from(
        {("sequential", 1): [100.0, 100.1, 99.9], ("concurrent", 4): [99.0, 99.1, 98.9]}
    )
    assert shape(found) == ("sequential", 1)
    assert "too little for what it takes more" in found.sentence


def test_noise_does_not_make_a_much_slower_row_as_good() -> None:
    found = decided_from(
        {("sequential", 1): [100, 160, 130, 90], ("concurrent", 4): [90, 70, 110, 95]}
    )
    assert not found.rivals[0].separated
    assert shape(found) == ("concurrent", 4)
    assert "not separated from it" in found.sentence


def test_one_round_decides_by_its_figures_and_claims_nothing() -> None:
    found = decided("io/timer|cpu/matmul", rounds=1)
    timer = found["io/timer"]
    assert shape(timer) == ("concurrent", 256)
    assert timer.gain is not None and timer.gain.low is None and not timer.gain.separated
    assert timer.crossover is None
    assert not any(cell.separated for cell in timer.cells.values())
    assert (
        "no interval" in timer.sentence
        and "separated" not in timer.sentence
        and "ahead" not in timer.sentence
    )


def test_a_row_that_failed_in_any_round_is_never_advised() -> None:
    made = synthetic_report.make(only="io/timer", histograms=False, noise=QUIET)
    best = next(
        row
        for row in made["waitwork"]["declared"]
        if row["name"].endswith(f"concurrent/depth:256{SUFFIX}")
    )
    made["waitwork"]["failures"] = [
        best | {"round": 4, "reason": "wrong_answer", "detail": "7 of 9"}
    ]
    found = decide(from_document(made))[0]
    assert shape(found) == ("hybrid", 256)
    assert all(row.name != best["name"] for cell in found.cells.values() for row in cell.ranking)


def test_without_sequential_there_is_advice_but_neither_gain_nor_reason() -> None:
    found = decided_from({("concurrent", 4): [30, 31, 29], ("concurrent", 16): [10, 10.5, 9.5]})
    assert shape(found) == ("concurrent", 16)
    assert found.gain is None and found.unit is None
    assert "sequential has no figures" in found.sentence and "cannot be told" in found.why


def test_without_any_figures_nothing_is_advised_and_the_cause_is_named() -> None:
    found = decided("io/file_write", "troubled")["io/file_write"]
    assert found.best is None and found.why == "" and found.cells == {}
    assert (
        found.sentence
        == "Nothing to recommend: sequential, concurrent, parallel and hybrid are absent."
    )


def test_strategies_without_figures_are_named() -> None:
    found = decided("io/timer", "no_io_uring")["io/timer"]
    assert found.unmeasured == {"concurrent": "absent", "hybrid": "absent"}
    assert shape(found) == ("parallel", 64) and "concurrent and hybrid are absent" in found.sentence


# ---- cells, rivals, crossover


def test_a_cell_ranks_the_strategies_at_one_size() -> None:
    cell = decided("io/timer")["io/timer"].cells[64]
    assert sorted(row.strategy for row in cell.ranking) == ["concurrent", "hybrid", "parallel"]
    assert all(row.size == 64 for row in cell.ranking)
    assert cell.gain is not None and cell.gain.value == pytest.approx(64, rel=0.05)


def test_the_winner_of_a_cell_is_never_behind_its_runner_up() -> None:
    for seed in range(5):
        for decision in decided(seed=seed, noise=Noise()).values():
            for cell in decision.cells.values():
                assert cell.ratio is None or cell.ratio.value >= 1


def test_the_crossover_is_where_the_winner_leaves_all_that_it_ever_leaves() -> None:
    found = decided("mixed/wait_work/burgers")["mixed/wait_work/burgers"]
    starts = {rival.row.strategy: rival.behind_from for rival in found.rivals}
    # One core of compute is used up at 20 in flight: only then does a second core make a
    # difference.
    assert starts == {"sequential": 4, "concurrent": 64, "parallel": None}
    assert found.crossover == 64


def test_a_strategy_that_is_ahead_only_in_the_middle_has_no_crossover() -> None:
    found = decided_from(
        {
            ("sequential", 1): [100.0, 101.0, 99.0],
            ("concurrent", 4): [40.0, 41.0, 39.0],
            ("concurrent", 16): [20.0, 20.5, 19.5],
            ("parallel", 4): [50.0, 51.0, 49.0],
            ("parallel", 32): [20.1, 20.5, 19.6],
        }
    )
    assert shape(found) == ("concurrent", 16)
    assert found.rival("parallel").behind_from is None
    assert found.rival("sequential").behind_from == 4


def test_work_that_gains_from_nothing_has_no_crossover() -> None:
    same = [100.0, 101.0, 99.0, 100.5]
    found = decided_from(
        {("sequential", 1): same, ("concurrent", 4): same[::-1], ("parallel", 2): same}, cpus=1
    )
    assert shape(found) == ("sequential", 1)
    assert found.crossover is None and "nothing else is worth its cost" in found.sentence


def test_drift_between_rounds_does_not_blur_a_decision() -> None:
    drift = [1.0, 1.5, 0.8, 1.2]
    found = decided_from(
        {
            ("sequential", 1): [100 * each for each in drift],
            ("concurrent", 4): [80 * each for each in drift],
        }
    )
    assert (
        found.gain is not None and found.gain.separated and found.gain.value == pytest.approx(1.25)
    )


def test_equal_strategies_are_rarely_called_separated() -> None:
    """matmul one at a time and on a loop is the same work; nominal 5 % of 200."""
    wrong = total = 0
    for seed in range(40):
        found = decided("cpu/matmul/(sequential|concurrent)", seed=seed, noise=Noise(spike=0.0))[
            "cpu/matmul"
        ]
        for cell in found.cells.values():
            total += cell.gain is not None
            wrong += cell.gain is not None and cell.gain.separated
    assert wrong <= 0.10 * total
    assert total == 200


# ---- one unit split over several workers

ALONE = [100.0, 101.0, 99.0, 100.5]
COMPUTES = {"user_ns_per_unit": 99.0, "sys_ns_per_unit": 1.0, "voluntary_switches_per_unit": 0.0}


def split_decided(times: Times, cpus: int = 2) -> Decision:
    """Of work that computes; one unit at a time under three strategies is always there."""
    usual: Times = {("sequential", 1): ALONE, ("parallel", 1): ALONE, ("concurrent", 1): ALONE}
    return decided_from(usual | times, cpus, {key: COMPUTES for key in usual | times})


def scaled(by: float) -> list[float]:
    return [each * by for each in ALONE]


def test_the_model_machine_splits_what_loses_nothing_by_it() -> None:
    found = decided("cpu/")
    assert found["cpu/image_filter"].best.split and shape(found["cpu/image_filter"])[1] == 1
    assert not found["cpu/matmul"].best.split
    assert found["cpu/matmul"].split.ratio.value == pytest.approx(1.88, abs=0.04)


def test_a_split_unit_that_is_as_good_is_advised_for_its_fewer_units_in_flight() -> None:
    found = split_decided({("parallel", 2): scaled(0.5), ("split", 2): scaled(0.505)})
    assert found.best.split and found.cost.threads == 2
    assert "Use parallel with one unit split over 2 workers: 1.98×" in found.sentence
    assert found.sentence.count("split over 2") == 2  # the advice, and from where it is ahead
    assert found.why.endswith("and the parts of a unit on 2 workers keep 1.98 of 2 CPUs busy.")


def test_what_splitting_does_for_one_unit_is_said_beside_the_advice() -> None:
    found = split_decided({("parallel", 2): scaled(0.5), ("split", 2): scaled(0.55)})
    assert shape(found) == ("parallel", 2) and found.split.pays
    assert "; one unit is done soonest split over 2 workers, 1.82× (" in found.sentence
    assert "sequential" in found.sentence.split("soonest")[1]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (scaled(0.99), "; split over 2 workers one unit gains nothing to speak of, 1.01× ("),
        (scaled(1.4), "; one unit is done later split over 2 workers, 0.71× ("),
        ([90, 115, 80, 70], "; split over 2 workers one unit gains nothing that the data shows, "),
    ],
)
def test_splitting_that_does_not_pay_is_said_not_to(times: list[float], said: str) -> None:
    found = split_decided({("parallel", 2): scaled(0.5), ("split", 2): times})
    assert not found.split.pays
    assert said in found.sentence


def test_of_splits_that_are_as_good_the_one_with_fewest_workers_is_named() -> None:
    found = split_decided(
        {("parallel", 4): scaled(0.25), ("split", 2): scaled(0.55), ("split", 4): scaled(0.551)},
        cpus=4,
    )
    assert found.split.row.workers == 2
    found = split_decided(
        {("parallel", 4): scaled(0.25), ("split", 2): scaled(0.55), ("split", 4): scaled(0.3)},
        cpus=4,
    )
    assert found.split.row.workers == 4 and "soonest split over 4 workers" in found.sentence


def test_a_split_row_is_never_called_one_worker() -> None:
    found = split_decided({("parallel", 2): scaled(0.5), ("split", 2): scaled(0.55)})
    assert found.crossover == 1 and start_words(found, 1) == "one unit split over 2 workers"
    assert "1 worker" not in found.sentence
    assert "sequential from one unit split over 2 workers; one unit" in found.sentence
    apart = split_decided({("parallel", 2): scaled(0.5), ("split", 2): scaled(1.0)})
    assert apart.crossover == 2 and start_words(apart, 2) == "2 workers"


def test_one_round_of_a_split_unit_claims_nothing() -> None:
    once = {("sequential", 1): [100.0], ("parallel", 2): [50.0], ("split", 2): [55.0]}
    found = decided_from(once)
    assert "one unit split over 2 workers: 1.82× (no interval) sequential" in found.sentence
    assert not found.split.pays


def test_without_sequential_or_split_rows_nothing_is_said_of_splitting() -> None:
    assert decided_from({("parallel", 2): scaled(0.5), ("split", 2): scaled(0.6)}).split is None
    assert split_decided({("parallel", 2): scaled(0.5)}).split is None


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((1, 2), "one unit split over 2 workers"),
        ((2, 8), "2 units split over 8 workers"),
        ((2, 2), "2 workers"),
    ],
)
def test_the_size_of_a_row_says_whether_units_are_split(size: tuple[int, int], words: str) -> None:
    assert size_words("parallel", *size) == words


# ---- wait, compute and cost


def test_what_a_unit_is_not_on_the_cpu_it_waits() -> None:
    unit = decided("io/file_read/direct")["io/file_read/direct"].unit
    assert unit is not None
    assert unit.wait_ns == pytest.approx(88e3, rel=0.03) and unit.compute_ns == pytest.approx(
        8.5e3, rel=0.03
    )


def test_a_unit_that_never_blocks_was_kept_off_the_cpu_and_did_not_wait() -> None:
    unit = Unit(real_ns=100, user_ns=55, sys_ns=5, blocks=0.01)
    assert unit.wait_ns == 0 and unit.kept_off_share == pytest.approx(0.4)


def test_rounding_cannot_make_a_wait_negative() -> None:
    unit = Unit(real_ns=100, user_ns=99, sys_ns=3, blocks=1)
    assert unit.wait_ns == 0 and unit.compute_ns == 100


def test_a_servers_cpu_is_not_in_the_cost() -> None:
    cost = decided("io/net_echo/delay0")["io/net_echo/delay0"].cost
    assert cost is not None and cost.cpu_ns < 7e3
    assert cost.server_cpus == pytest.approx(0.96, abs=0.03)


# ---- words


def test_work_that_only_computes_is_explained_by_workers() -> None:
    why = decided("cpu/matmul")["cpu/matmul"].why
    assert why.startswith("A unit is on the CPU for 100 % of its 6.")
    assert "taking turns changes little (concurrent: 1.00×)" in why
    assert why.endswith("2 workers keep 2.00 of 2 CPUs busy.")


def test_waiting_work_is_explained_by_overlapped_waits_and_its_limit() -> None:
    found = decided()
    assert "still climbing at the largest size" in found["io/timer"].why
    assert "until the server" in found["io/net_echo/delay0"].why
    direct = found["io/file_read/direct"].why
    assert (
        "16 in flight the waits overlap on one thread, until what it waits for has no more to give"
        in direct
    )
    assert (
        "parallel with 16 workers reaches the same rate at 1.5 context switches a unit"
        " instead of 0.089" in direct
    )


def test_a_loop_whose_thread_is_full_is_limited_by_compute() -> None:
    found = decided("mixed/wait_work/burgers/(sequential|concurrent)")["mixed/wait_work/burgers"]
    assert "as far as its CPU can compute: 100 % busy" in found.why


def test_mixed_work_is_explained_by_both() -> None:
    why = decided("wait50")["mixed/wait_work/wait50"].why
    assert (
        "computes 50" in why
        and "compute keeps 2.00 of 2 CPUs busy; one loop alone reaches 2.1" in why
    )


def test_threads_of_the_kernel_are_named() -> None:
    times = {("sequential", 1): [1e6, 1.01e6, 0.99e6], ("concurrent", 64): [1e5, 1.03e5, 0.98e5]}
    found = decided_from(times, fields={("concurrent", 64): {"kernel_workers": 3}})
    assert "overlap on one thread and 3 threads of the kernel" in found.why


def test_a_busy_machine_is_not_taken_for_a_wait() -> None:
    made = {("sequential", 1): [100e3, 101e3, 99e3], ("parallel", 2): [52e3, 50e3, 51e3]}
    alone = {"user_ns_per_unit": 60e3, "sys_ns_per_unit": 0.0, "voluntary_switches_per_unit": 0.0}
    found = decided_from(made, fields={("sequential", 1): alone})
    assert "does not block, and was kept off the CPU by others for 40 %" in found.why


def test_every_decision_is_in_whole_sentences_without_unwritten_numbers() -> None:
    for scenario in synthetic_report.SCENARIOS:
        for decision in decided(scenario=scenario, noise=Noise()).values():
            for text in filter(None, (decision.sentence, decision.why)):
                assert text[0].isupper() and text.endswith(".") and ".." not in text
                assert not any(word in text for word in ("nan", "inf ", "None", "{", "  "))


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.004, "<1 %"), (0.5, "50 %"), (0.996, ">99 %"), (1, "100 %")]
)
def test_a_share_is_not_rounded_to_all_or_nothing(share: float, text: str) -> None:
    assert percent(share) == text


def test_intervals_of_cells_are_finite() -> None:
    for decision in decided(scenario="troubled", noise=Noise()).values():
        for cell in decision.cells.values():
            for each in filter(None, (cell.ratio, cell.gain)):
                assert each.low is not None and each.high is not None
                assert 0 < each.low <= each.value <= each.high < math.inf
