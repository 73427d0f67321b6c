# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import check_regression
import pytest
import synthetic_report
from check_regression import Comparison, compare
from conftest import assert_one_line
from report import Report, from_document

FEW = "cpu/matmul|io/timer|io/file_read/direct"
INJECTED = "io/file_read/direct/(concurrent|parallel)|cpu/matmul/sequential"


def report(**arguments: Any) -> Report:
    return from_document(synthetic_report.make(**{"histograms": False} | arguments))


def halves(seed: int, rounds: int, **arguments: Any) -> tuple[Report, Report]:
    """The rounds of one report dealt out to two, in turns."""
    whole = synthetic_report.make(seed=seed, rounds=2 * rounds, histograms=False, **arguments)
    dealt = []
    for turn in (0, 1):
        entries = [entry for entry in whole["benchmarks"] if entry["repetition_index"] % 2 == turn]
        # Half of the rounds is no complete report.
        ours = whole["waitwork"] | {"complete": False}
        dealt.append(from_document(whole | {"benchmarks": entries, "waitwork": ours}))
    return dealt[0], dealt[1]


def verdicts(result: Comparison) -> dict[str, str]:
    return {finding.name: finding.verdict for finding in result.findings}


# ---- what is found


@pytest.mark.parametrize("rounds", [5, 10])
def test_the_rounds_of_one_report_split_in_two_show_no_regression(rounds: int) -> None:
    for seed in range(4):
        base, new = halves(seed, rounds)
        result = compare(base, new, 0.05)
        assert result.family == 226
        assert result.count("regressed") == result.count("improved") == 0
        assert result.exit_code(inconclusive_fails=False) == 0


def test_even_without_a_margin_false_alarms_over_the_family_are_as_rare_as_the_level() -> None:
    """Of sixty split reports of 25 rows, 5 % would be 3; 8 or more has a probability of 1 %."""
    alarms = 0
    for seed in range(60):
        base, new = halves(seed, 10, only="cpu/matmul|io/timer/(conc|par)")
        result = compare(base, new, 0.0)
        alarms += result.count("regressed") > 0
    assert alarms <= 7


def test_twenty_per_cent_in_some_rows_is_found_in_exactly_those() -> None:
    for seed in range(3):
        base = report(seed=seed, rounds=10)
        new = report(seed=seed + 100, rounds=10, slower={INJECTED: 1.2})
        result = compare(base, new, 0.05)
        expected = {name for name in base.rows if re.search(INJECTED, name)}
        assert len(expected) == 13
        assert {
            name for name, verdict in verdicts(result).items() if verdict == "regressed"
        } == expected
        assert result.exit_code(inconclusive_fails=False) == 1


def test_with_five_rounds_most_of_twenty_per_cent_is_found_and_nothing_else() -> None:
    """Five rounds are few for a family of 224: four in five are found; with ten, all (above)."""
    found = total = 0
    for seed in range(6):
        result = compare(report(seed=seed), report(seed=seed + 100, slower={INJECTED: 1.2}), 0.05)
        for name, verdict in verdicts(result).items():
            injected = re.search(INJECTED, name) is not None
            total += injected
            found += injected and verdict == "regressed"
            assert verdict != "regressed" or injected
            assert verdict != "ok" or not injected
    assert 0.6 <= found / total <= 0.97


def test_a_smaller_family_sees_more_with_the_same_data() -> None:
    base, new = report(seed=1, rounds=5), report(seed=2, rounds=5)
    name = "io/timer/sequential/process_time/real_time"

    def detectable(pattern: str) -> float:
        result = compare(base, new, 0.05, re.compile(pattern))
        return next(each.detectable for each in result.findings if each.name == name) or 0.0

    assert detectable("io/timer/seq") < detectable("io/timer") < detectable("")


def test_the_same_gain_is_an_improvement() -> None:
    result = compare(
        report(rounds=10), report(rounds=10, seed=9, slower={"cpu/matmul": 1 / 1.2}), 0.05
    )
    improved = {name for name, verdict in verdicts(result).items() if verdict == "improved"}
    assert improved == {name for name in result.base.rows if name.startswith("cpu/matmul")}
    assert result.exit_code(inconclusive_fails=True) in (0, 4)


def test_what_is_slower_by_less_than_the_margin_is_no_regression() -> None:
    result = compare(
        report(rounds=20, only=FEW), report(rounds=20, seed=9, only=FEW, slower={"": 1.03}), 0.10
    )
    assert set(verdicts(result).values()) == {"ok"}


