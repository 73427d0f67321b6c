# SPDX-License-Identifier: Apache-2.0
"""What the tests of the tools share: reports in files, and golden files.

WAITWORK_UPDATE_GOLDEN=1 writes the golden files anew; the difference then shows in the version
control.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import synthetic_report

TESTDATA = Path(__file__).resolve().parent / "testdata"


@pytest.fixture
def in_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, so that paths in the output are the same everywhere."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def written(in_directory: Path) -> Callable[..., Path]:
    """Writes a synthetic report, or a given document, and tells where."""

    def write(name: str, document: Any = None, **arguments: Any) -> Path:
        if document is None:
            document = synthetic_report.make(**{"histograms": False} | arguments)
        path = Path(name)
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return write


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares text with testdata/<name>."""

    def check(name: str, text: str) -> None:
        path = TESTDATA / name
        if os.environ.get("WAITWORK_UPDATE_GOLDEN"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"differs from {path}"

    return check


NOT_REPORTS: dict[str, tuple[bytes | None, str]] = {
    "missing.json": (None, "cannot be read"),
    "empty.json": (b"", "is empty"),
    "blank.json": (b" \n\n", "is empty"),
    "truncated.json": (b'{"context": {"date": "2026-', "cut off"),
    "binary.json": (bytes(range(128, 256)), "not text"),
    "text.json": (b"hello\n", "not JSON"),
    "list.json": (b"[1, 2]", "not a report"),
    "foreign.json": (b'{"name": "x", "version": 3}', 'no "waitwork" object'),
    "google_benchmark.json": (
        b'{"context": {"date": "x", "caches": []}, "benchmarks": [{"name": "BM_x",'
        b' "run_type": "iteration",'
        b' "real_time": 1.0, "cpu_time": 1.0, "time_unit": "ns"}]}',
        'no "waitwork" object',
    ),
    "newer.json": (
        b'{"context": {}, "benchmarks": [], "waitwork": {"schema": "2.0.0"}}',
        "update these tools",
    ),
    "older.json": (
        b'{"context": {}, "benchmarks": [], "waitwork": {"schema": "0.3.0"}}',
        "measure again",
    ),
    "versionless.json": (b'{"waitwork": {"schema": "new"}}', "not a version"),
    "nan.json": (b'{"waitwork": {"schema": "1.0.0"}, "benchmarks": [NaN]}', "NaN"),
    "huge_number.json": (b'{"waitwork": {"schema": "1.0.0"}, "benchmarks": [1e999]}', "1e999"),
    "deep.json": (b"[" * 100_000, "not JSON"),
    "gutted.json": (
        b'{"context": {}, "benchmarks": [], "waitwork": {"schema": "1.0.0"}}',
        "damaged",
    ),
}


@pytest.fixture(params=[*NOT_REPORTS, "directory.json"])
def not_a_report(request: pytest.FixtureRequest, in_directory: Path) -> tuple[str, str]:
    """A path without a usable report, and a part of what is to be said about it."""
    name: str = request.param
    if name == "directory.json":
        Path(name).mkdir()
        return name, "directory"
    content, expected = NOT_REPORTS[name]
    if content is not None:
        Path(name).write_bytes(content)
    return name, expected


def assert_one_line(text: str, *parts: str) -> None:
    """Standard error holds one line, with every part in it."""
    assert text.endswith("\n") and text.count("\n") == 1, text
    assert "Traceback" not in text
    for part in parts:
        assert part in text
