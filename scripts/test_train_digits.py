# SPDX-License-Identifier: Apache-2.0
"""The tool that trains the digit network, without the training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import train_digits
from conftest import assert_one_line


@pytest.fixture
def digits(in_directory: Path) -> Path:
    """Enough of them, all alike."""
    folder = Path("digits")
    folder.mkdir()
    for digit in range(10):
        picture = [digit / 10] * train_digits.SIDE**2
        (folder / f"{digit}.json").write_text(json.dumps({"data": picture * 160}))
    return folder


@pytest.fixture
def untrained(monkeypatch: Any) -> None:
    monkeypatch.setattr(train_digits, "train", lambda *_: iter(()))


def test_both_files_are_written(digits: Path, untrained: None) -> None:
    Path("out").mkdir()
    assert train_digits.main([str(digits), "out"]) == 0
    sizes = {path.name: path.stat().st_size for path in Path("out").iterdir()}
    layers = (3 * 3 * 16 + 16) + (3 * 3 * 16 * 32 + 32) + (1568 * 32 + 32) + (32 * 10 + 10)
    assert sizes == {"held_out_digits.u8": 256 * (28 * 28 + 1), "digit_weights.f32": 4 * layers}


def test_a_place_that_cannot_be_written_loses_nothing(
    digits: Path, untrained: None, capsys: Any
) -> None:
    Path("out/digit_weights.f32").mkdir(parents=True)
    Path("out/held_out_digits.u8").write_bytes(b"old")
    assert train_digits.main([str(digits), "out"]) == 2
    assert_one_line(capsys.readouterr().err, "digit_weights.f32: cannot be written: Is a directory")
    assert Path("out/held_out_digits.u8").read_bytes() == b"old"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"data": 3}', '{"data": [1, 2]}', '{"data": ["x"]}', '{"data": [7]}', "\x80"],
)
def test_what_is_no_digits_is_one_line(text: str, digits: Path, capsys: Any) -> None:
    (digits / "3.json").write_text(text, encoding="latin-1")
    assert train_digits.main([str(digits), "out"]) == 2
    assert_one_line(capsys.readouterr().err, "digits/3.json", "fetch the package")


def test_what_is_not_there_is_one_line(in_directory: Path, capsys: Any) -> None:
    assert train_digits.main(["none", "out"]) == 2
    assert_one_line(capsys.readouterr().err, "none/0.json: cannot be read")


@pytest.mark.parametrize("flag", ["--epochs=-1", "--seed=x", "--epochs=1e3", "--seed=9999999999"])
def test_wrong_numbers_are_one_line(flag: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        train_digits.main(["a", "b", flag])
    assert caught.value.code == 2
    assert_one_line(capsys.readouterr().err, "no whole number")