def test_what_could_not_have_been_seen_is_never_ok() -> None:
    """Noise so large that a doubling would hide in it."""
    noisy = synthetic_report.Noise(process=0.8)
    for seed in range(5):
        result = compare(
            report(only=FEW, noise=noisy, seed=seed),
            report(only=FEW, noise=noisy, seed=seed + 50),
            0.05,
        )
        for finding in result.findings:
            assert finding.detectable is not None and finding.detectable > 1
            assert finding.verdict != "ok" or (
                finding.change is not None and finding.change.interval()[1] < 0.05
            )
        assert result.count("inconclusive") > 0.8 * len(result.findings)


@pytest.mark.parametrize(("base_rounds", "new_rounds"), [(1, 1), (1, 5), (5, 1)])
def test_one_round_is_always_inconclusive(base_rounds: int, new_rounds: int) -> None:
    result = compare(
        report(rounds=base_rounds, only=FEW),
        report(rounds=new_rounds, only=FEW, slower={"": 3.0}),
        0.05,
    )
    assert set(verdicts(result).values()) == {"inconclusive"}
    assert all(
        "--rounds" in finding.detail and finding.adjusted_p is None for finding in result.findings
    )


def test_reports_with_different_numbers_of_rounds_compare() -> None:
    result = compare(
        report(rounds=4, only=FEW),
        report(rounds=12, seed=2, only=FEW, slower={"matmul": 1.5}),
        0.05,
    )
    assert result.count("regressed") == 14
    assert (result.findings[0].base_rounds, result.findings[0].new_rounds) == (4, 12)


def test_times_without_noise_and_with_ties_are_judged_by_their_value() -> None:
    still = synthetic_report.Noise(0, 0, 0, 0)
    base, new = report(noise=still, only=FEW), report(
        noise=still, only=FEW, slower={"matmul": 1.06}
    )
    result = compare(base, new, 0.05)
    assert all(
        verdict == ("regressed" if "matmul" in name else "ok")
        for name, verdict in verdicts(result).items()
    )


def test_the_worst_comes_first() -> None:
    result = compare(
        report(only=FEW),
        report(scenario="complete", seed=3, slower={"matmul": 2, "timer": 3}, only=FEW),
        0.05,
    )
    changes = [finding.change.log_ratio for finding in result.findings if finding.change]
    assert changes[: result.count("regressed")] == sorted(
        changes[: result.count("regressed")], reverse=True
    )
    assert [finding.verdict for finding in result.findings][0] == "regressed"


# ---- rows that are not there


def test_rows_that_failed_or_are_gone_are_named_with_their_cause() -> None:
    result = compare(report(), report(scenario="troubled", seed=2), 0.05)
    details = {
        finding.name: finding.detail
        for finding in result.findings
        if finding.verdict in ("failed", "missing")
    }
    assert result.count("failed") == 3 and result.count("missing") == 18
    assert (
        "killed by SIGSEGV"
        in details["io/net_echo/delay1ms/parallel/workers:64/process_time/real_time"]
    )
    assert "--work-dir" in details["io/file_write/sequential/process_time/real_time"]
    assert result.exit_code(inconclusive_fails=False) == 3


def test_a_row_that_failed_in_one_round_only_has_failed() -> None:
    result = compare(report(), report(scenario="troubled"), 0.05)
    assert (
        verdicts(result)["io/file_read/cached/concurrent/depth:64/process_time/real_time"]
        == "failed"
    )


def test_rows_that_an_interrupted_run_did_not_reach_are_missing() -> None:
    result = compare(report(), report(scenario="interrupted"), 0.05)
    assert result.count("missing") == 91
    assert any("--resume" in finding.detail for finding in result.findings)


def test_rows_that_a_filter_left_out_are_missing() -> None:
    result = compare(report(only=FEW), report(only="cpu/matmul"), 0.05)
    assert any(finding.detail == "not among the rows of the run" for finding in result.findings)


def test_rows_without_figures_in_base_are_not_judged() -> None:
    result = compare(report(scenario="troubled"), report(seed=2), 0.05)
    assert len(result.without_base) == 21 and result.count("missing") == 0
    assert result.exit_code(inconclusive_fails=False) == 0


def test_a_row_that_fails_in_both_still_fails() -> None:
    result = compare(report(scenario="troubled"), report(scenario="troubled"), 0.05)
    assert result.count("failed") == 3 and result.count("missing") == 0


