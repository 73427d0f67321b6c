from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import peers
import pytest
import synthetic_report
from conftest import assert_one_line
from ratio import Ratio

ROUNDS = 8


def figures(values: float | list[float], rounds: int) -> list[float]:
    return values if isinstance(values, list) else [values] * rounds


def entry(identity: dict[str, Any], family: int, round_: int, values: dict[str, float]) -> dict[str, Any]:
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
        "user_ns_per_unit": 50.0,
        "sys_ns_per_unit": 50.0,
        **values,
        "waitwork": ours | {"class": "peers", "round": round_, "parameters": {}},
    }


def document(rows: dict[str, dict[str, float | list[float]]], rounds: int = ROUNDS, **meta: Any) -> dict[str, Any]:
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
            f"{each.work.removeprefix('peers/')}/{each.depth}/{each.metric.field}/{each.peer}": each
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


@pytest.mark.parametrize(("factor", "said"), [(1.02, "reached"), (1.10, "undecided"), (1.30, "missed")])
def test_a_target_is_judged_by_the_interval(findings: Any, factor: float, said: str) -> None:
    rows = {
        "nop/waitwork/64": {"real_time": spread(60 * factor, 1)},
        "nop/liburing/64": {"real_time": spread(60, 2)},
    }
    assert findings(rows)["nop/64/real_time/liburing"].verdict == said


@pytest.mark.parametrize(("each", "said"), [(6.5, "reached"), (7.0, "undecided"), (9.0, "missed")])
def test_a_target_without_a_peer_is_judged_by_our_own_figure(findings: Any, each: float, said: str) -> None:
    found = findings({"await_ready/waitwork/1": {"real_time": spread(each, 3)}})
    assert found["await_ready/1/real_time/None"].verdict == said


@pytest.mark.parametrize(("factor", "said"), [(1.1, "reached"), (0.9, "missed"), (1.0, "undecided")])
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
        "tcp_echo/liburing/64": {"server_cpu_ns_per_unit": spread(4000, 9), "items_per_second": spread(9e4, 4)},
        "tcp_echo/asio/64": {"server_cpu_ns_per_unit": spread(12000, 5)},
    }
    found = findings(rows)
    beside = found["tcp_echo/64/server_cpu_ns_per_unit/liburing"]
    assert beside.ratio.value == pytest.approx(0.9, rel=0.05) and beside.verdict == "reached"
    assert beside.ours == pytest.approx(6000, rel=0.1) and beside.theirs == pytest.approx(4000, rel=0.1)
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
    assert found["random_read/64/items_per_second/liburing_registered"].variant == "waitwork_registered"
    assert found["random_read/64/items_per_second/liburing_registered"].ratio.value == pytest.approx(1)
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
        assert each.metric in peers.METRICS.get(each.work, peers.USUAL), each


def test_a_target_that_nothing_was_measured_for_is_said(written: Any, capsys: Any) -> None:
    report = written("report.json", document({"await_ready/waitwork/1": {"real_time": 5.0}}))
    assert peers.main([str(report)]) == 0
    out = capsys.readouterr().out
    assert "Targets: 1 reached, 0 missed, 0 undecided" in out
    assert "Not measured: peers/nop depth 64: time ≤ 1.10 of liburing;" in out


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
TROUBLE = ABSENT | {"cause": "compare with Asio: this program was built without it", "remedy": "install it"}


@pytest.mark.parametrize(("flags", "suffix"), [([], "txt"), (["--markdown"], "md")])
def test_the_output_is_as_in_the_golden_file(
    flags: list[str], suffix: str, written: Any, golden: Any, capsys: Any
) -> None:
    report = document(ROWS, absent=[TROUBLE])
    assert peers.main([*flags, str(written("report.json", report))]) == 0
    golden(f"peers/peers.{suffix}", capsys.readouterr().out)


def test_the_json_says_the_same_without_null(written: Any, capsys: Any) -> None:
    assert peers.main(["--json", str(written("report.json", document(ROWS, absent=[TROUBLE])))]) == 0
    text = capsys.readouterr().out
    assert "null" not in text and "NaN" not in text
    made = json.loads(text)
    by_figure = {(each["work"], each["figure"], each.get("peer")): each for each in made["comparisons"]}
    nop = by_figure["peers/nop", "real_time", "liburing"]
    assert nop["verdict"] == "missed" and nop["target"] == 1.10
    assert nop["ratio"]["low"] < nop["ratio"]["value"] < nop["ratio"]["high"]
    alone = by_figure["peers/await_ready", "real_time", None]
    assert alone["verdict"] == "reached" and "ratio" not in alone and "theirs" not in alone
    assert made["not_measured"][0]["rows"] == [ABSENT["name"]]
    assert {"work": "peers/timer", "depth": 1, "figure": "real_time", "target": 1.0, "peer": "asio"} in made[
        "targets_not_measured"
    ]


def test_a_report_of_another_suite_is_refused(written: Any, capsys: Any) -> None:
    assert peers.main([str(written("report.json", only="io/timer"))]) == 2
    assert_one_line(capsys.readouterr().err, "peers.py: report.json", "suite quick", "--suite peers")


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
