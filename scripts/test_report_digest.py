# SPDX-License-Identifier: Apache-2.0
"""A damaged report never gives another figure: it gives the same ones, or a sentence.

The reports are the example of this repository, in the program's own layout, with the digest that
the program writes. WAITWORK_DAMAGES=N tries more of them, WAITWORK_MUTANT_SEED=N others.
"""

from __future__ import annotations

import json
import os
import random
import re
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import advise
import check_regression
import pytest
from conftest import assert_one_line
from report import Report, ReportError, load

EXAMPLE = Path(__file__).resolve().parent.parent / "reports" / "examples" / "report.json"
DAMAGES = int(os.environ.get("WAITWORK_DAMAGES", "400"))
SEEDS = ("1", os.environ.get("WAITWORK_MUTANT_SEED", "20261128"))
FEW = re.compile(r'"name":"(io/timer|cpu/matmul/l2)/(sequential|[a-z]+/(depth|workers):[24])')


def with_digest(text: str, schema: str = "1.4.0") -> str:
    """As the program writes it: the last member of its object, over the text with eight zeros."""
    text = re.sub(r'"digest": "[^"]*"', "", text)
    text = re.sub(r'"schema": "[\d.]+"', f'"schema": "{schema}"', text, count=1)
    body = text.rstrip().removesuffix("}").rstrip().removesuffix("}").rstrip().removesuffix(",")
    made = f'{body},\n    "digest": "crc32:00000000"\n  }}\n}}\n'
    before, _, after = made.rpartition("crc32:00000000")
    return f"{before}crc32:{zlib.crc32(made.encode()):08x}{after}"