def test_a_row_that_does_other_work_now_is_not_compared() -> None:
    document = synthetic_report.make(only=FEW, histograms=False)
    for entry in document["benchmarks"]:
        if entry["waitwork"]["workload"] == "io/timer":
            entry["waitwork"]["parameters"] = {"wait_us": 500}
    result = compare(report(only=FEW), from_document(document), 0.05)
    assert result.count("missing") == 18
    assert any("wait_us 1000 became wait_us 500" in finding.detail for finding in result.findings)


# ---- the command line


@pytest.fixture
def base(written: Callable[..., Path]) -> str:
    return str(written("base.json", only=FEW, rounds=10))


def run(capsys: Any, *arguments: str) -> tuple[int, str, str]:
    code = check_regression.main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_exit_code_0_where_nothing_is_wrong(base: str, written: Any, capsys: Any) -> None:
    code, out, err = run(capsys, base, str(written("new.json", only=FEW, rounds=10, seed=2)))
    assert (code, err) == (0, "") and re.search(
        r"\n50 rows: (\d inconclusive, )?\d+ ok \(margin 5 %\)\n$", out
    )


def test_exit_code_1_where_a_row_regressed_whatever_else_is_wrong(
    base: str, written: Any, capsys: Any
) -> None:
    new = written("new.json", only="cpu/matmul", rounds=10, seed=2, slower={"sequential": 1.5})
    code, out, _ = run(capsys, base, str(new), "--on-inconclusive", "fail")
    assert code == 1 and "1 regressed" in out and "missing" in out


def test_exit_code_3_where_rows_are_missing(base: str, written: Any, capsys: Any) -> None:
    assert run(capsys, base, str(written("new.json", only="cpu/matmul", rounds=10, seed=2)))[0] == 3


def test_exit_code_3_where_there_is_nothing_to_compare(base: str, capsys: Any) -> None:
    code, out, _ = run(capsys, base, base, "--filter", "no_such_row")
    assert code == 3 and "nothing to compare" in out


def test_exit_code_4_where_rows_are_inconclusive_only_if_asked(
    base: str, written: Any, capsys: Any
) -> None:
    new = str(written("new.json", only=FEW, rounds=2))
    assert run(capsys, base, new)[0] == 0
    assert run(capsys, base, new, "--on-inconclusive", "ok")[0] == 0
    code, out, _ = run(capsys, base, new, "--on-inconclusive", "fail")
    assert code == 4 and "inconclusive" in out


@pytest.mark.parametrize("flags", [[], ["--on-inconclusive", "ok"], ["--on-inconclusive", "fail"]])
@pytest.mark.parametrize(("base_rounds", "new_rounds"), [(1, 1), (1, 5), (5, 1)])
def test_exit_code_3_where_no_row_could_be_tested_whatever_else_is_said(
    base_rounds: int, new_rounds: int, flags: list[str], written: Any, capsys: Any
) -> None:
    slow = {"": 3.0}
    one = str(written("one.json", only=FEW, rounds=base_rounds))
    new = str(written("new.json", only=FEW, rounds=new_rounds, slower=slow))
    code, out, err = run(capsys, one, new, *flags, "--markdown", "o.md", "--junit", "o.xml")
    assert code == 3 and "no row could be tested" in out
    assert_one_line(err, "check_regression.py: no row could be tested", "--rounds 5")
    assert "None of 50 rows could be tested" in Path("o.md").read_text("utf-8")
    suite = ElementTree.parse("o.xml").getroot()
    assert suite.attrib["errors"] == "1" and suite.find(".//error[@type='untested']") is not None


def test_one_row_that_was_tested_is_a_comparison(written: Any, capsys: Any) -> None:
    document = synthetic_report.make(only="cpu/matmul", rounds=5, histograms=False)
    kept = document["benchmarks"][0]["name"]
    document["waitwork"]["complete"] = False
    document["benchmarks"] = [
        each
        for each in document["benchmarks"]
        if each["name"] == kept or each["repetition_index"] == 0
    ]
    base = str(written("b.json", document))
    code, _, err = run(capsys, base, base)
    assert (code, err) == (0, "")


def test_exit_code_5_for_another_machine_unless_allowed(
    base: str, written: Any, capsys: Any
) -> None:
    document = synthetic_report.make(only=FEW, rounds=10, histograms=False)
    document["context"]["waitwork"]["machine"] |= {"fingerprint": "0" * 16, "kernel": "6.9"}
    new = str(written("new.json", document))
    code, out, err = run(capsys, base, new)
    assert code == 5 and out == ""
    assert_one_line(err, "different machines (kernel 6.1 and 6.9)", "--allow-machine-mismatch")
    code, out, _ = run(capsys, base, new, "--allow-machine-mismatch")
    assert code == 0 and "compared all the same: different machines" in out


