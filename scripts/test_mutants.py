# SPDX-License-Identifier: Apache-2.0
"""No report, however damaged, and no command line is a traceback, a blame, or a figure that is none.

WAITWORK_MUTANT_SEED=N tries others than the fixed ones, WAITWORK_MUTANTS=N more of them. A failure
names the seed of its mutant.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import warnings
from pathlib import Path
from typing import Any

import advise
import chart
import check_regression
import mutator
import peers
import pytest
import synthetic_kernels
import synthetic_report
from command_line import exit_code

MUTANTS = int(os.environ.get("WAITWORK_MUTANTS", "1000"))
OTHER_SEED = os.environ.get("WAITWORK_MUTANT_SEED", "20261128")
SEEDS = ("1", OTHER_SEED)
ROWS = r"io/timer/(seq|(conc|hyb).*:4/|par.*:2/)|cpu/matmul/(seq|par)"

Ended = tuple[int, str, str]
CODES: dict[Any, set[int]] = {
    advise: {0, 2},
    peers: {0, 2},
    chart: {0, 2},
    check_regression: {0, 1, 2, 3, 4, 5},
}
EXCEPTIONS = re.compile(
    r"Traceback|mistake of the tool|\w+Error\b|\w+Exception\b|NoneType|Warning|could not convert"
)
NO_NUMBER = re.compile(r"(?<![\w/.-])-?(nan|inf|infinity)(?![\w])", re.IGNORECASE)
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
COMMAND = re.compile(r"^\s*::|##\w*\[", re.MULTILINE)


def run(tool: Any, arguments: list[str]) -> Ended:
    """As a process would, with every warning of numpy an error: behind one is a figure of nothing."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(
        err
    ), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        code = exit_code(tool.PROG, tool.main, arguments)
    texts = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err)]  # type: ignore[attr-defined]
    return code, texts[0], texts[1]


def assert_sound(tool: Any, ended: Ended, what: str) -> None:
    code, out, err = ended
    assert code in CODES[tool], (what, code, err)
    assert not EXCEPTIONS.search(err), (what, err)
    assert err.count("\n") == (1 if err else 0), (what, err)
    for text in (out, err):
        assert not CONTROL.search(text) and not COMMAND.search(text), (what, text)
    assert not NO_NUMBER.search(out), (what, NO_NUMBER.search(out), out[:3000])
    if code == 2:
        assert out == "" and err.startswith(f"{tool.PROG}: "), (what, err)
    elif code == 0:
        assert out, what


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    kernels = synthetic_kernels.make(rounds=2, only="sobel|matmul_f32_64|dense_1")
    return [
        synthetic_report.make(
            "troubled", rounds=3, only=ROWS + "|io/file_write/seq|wait50/hyb.*256"
        ),
        synthetic_report.make("interrupted", rounds=2, only=ROWS),
        synthetic_report.make(rounds=2, only=ROWS, histograms=False),
        kernels,
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_damage_to_a_report_is_a_traceback_a_blame_or_a_figure(
    seed: str, documents: list[dict[str, Any]], in_directory: Path
) -> None:
    refused = 0
    for index in range(MUTANTS):
        what = f"seed {seed}/{index}"
        chance = random.Random(what)
        base = chance.choice(documents)
        Path("good.json").write_text(mutator.as_text(base), encoding="utf-8")
        text = mutator.mutant(base, chance.choice(documents), chance)
        Path("bad.json").write_text(text, encoding="utf-8", errors="surrogatepass")
        form = chance.choice(([], ["--markdown"], ["--json"]))
        pair = ["bad.json", "good.json"]
        chance.shuffle(pair)
        files = ["--markdown", "o.md", "--junit", "o.xml", "--allow-machine-mismatch"]
        for tool, arguments in (
            (advise, ["bad.json", *form]),
            (peers, ["bad.json", *form]),
            (check_regression, [*pair, *(files if chance.random() < 0.5 else [])]),
        ):
            ended = run(tool, arguments)
            assert_sound(tool, ended, f"{what} {tool.PROG} {arguments}")
            refused += ended[0] == 2 and tool is advise
        if index % 150 == 0:  # a page takes seconds
            ended = run(chart, ["bad.json", "-o", "charts"])
            assert_sound(chart, ended, f"{what} chart.py")
    # Neither are all refused, which would test the first check only, nor hardly any.
    assert 0.3 * MUTANTS < refused < 0.95 * MUTANTS


WORDS = (
    "good.json", "bad.json", "none.json", "", "-", "--", ".", "a\0b", "/dev/null", "/dev/zero", "no/such/x",
    "--markdown", "--markdown=", "--markdown=o.md", "--junit", "--junit=o.md", "--junit=./o.md", "--json",
    "--json=x", "-o", "-o", "--out=charts", "--out=good.json", "--out=", "--margin", "--margin=5%", "--margin=-1",
    "--margin=1e999", "--margin=" + "9" * 5000, "--filter", "--filter=(", "--filter=[[a]", "--filter=" + "(" * 5000,
    "--filter=a{99999999999}", "--filter=timer", "--on-inconclusive", "--on-inconclusive=fail", "--on-inconclusive=x",
    "--allow-machine-mismatch", "--help", "-h", "--helpp", "-x", "--markdwn", "\x1b[2J", "\n::error::x", "\udcff",
    "##[group]x", "\u202e", "5%", "--=", "@good.json", "%s",
)  # fmt: skip


def test_no_command_line_is_a_traceback(
    documents: list[dict[str, Any]], in_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart, "draw", lambda report: {"index.html": b"x"})
    for index in range(300):
        what = f"seed {OTHER_SEED}/words/{index}"
        chance = random.Random(what)
        for name in ("good.json", "bad.json"):
            Path(name).write_text(mutator.as_text(documents[2]), encoding="utf-8")
        tool = chance.choice(list(CODES))
        arguments = chance.choices(WORDS, k=chance.randint(0, 5))
        if chance.random() < 0.5:
            arguments += ["good.json"] * (2 if tool is check_regression else 1)
        code, out, err = run(tool, arguments)
        if "--help" in out:
            out = ""
        assert_sound(tool, (code, out or "x" * (code == 0), err), f"{what} {arguments}")
