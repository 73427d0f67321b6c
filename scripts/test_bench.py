# SPDX-License-Identifier: Apache-2.0
"""scripts/bench understands --out as the program does, and draws only what is a file.

The program, the build and the tools are stood in for by scripts that write down what they were
asked.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parent / "bench"
# The program: the last --out counts, a missing value is 2, - is standard output.
PROGRAM = r"""#!/usr/bin/env bash
printf '%s\n' "$*" > "$LOG/run"
out=report.json
while [[ $# -gt 0 ]]; do
  case $1 in
    --out=*) out=${1#--out=} ;;
    --out) [[ $# -ge 2 && $2 != --* ]] || exit 2; out=$2; shift ;;
  esac
  shift
done
[[ -n $out ]] || exit 2
[[ $STATUS -eq 2 ]] && exit 2
echo "the table"
if [[ $out == - ]]; then echo "the report"; else echo "the report" > "$out"; fi
exit "$STATUS"
"""
TOOL = "import os, sys; open(os.environ['LOG'] + '/{0}', 'w').write(sys.argv[1]); print('{0}'); sys.exit({1})\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("scripts", "build/release", "bin", "log", "cwd"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "scripts/bench").write_bytes(BENCH.read_bytes())
    for path, text in (
        ("scripts/packages", "#!/bin/sh\n"),
        ("bin/cmake", "#!/bin/sh\n"),
        ("build/release/waitwork", PROGRAM),
        ("scripts/chart.py", TOOL.format("chart", 0)),
        ("scripts/advise.py", TOOL.format("advise", 0)),
    ):
        (tmp_path / path).write_text(text)
    for path in ("scripts/bench", "scripts/packages", "bin/cmake", "build/release/waitwork"):
        (tmp_path / path).chmod(0o755)
    return tmp_path


def bench(root: Path, *arguments: str, status: int = 0) -> tuple[int, str]:
    environment = {
        "PATH": f"{root}/bin:{os.environ['PATH']}", "LOG": str(root / "log"), "STATUS": str(status)
    }  # fmt: skip
    done = subprocess.run(
        [root / "scripts/bench", *arguments],
        cwd=root / "cwd", env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def drawn(root: Path) -> str | None:
    path = root / "log/chart"
    return path.read_text() if path.exists() else None


def test_without_out_there_is_a_folder_of_its_own(root: Path) -> None:
    assert bench(root, "--suite", "smoke") == (0, "advise\n")
    made = list((root / "reports/runs").glob("*/report.json"))
    assert len(made) == 1 and drawn(root) == str(made[0])


@pytest.mark.parametrize(
    ("arguments", "report"),
    [
        (["--out", "a.json"], "a.json"),
        (["--out=a.json"], "a.json"),
        (["--out", "a.json", "--out=b.json"], "b.json"),
        (["--out=a.json", "--out", "b.json", "--seed", "3"], "b.json"),
        (["--out=-", "--out=a.json"], "a.json"),
        (["--out=-x.json"], "./-x.json"),
    ],
)
def test_the_report_that_the_program_wrote_is_drawn(
    arguments: list[str], report: str, root: Path
) -> None:
    assert bench(root, *arguments) == (0, "advise\n")
    assert drawn(root) == report and not (root / "reports").exists()


@pytest.mark.parametrize("arguments", [["--out=-"], ["--out", "-"], ["--out=a.json", "--out", "-"]])
def test_a_report_for_standard_output_goes_there_and_is_not_drawn(
    arguments: list[str], root: Path
) -> None:
    assert bench(root, *arguments) == (0, "the table\nthe report\n")
    assert drawn(root) is None and not (root / "cwd/-").exists()


def test_a_report_for_a_device_is_not_drawn(root: Path) -> None:
    assert bench(root, "--out=/dev/stdout")[1].endswith("the report\n")
    assert drawn(root) is None


@pytest.mark.parametrize(
    "arguments", [["--out"], ["--seed", "1", "--out"], ["--out", "--seed"], ["--out="]]
)
def test_a_missing_value_is_for_the_program_to_say(arguments: list[str], root: Path) -> None:
    assert bench(root, *arguments)[0] == 2
    assert (root / "log/run").read_text().split()[1:] == arguments
    assert drawn(root) is None and not (root / "reports").exists()


@pytest.mark.parametrize(("status", "is_drawn"), [(2, False), (3, True), (5, True), (130, True)])
def test_the_exit_code_is_that_of_the_run(status: int, is_drawn: bool, root: Path) -> None:
    assert bench(root, "--out=a.json", status=status)[0] == status
    assert (drawn(root) is not None) == is_drawn


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_is_shown_and_nothing_is_done(flag: str, root: Path) -> None:
    code, out = bench(root, "--suite", "smoke", flag)
    assert code == 0 and "usage: scripts/bench" in out and "set -euo" not in out and "#" not in out
    assert not (root / "log/run").exists() and not (root / "reports").exists()


@pytest.mark.parametrize("reports", ["", "reports", "reports/runs/older"])
def test_a_run_that_wrote_nothing_leaves_no_folder(reports: str, root: Path) -> None:
    (root / reports).mkdir(parents=True, exist_ok=True)
    before = sorted(root.glob("reports/**"))
    assert bench(root, "--nonsense", status=2)[0] == 2
    program = root / "build/release/waitwork"
    program.write_text("#!/bin/sh\nexit 3\n")  # a filter that matches nothing
    assert bench(root, "--filter", "none")[0] == 3
    assert sorted(root.glob("reports/**")) == before


def test_rows_are_listed_without_a_folder(root: Path) -> None:
    code, out = bench(root, "--benchmark_list_tests")
    assert code == 0 and "the table" in out
    assert drawn(root) is None and not (root / "reports").exists()


def test_resume_goes_on_with_the_newest_run_that_was_stopped(root: Path) -> None:
    assert bench(root, "--resume")[0] == 2
    assert not (root / "reports").exists() and not (root / "log/run").exists()
    for name, stopped in (
        ("20260101T000000Z-a", 1),
        ("20260102T000000Z-a", 1),
        ("20260103T000000Z-a", 0),
    ):
        folder = root / "reports/runs" / name
        folder.mkdir(parents=True)
        (folder / "report.json").write_text("{}")
        if stopped:
            (folder / "report.json.journal").write_text("{}")
    wanted = root / "reports/runs/20260102T000000Z-a/report.json"
    assert bench(root, "--resume", "--seed", "3") == (0, "advise\n")
    assert drawn(root) == str(wanted)
    assert (root / "log/run").read_text() == f"run --resume --seed 3 --out {wanted}\n"
    assert len(list((root / "reports/runs").iterdir())) == 3
    assert bench(root, "--resume", "--out", "a.json")[0] == 0 and drawn(root) == "a.json"


def test_charts_that_fail_cost_neither_the_advice_nor_go_unsaid(root: Path) -> None:
    (root / "scripts/chart.py").write_text(TOOL.format("chart", 2))
    assert bench(root, "--out=a.json") == (2, "advise\n")
    assert bench(root, "--out=a.json", status=3) == (3, "advise\n")


def test_bench_is_as_it_should_be_for_a_shell() -> None:
    done: Any = subprocess.run(["bash", "-n", BENCH], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