def test_exit_code_5_for_another_input(base: str, written: Any, capsys: Any) -> None:
    document = synthetic_report.make(only=FEW, histograms=False)
    document["waitwork"]["suite"] = "smoke"
    code, _, err = run(capsys, base, str(written("new.json", document)))
    assert code == 5
    assert_one_line(err, "suite quick and smoke", "measure both with one suite, or pass")
    document["context"]["waitwork"]["machine"]["fingerprint"] = "another"
    code, _, err = run(capsys, base, str(written("new.json", document)))
    assert code == 5
    assert_one_line(err, "measure both on one machine and with one suite, or pass")


@pytest.mark.parametrize("schema", ["1.0.7", "1.1.0", "1.3.0", "1.40.2"])
def test_a_minor_version_of_the_schema_and_the_full_suite_compare(
    schema: str, base: str, written: Any, capsys: Any
) -> None:
    document = synthetic_report.make(only=FEW, histograms=False)
    document["waitwork"] |= {"schema": schema, "suite": "full", "digest": "none"}
    assert run(capsys, base, str(written("new.json", document)))[0] == 0


@pytest.mark.parametrize("which", ["BASE", "NEW"])
def test_a_partial_report_is_said_everywhere_and_changes_no_verdict(
    which: str, base: str, written: Any, capsys: Any
) -> None:
    document = synthetic_report.make(only=FEW, histograms=False)
    document["waitwork"]["complete"] = False
    del document["benchmarks"][-1]
    part = str(written("part.json", document))
    order = (part, base) if which == "BASE" else (base, part)
    code, out, _ = run(capsys, *order, "--markdown", "o.md", "--junit", "o.xml")
    said = f"{which} is a partial report: its run was stopped before its end; of 50 rows, 50"
    assert code == 0 and said in out and said in Path("o.md").read_text("utf-8")
    named = ElementTree.parse("o.xml").find(".//property[@name='partial']")
    assert named is not None and said in named.attrib["value"]


@pytest.mark.parametrize(
    "pattern",
    ["(([a-z_/]+)+)+!", "(.*)*(.*)*(.*)*!", "^(a|.|[a-z]|/)*!$", "(?:.*.*.*.*.*.*.*.*.*)!"],
)
def test_a_filter_that_would_match_for_ever_is_refused(
    pattern: str, base: str, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(check_regression, "FILTER_S", 0.3)
    with pytest.raises(SystemExit) as caught:
        check_regression.main([base, base, "--filter", pattern])
    assert caught.value.code == 2
    assert_one_line(capsys.readouterr().err, "--filter", "to match the names of rows")


@pytest.mark.parametrize("first", [True, False])
def test_exit_code_2_and_one_line_for_what_is_not_a_report(
    first: bool, not_a_report: tuple[str, str], written: Any, capsys: Any
) -> None:
    name, expected = not_a_report
    good = str(written("good.json", only="cpu/matmul", rounds=1))
    code, out, err = run(capsys, *((name, good) if first else (good, name)))
    assert code == 2 and out == ""
    assert_one_line(err, f"check_regression.py: {name}: ", expected)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["b"], "NEW"),
        (["b", "n", "--margin", "5"], "'5'"),
        (["b", "n", "--margin", "-5%"], "--margin"),
        (["b", "n", "--margin", "120%"], "120%"),
        (["b", "n", "--margin", "five"], "five"),
        (["b", "n", "--margin", "nan"], "nan"),
        (["b", "n", "--filter", "("], "regular expression"),
        (["b", "n", "--on-inconclusive", "maybe"], "maybe"),
        (["b", "n", "--margn", "5%"], "--margn"),
    ],
)
def test_exit_code_2_and_one_line_for_wrong_usage(
    arguments: list[str], named: str, capsys: Any
) -> None:
    with pytest.raises(SystemExit) as caught:
        check_regression.main(arguments)
    assert caught.value.code == 2
    assert_one_line(capsys.readouterr().err, "check_regression.py: ", named)