@pytest.fixture(scope="module")
def example() -> str:
    return with_digest(EXAMPLE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def small() -> str:
    """The same with a few of its rows, so that hundreds of copies can be read."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if '{"name":"' not in line or FEW.search(line)]
    text = re.sub(r",(\s*\])", r"\1", "".join(kept))
    assert text.count('{"name":"') > 30
    return with_digest(text)


def write(text: str, name: str = "r.json") -> Path:
    Path(name).write_bytes(text.encode("utf-8", "surrogatepass"))
    return Path(name)


def same(one: Report, other: Report) -> bool:
    """All that a tool may read."""
    return (one.rows, one.context, one.meta) == (other.rows, other.context, other.meta)


def refusal(text: str) -> str:
    with pytest.raises(ReportError) as caught:
        load(write(text))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- what it is


def test_a_report_as_it_was_written_is_read_without_a_word(
    example: str, in_directory: Path, capsys: Any
) -> None:
    path = str(write(example))
    assert load(path).remark == ""
    assert advise.main([path]) == 0 and capsys.readouterr().err == ""


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_and_line_ends_are_not_damage(encoding: str, small: str, in_directory: Path) -> None:
    Path("r.json").write_bytes(small.replace("\n", "\r\n").encode(encoding))
    assert load("r.json").remark == ""


def test_one_changed_digit_is_refused_with_what_to_do(small: str, in_directory: Path) -> None:
    found = re.search(r'"real_time":(\d)', small)
    assert found is not None
    digit = str((int(found[1]) + 1) % 10 or 5)
    changed = small[: found.start(1)] + digit + small[found.end(1) :]
    assert json.loads(changed) != json.loads(small)
    said = refusal(changed)
    assert "damaged or was edited by hand" in said
    assert "take another copy" in said and 'set waitwork.digest to "none"' in said


def test_a_report_that_was_changed_on_purpose_says_so(small: str, in_directory: Path) -> None:
    changed = small.replace('"suite": "quick"', '"suite": "slow"')
    assert "damaged" in refusal(changed)
    path = write(re.sub(r"crc32:[0-9a-f]{8}", "none", changed))
    assert load(path).meta["suite"] == "slow" and load(path).remark == ""


@pytest.mark.parametrize("indent", [None, 1, 2, 4])
@pytest.mark.parametrize("separators", [None, (",", ":"), (", ", ": ")])
def test_what_another_program_wrote_anew_is_read_and_said_once(
    indent: Any, separators: Any, small: str, in_directory: Path, capsys: Any
) -> None:
    write(json.dumps(json.loads(small), indent=indent, separators=separators))
    report = load("r.json")
    assert same(report, load(write(small, "whole.json")))
    assert "another program has written this report anew" in report.remark
    assert advise.main(["r.json"]) == 0
    assert_one_line(capsys.readouterr().err, "advise.py: r.json: another program")
    assert check_regression.main(["whole.json", "r.json"]) == 0
    assert_one_line(capsys.readouterr().err, "check_regression.py: r.json: another program")


@pytest.mark.parametrize("schema", ["1.4.0", "1.10.2"])
def test_a_report_of_now_without_a_digest_is_damaged(
    schema: str, small: str, in_directory: Path
) -> None:
    lacking = re.sub(r',\s*"digest": "[^"]*"', "", with_digest(small, schema))
    assert "waitwork.digest is missing" in refusal(lacking)
    write(json.dumps(json.loads(lacking)))
    assert "cannot be checked" in load("r.json").remark


@pytest.mark.parametrize("schema", ["1.0.0", "1.3.9"])
def test_an_older_report_need_not_have_one(schema: str, small: str, in_directory: Path) -> None:
    lacking = re.sub(r',\s*"digest": "[^"]*"', "", with_digest(small, schema))
    assert load(write(lacking)).remark == ""
    wrong = with_digest(small, schema).replace('"quick"', '"quack"')
    assert "damaged" in refusal(wrong)  # but one that is there counts


@pytest.mark.parametrize(
    "digest", ['"crc32:XYZ"', '"crc32:0123ABCD"', '"md5:0"', "7", "null", '""']
)
def test_what_is_no_digest_is_refused(digest: str, small: str, in_directory: Path) -> None:
    assert "waitwork.digest is" in refusal(re.sub(r'"crc32:[0-9a-f]{8}"', digest, small))


def test_a_text_that_looks_like_the_digest_does_not_mislead(small: str, in_directory: Path) -> None:
    filter_ = '"filter": "\\"digest\\": \\"crc32:00000000\\""'
    text = with_digest(re.sub(r'"filter": "[^"]*"', lambda _: filter_, small))
    assert load(write(text)).remark == ""


@pytest.fixture(scope="module")
def bare(small: str) -> str:
    """The same without any measurement, as a run leaves it that was stopped at once."""
    text = re.sub(r'"benchmarks": \[.*?\n  \]', '"benchmarks": []', small, flags=re.DOTALL)
    return with_digest(text.replace('"complete": true', '"complete": false'))


@pytest.fixture(scope="module")
def single(small: str) -> str:
    """With one measurement of one declared row."""
    kept, seen = [], 0
    for line in small.splitlines(keepends=True):
        if '{"name":"io/timer/sequential' in line:
            seen += '"repetition_index":0' in line
            if '"real_time"' in line and '"repetition_index":0' not in line:
                continue
        elif '{"name":"' in line:
            continue
        kept.append(line)
    text = re.sub(r",(\s*\])", r"\1", "".join(kept)).replace('"rounds": 5', '"rounds": 1')
    assert seen == 1
    return with_digest(text)


@pytest.mark.parametrize(
    "change", [('"suite": "quick"', '"suite": "quack"'), ('"seed": ', '"seed": 1')]
)
@pytest.mark.parametrize(
    "margin", [("\n    ", "\n     "), ("\n      ", "\n\t"), ("\n", "\n "), ("\n ", "\r")]
)
@pytest.mark.parametrize("which", ["bare", "single", "small"])
def test_an_edit_is_seen_without_measurements_and_with_another_indentation(
    which: str, margin: Any, change: Any, request: pytest.FixtureRequest, in_directory: Path
) -> None:
    text = request.getfixturevalue(which)
    assert load(write(text)).remark == ""
    for edited in (text.replace(*change), text.replace(*change).replace(*margin)):
        assert edited != text and "damaged" in refusal(edited)


@pytest.mark.parametrize("mark", [r'\{"name":"', r'": '])
def test_either_mark_of_our_layout_suffices(mark: str, single: str, in_directory: Path) -> None:
    edited = single.replace('"suite": "quick"', '"suite": "quack"')
    spoiled = re.sub(mark, lambda found: found[0].replace(":", " :"), edited)
    assert spoiled != edited and "damaged" in refusal(spoiled)


@pytest.mark.parametrize("indent", [None, 1, 2, 3, 4, "\t"])
@pytest.mark.parametrize("sort_keys", [True, False])
@pytest.mark.parametrize("which", ["bare", "single"])
def test_small_reports_that_were_written_anew_are_read(
    which: str, indent: Any, sort_keys: bool, request: pytest.FixtureRequest, in_directory: Path
) -> None:
    text = request.getfixturevalue(which).replace('"filter": ""', '"filter": ":a\\": \\\\"')
    document = json.loads(text)
    for separators in ((", ", ": "), (",", ":"), (",", ": ")):
        made = json.dumps(document, indent=indent, separators=separators, sort_keys=sort_keys)
        assert "written this report anew" in load(write(made)).remark


# ---- damages


def damaged(content: bytes, chance: random.Random) -> bytes:
    """What copies, disks, transfers and editors do."""
    at = chance.randrange(len(content))
    much = chance.choice((1, 1, 2, 8, 60, 512))
    kind = chance.randrange(11)
    if kind == 0:
        return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]
    if kind == 1:
        return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
    if kind == 2:
        return content[:at] + content[at + much :]
    if kind == 3:
        return content[:at] + content[at : at + much] + content[at:]
    if kind == 4:
        return content[:at]
    if kind == 5:
        return content[:at] + bytes(much) + content[at + much :]
    if kind == 6:  # a block of another place
        other = chance.randrange(len(content))
        return content[:at] + content[other : other + much] + content[at + much :]
    if kind == 7:
        return (
            content[:at]
            + chance.choice((b" ", b"\n", b"\r", b"\t", b"0", b"-", b"e", b'"'))
            + content[at:]
        )
    if kind == 8:  # whole lines: lost, twice, exchanged
        lines = content.split(b"\n")
        one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        if chance.random() < 0.4:
            lines[one], lines[other] = lines[other], lines[one]
        elif chance.random() < 0.5:
            del lines[one]
        else:
            lines.insert(other, lines[one])
        return b"\n".join(lines)
    digits = [found.start() for found in re.finditer(rb"\d", content[at : at + 400])]
    if kind == 9 and digits:  # the worst: still a number
        place = at + chance.choice(digits)
        return content[:place] + str(chance.randrange(10)).encode() + content[place + 1 :]
    if len(digits) > 1:
        one, other = sorted(at + each for each in chance.sample(digits, 2))
        return (
            content[:one] + content[other : other + 1] + content[one + 1 : other]
            + content[one : one + 1] + content[other + 1 :]
        )  # fmt: skip
    return content[:at] + content[at + 1 :]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_damaged_report_gives_the_same_figures_or_a_sentence(
    seed: str, small: str, in_directory: Path
) -> None:
    whole = load(write(small, "whole.json"))
    content = small.encode()
    ends: Counter[str] = Counter()
    for index in range(DAMAGES):
        what = f"{seed}/damage/{index}"
        harmed = damaged(content, random.Random(what))
        if harmed == content:
            continue
        Path("r.json").write_bytes(harmed)
        try:
            report = load("r.json")
        except ReportError as problem:
            assert "\n" not in str(problem), what
            ends["by the digest" if "its digest is" in str(problem) else "before"] += 1
        else:
            assert same(report, whole), what
            ends["the same"] += 1
    # The digest is what is tested: a good part gets past everything else.
    assert ends["by the digest"] > 0.2 * DAMAGES, ends
    print(seed, ends)


def test_a_digit_of_the_whole_example_is_never_another_figure(
    example: str, in_directory: Path
) -> None:
    content = example.encode()
    chance = random.Random("1/example")
    for _ in range(6):
        place = chance.choice([each.start() for each in re.finditer(rb"[1-8](?=\d)", content)])
        digit = str(int(content[place : place + 1]) + 1).encode()
        Path("r.json").write_bytes(content[:place] + digit + content[place + 1 :])
        with pytest.raises(ReportError):
            load("r.json")
