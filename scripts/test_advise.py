# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import advise
import pytest
import synthetic_report
from conftest import assert_one_line

SCRIPT = Path(advise.__file__)
FEW = "cpu/|io/(timer|file_write|net_echo/delay1ms|file_read)|wait50"


@pytest.mark.parametrize("scenario", synthetic_report.SCENARIOS)
@pytest.mark.parametrize(("flags", "suffix"), [([], "txt"), (["--markdown"], "md")])
def test_the_output_is_as_in_the_golden_file(
    scenario: str, flags: list[str], suffix: str, written: Any, golden: Any, capsys: Any
) -> None:
    assert advise.main([*flags, str(written("report.json", scenario=scenario, only=FEW))]) == 0
    golden(f"advise/{scenario}.{suffix}", capsys.readouterr().out)


def test_the_json_is_as_in_the_golden_file(written: Any, golden: Any, capsys: Any) -> None:
    report = written(
        "report.json", scenario="troubled", only="io/file_write|cpu/matmul|io/file_read/cached"
    )
    assert advise.main(["--json", str(report)]) == 0
    document = json.loads(capsys.readouterr().out)
    golden(
        "advise/troubled.json", json.dumps(rounded(document), indent=1, ensure_ascii=False) + "\n"
    )


def rounded(value: Any) -> Any:
    """To seven digits: what two versions of numpy agree on."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: rounded(member) for key, member in value.items()}
    return [rounded(member) for member in value] if isinstance(value, list) else value


def test_the_json_has_every_workload_and_no_null(written: Any, capsys: Any) -> None:
    for scenario in synthetic_report.SCENARIOS:
        report = written("report.json", scenario=scenario)
        assert advise.main(["--json", str(report)]) == 0
        text = capsys.readouterr().out
        assert "null" not in text and "NaN" not in text
        assert len(json.loads(text)["advice"]) == 13


def test_one_round_is_said_to_be_one(written: Any, capsys: Any) -> None:
    assert advise.main([str(written("report.json", rounds=1, only=FEW))]) == 0
    out = capsys.readouterr().out
    assert "One round only" in out and "no interval" in out


def test_a_machine_that_others_used_is_said_to_be_one(written: Any, capsys: Any) -> None:
    document = synthetic_report.make(only=FEW, histograms=False)
    for entry in document["benchmarks"]:
        entry["waitwork"] |= {"pressure_cpu_some_percent": 40.0, "steal_percent": 7.5}
    assert advise.main([str(written("report.json", document))]) == 0
    out = capsys.readouterr().out
    assert (
        "some task waited for a CPU 40 % of the time" in out
        and "gave 7.5 % of the CPU time to others" in out
    )


def test_a_report_without_any_figures_is_no_error(written: Any, capsys: Any) -> None:
    document = synthetic_report.make(only="io/timer")
    document["benchmarks"] = []
    document["waitwork"]["complete"] = False
    assert advise.main([str(written("report.json", document))]) == 0
    out = capsys.readouterr().out
    assert "nothing measured" in out and "18 of 18" not in out and "waitwork run --resume" in out


def test_prose_is_at_most_a_hundred_columns_and_numbers_stay_with_their_units(
    written: Any, capsys: Any
) -> None:
    assert advise.main([str(written("report.json", scenario="troubled"))]) == 0
    prose = capsys.readouterr().out.split("\n\n", 2)[2].splitlines()
    assert all(len(line) <= 100 for line in prose)
    assert not any(re.match(r"\s+(%|ns|µs|ms|s|MiB)\b", line) for line in prose)


def test_text_of_others_cannot_control_the_terminal_or_the_page(written: Any, capsys: Any) -> None:
    document = synthetic_report.make("troubled", only=FEW, histograms=False)
    document["waitwork"]["failures"][0]["detail"] = "\x1b[2Jgone\nand\x00 <script>|`@all`"
    document["context"]["host_name"] = "\x1b]0;title\x07"
    report = str(written("report.json", document))
    assert advise.main([report]) == 0
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", capsys.readouterr().out)
    assert advise.main(["--markdown", report]) == 0
    out = capsys.readouterr().out
    assert "<script>" not in out and "@all" not in out and "\\|" in out and "\x1b" not in out


def test_what_is_not_a_report_is_answered_with_one_line_and_exit_code_2(
    not_a_report: tuple[str, str], capsys: Any
) -> None:
    name, expected = not_a_report
    assert advise.main([name]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert_one_line(captured.err, f"advise.py: {name}: ", expected)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "REPORT"),
        (["--jsn", "r.json"], "--jsn"),
        (["--json", "--markdown", "r.json"], "--markdown"),
        (["a", "b"], "b"),
    ],
)
def test_wrong_usage_is_answered_with_one_line_and_exit_code_2(
    arguments: list[str], named: str, capsys: Any
) -> None:
    with pytest.raises(SystemExit) as caught:
        advise.main(arguments)
    assert caught.value.code == 2
    assert_one_line(capsys.readouterr().err, "advise.py: ", named, "--help")


def test_help_is_the_docstring(capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        advise.main(["--help"])
    assert caught.value.code == 0
    assert "Exit codes: 0 done, 2 wrong usage" in capsys.readouterr().out


@pytest.mark.parametrize("tool", ["advise.py", "check_regression.py"])
def test_an_interpreter_without_scipy_is_told_what_to_install(
    tool: str, in_directory: Path
) -> None:
    Path("scipy.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'scipy'\", name='scipy')\n"
    )
    # A path entry before the real packages: the same as an interpreter that lacks them.
    program = f"import sys, runpy; sys.path[:0] = ['.', {str(SCRIPT.parent)!r}]; "
    program += "sys.argv = ['x', 'a', 'b']; "
    program += f"runpy.run_path({str(SCRIPT.with_name(tool))!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert_one_line(done.stderr, f"{tool}: ", "'scipy'", "apt-get install", "python3-scipy")


def test_it_runs_from_anywhere_and_under_any_locale(written: Callable[..., Path]) -> None:
    report = written("report.json", only="io/timer")
    done = subprocess.run(
        [sys.executable, SCRIPT, report.name],
        capture_output=True,
        check=False,
        env={"LC_ALL": "C", "PATH": "/usr/bin"},
    )
    assert done.returncode == 0 and "256×" in done.stdout.decode("utf-8") and done.stderr == b""


def test_a_reader_that_has_seen_enough_is_no_error(written: Callable[..., Path]) -> None:
    report = written("report.json")
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"set -o pipefail; {sys.executable} {SCRIPT} --json {report.name} | head -1",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stderr == "" and done.stdout == "{\n"


def test_an_unknown_option_is_answered_with_the_nearest(capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        advise.main(["report.json", "--markdwn"])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "--markdwn" in error and "nearest valid: --markdown" in error and error.count("\n") == 1


def test_a_standard_output_that_cannot_be_written_is_one_line_and_2(written: Any) -> None:
    report = written("report.json")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, SCRIPT, report],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert_one_line(done.stderr, "advise.py: No space left on device: standard output; make room")