@pytest.mark.parametrize(
    ("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("7.5 %", 0.075), ("0", 0.0), ("0%", 0.0)]
)
def test_a_margin_is_a_percentage_or_a_share(text: str, share: float) -> None:
    assert check_regression._margin(text) == pytest.approx(share)


@pytest.mark.parametrize("flag", ["--markdown", "--junit"])
def test_exit_code_2_and_one_line_where_a_file_cannot_be_written(
    flag: str, base: str, capsys: Any
) -> None:
    code, out, err = run(capsys, base, base, flag, "no/such/directory/file")
    assert code == 2 and out == ""
    assert_one_line(err, "no/such/directory/file", "cannot be written")


# ---- what is printed and written


@pytest.fixture
def compared(written: Any, capsys: Any) -> tuple[str, str, str]:
    """Every verdict in one comparison: what is printed, the Markdown, the JUnit XML."""
    only = "cpu/matmul|io/(file_write/par|file_read/cached/conc|net_echo/delay0/par)"
    base = written("base.json", only=only, rounds=10)
    new = written(
        "new.json",
        scenario="troubled",
        only=only,
        rounds=10,
        seed=7,
        slower={"matmul/par": 1.3, "delay0/parallel/workers:(1|2)/": 0.7, "cached": 1.035},
    )
    code, out, _ = run(
        capsys, str(base), str(new), "--markdown", "comment.md", "--junit", "junit.xml"
    )
    assert code == 1
    return out, Path("comment.md").read_text("utf-8"), Path("junit.xml").read_text("utf-8")


def test_the_outputs_are_as_in_the_golden_files(
    compared: tuple[str, str, str], golden: Any
) -> None:
    for verdict in check_regression.VERDICTS:
        assert verdict in compared[0]
    for suffix, text in zip(("txt", "md", "xml"), compared, strict=True):
        golden(f"check_regression/every_verdict.{suffix}", text)


def test_junit_counts_what_it_contains(compared: tuple[str, str, str]) -> None:
    suite = ElementTree.fromstring(compared[2]).find("testsuite")
    assert suite is not None
    for attribute, tag in (
        ("tests", None),
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        cases = [
            case for case in suite.findall("testcase") if tag is None or case.find(tag) is not None
        ]
        assert int(suite.attrib[attribute]) == len(cases) > 0


def test_text_of_others_is_harmless_in_every_output(written: Any, capsys: Any) -> None:
    document = synthetic_report.make(
        "troubled", histograms=False, only="io/(file_write|net_echo/delay1ms/par)"
    )
    evil = "a|b<script>`c`\x1b[2J\n@everyone \ud800 & ]]> \x00"
    document["waitwork"]["failures"][0]["detail"] = evil
    for entry in document["waitwork"]["absent"]:
        entry["cause"] = evil
    base = synthetic_report.make(histograms=False, only="io/(file_write|net_echo/delay1ms/par)")
    arguments = ["--markdown", "o.md", "--junit", "o.xml"]
    code, out, _ = run(
        capsys, str(written("b.json", base)), str(written("n.json", document)), *arguments
    )
    assert code == 3 and not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out)
    ElementTree.parse("o.xml")
    comment = Path("o.md").read_text("utf-8")
    assert (
        "<script>" not in comment
        and "@everyone" not in comment
        and not re.search(r"(?<!\\)`", comment)
    )
    rows = [line for line in comment.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 9 for line in rows)


def test_a_comment_fits_where_comments_go_however_many_rows(written: Any, capsys: Any) -> None:
    document = synthetic_report.make(histograms=False, slower={"": 2.0}, seed=3)
    for row in (*document["benchmarks"], *document["waitwork"]["declared"]):
        row["name"] = row["name"].replace("process_time", "x" * 300 + "/process_time")
    base = copy.deepcopy(document)
    for entry in base["benchmarks"]:
        entry["real_time"] /= 2
    run(
        capsys, str(written("b.json", base)), str(written("n.json", document)), "--markdown", "o.md"
    )
    comment = Path("o.md").read_text("utf-8")
    assert 20_000 < len(comment) < 65_536 and "more rows, left out for length" in comment
    assert comment.count("<details>") == comment.count("</details>") == 1


def test_a_rise_that_all_rows_share_is_pointed_out(base: str, written: Any, capsys: Any) -> None:
    _, out, _ = run(capsys, base, str(written("new.json", only=FEW, rounds=10, slower={"": 1.12})))
    assert re.search(r"the median row changed by \+1[12]\.\d %: unless the code explains that", out)


def test_the_words_no_change_do_not_occur(compared: tuple[str, str, str]) -> None:
    for text in compared:
        assert "no change" not in text.lower() and "unchanged" not in text.lower()
    assert "would have gone unseen" in compared[0]


def test_a_report_compared_with_itself_is_ok_or_inconclusive(base: str, capsys: Any) -> None:
    code, out, _ = run(capsys, base, base)
    assert code == 0 and "regressed" not in out and "improved" not in out
