# SPDX-License-Identifier: Apache-2.0
"""Text of others does nothing where it is shown. The C++ tests of plain_text have the same cases."""

from __future__ import annotations

import json
import re
from typing import Any

import advise
import chart
import check_regression
import escape
import peers
import pytest
import synthetic_report
from conftest import assert_one_line

EVIL = "x\n::error file=a.cpp,line=1::gone\x1b[2J\x9b31m\u202e\u2066\u2028\u200f\x00\x7f ##vso[x] ##[error]"
HARMFUL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
COMMAND = re.compile(r"^\s*::|##\w*\[", re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\tb\n\r\nc", "a b c"),
        ("\x1b[2J", "\ufffd[2J"),
        ("a\x00\x7f\x85\x9bb", "a\ufffd\ufffd\ufffd\ufffdb"),
        ("\u2028\u2029", "\ufffd\ufffd"),
        ("\u061c\u200e\u200f\u202a\u202e\u2066\u2069", "\ufffd" * 7),
        ("\ud800x\udfff", "\ufffdx\ufffd"),
        ("##[error]", "# #[error]"),
        ("###vso[x]", "# # #vso[x]"),
        ("é漢字🙂", "é漢字🙂"),
        ("", ""),
    ],
)
def test_plain_is_one_line_that_shows_what_was_there(text: str, shown: str) -> None:
    assert escape.plain(text) == shown
    assert escape.plain(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", ": :error::x"),
        ("ok\n  ::warning::x\n", "ok\n  : :warning::x\n"),
        ("\u00a0::add-mask::x", "\u00a0: :add-mask::x"),
        ("a ::error::x", "a ::error::x"),
        ("## Heading\n### [link](x)", "## Heading\n### [link](x)"),
        ("a ##teamcity[x]", "a # #teamcity[x]"),
    ],
)
def test_no_line_of_an_output_is_a_command(text: str, shown: str) -> None:
    assert escape.lines(text) == shown


def test_json_has_the_text_as_it_was_and_nothing_that_acts() -> None:
    text = escape.json_text({"a": EVIL, EVIL: ["##[x", "\ud800"]})
    assert not HARMFUL.search(text) and not COMMAND.search(text)
    assert json.loads(text) == {"a": EVIL, EVIL: ["##[x", "\ud800"]}


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every text of a report, but for those whose words are fixed."""
    fixed = ("schema", "run_type", "time_unit", "strategy", "unit", "status")
    found = []
    members = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in members:
        if isinstance(value, (dict, list)):
            found += places(value)
        elif isinstance(value, str) and key not in fixed:
            found.append((document, key))
    return found


@pytest.mark.parametrize("tool", [advise, peers, check_regression])
@pytest.mark.parametrize("form", [[], ["--markdown"], ["--json"]])
def test_every_text_of_a_report_is_harmless_in_every_output(
    tool: Any, form: list[str], written: Any, capsys: Any
) -> None:
    made = synthetic_report.make(
        "troubled", only="io/(file_write|timer/seq)|delay1ms/par", rounds=2
    )
    for holder, key in places(made):
        holder[key] = f"{EVIL} {holder[key]}"
    if tool is peers:
        ours = made["waitwork"]
        rows = [row["waitwork"] for row in made["benchmarks"]]
        for entry in (*ours["declared"], *ours["failures"], *ours["absent"], *rows):
            entry["workload"] = "peers/" + entry["workload"]
    path = str(written("evil.json", made))
    arguments = [path, *form] if tool is not check_regression else [path, path]
    assert tool.main(arguments) in (0, 3)
    captured = capsys.readouterr()
    assert "gone" in captured.out
    for text in (captured.out, captured.err):
        assert not HARMFUL.search(text) and not COMMAND.search(text), text


def wrong(change: Any) -> dict[str, Any]:
    made = synthetic_report.make(only="io/timer/seq", histograms=False)
    change(made)
    return made


WRONG = {
    "strategy": lambda made: made["benchmarks"][0]["waitwork"].update(strategy=EVIL),
    "name": lambda made: made["benchmarks"][0].update(name=EVIL),
    "unit": lambda made: made["benchmarks"][0].update(time_unit=EVIL),
    "schema": lambda made: made["waitwork"].update(schema=EVIL),
    "key": lambda made: made["benchmarks"][0]["waitwork"]["parameters"].update({EVIL: "x"}),
    "foreign": lambda made: made["benchmarks"].append({"name": EVIL}),
    "error": lambda made: made["benchmarks"].append(
        {"name": "x", "error_occurred": True, "error_message": EVIL}
    ),
}


@pytest.mark.parametrize("tool", [advise, peers, check_regression, chart])
@pytest.mark.parametrize("kind", WRONG)
def test_a_report_cannot_speak_through_the_line_that_refuses_it(
    tool: Any, kind: str, written: Any, capsys: Any
) -> None:
    path = str(written("evil.json", wrong(WRONG[kind])))
    assert tool.main([path, path] if tool is check_regression else [path]) == 2
    err = capsys.readouterr().err
    assert_one_line(err, "evil.json")
    assert not HARMFUL.search(err) and not COMMAND.search(err), err


def test_a_machine_cannot_speak_through_the_line_that_refuses_to_compare(
    written: Any, capsys: Any
) -> None:
    made = wrong(lambda made: None)
    other = wrong(
        lambda made: made["context"]["waitwork"]["machine"].update(cpu_model=EVIL, fingerprint="x")
    )
    paths = [str(written("a.json", made)), str(written("b.json", other))]
    assert check_regression.main(paths) == 5
    err = capsys.readouterr().err
    assert_one_line(err, "different machines", "gone")
    assert not HARMFUL.search(err) and not COMMAND.search(err)


@pytest.mark.parametrize("tool", [advise, peers, check_regression, chart])
def test_neither_can_a_file_name_or_an_argument(tool: Any, in_directory: Any, capsys: Any) -> None:
    name = EVIL.replace("\x00", "")
    assert tool.main([name] * (2 if tool is check_regression else 1)) == 2
    with pytest.raises(SystemExit):
        tool.main([f"--{name}"])
    err = capsys.readouterr().err
    assert err.count("\n") == 2 and not HARMFUL.search(err) and not COMMAND.search(err)
