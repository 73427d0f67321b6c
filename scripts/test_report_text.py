# SPDX-License-Identifier: Apache-2.0
"""From a file to a document: what is no report is named for what it is, in our own words."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import report_text
import synthetic_report
from report import ReportError, load
from report_text import LARGEST, parse, read

OF_PYTHON = re.compile(r"\w+Error|Exception|NoneType|<class|Expecting|Errno|codec|char \d")


@pytest.fixture(scope="module")
def text() -> str:
    return json.dumps(synthetic_report.make(only="io/timer/seq", histograms=False), indent=1)


def refusal(path: str | Path) -> str:
    with pytest.raises(ReportError) as caught:
        load(path)
    said = str(caught.value)
    assert "\n" not in said and not OF_PYTHON.search(said), said
    return said


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_powershell_makes_of_a_report_is_read(
    encoding: str, newline: str, text: str, in_directory: Path
) -> None:
    mark = "\ufeff" if encoding.endswith("e") else ""
    Path("r.json").write_bytes((mark + text.replace("\n", newline)).encode(encoding))
    assert load("r.json").rounds == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00", "is not text"),
        (b"{\x80}", "byte 2 is none of UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "is UTF-16, without a byte-order mark"),
        ('{"a": 1}'.encode("utf-16-be"), "is UTF-16, the higher byte first, without"),
        ('{"a": 1}'.encode("utf-32-le"), "is UTF-32, without a byte-order mark"),
        ('{"a": 1}'.encode("utf-32-be"), "is UTF-32, the highest byte first, without"),
        ('{"a": 1}'.encode("utf-32"), "is UTF-32; write it as UTF-8"),
        (gzip.compress(b"{}"), "is packed (gzip) and no text; unpack it"),
        (lzma.compress(b"{}"), "is packed (xz)"),
        (bz2.compress(b"{}"), "is packed (bzip2)"),
        (b"name,iterations,real_time,cpu_time,time_unit\n", "is CSV (--benchmark_out_format=csv)"),
        (b"x\n---\nBenchmark   Time     CPU   Iterations\n", "the table for people"),
        (b'{"a": 1}\0\0', "behind the report, from line 1, column 9 on, there are zero bytes"),
        (b'{"a": 1}\ngarbage', "from line 2, column 1 on, there is something that is no part"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b'{"a": 1', "was cut off at line 1, column 8"),
        (b'{"a": "long', "was cut off"),
        (b'{"a": 1, oops}', "is not JSON, from line 1, column 10"),
        (b'{"a": 1}\n{"a": 1}', "a second document begins at line 2, column 1"),
        (b'{"a": 1, "a": 2}', 'an object has "a" twice'),
        (b'{"a": NaN}', "NaN is not a number of JSON"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": 1e999}', "1e999 is too large a number"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "a number of 10000 digits"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"[1, 2]", "not a report"),
        (b'"text"', "not a report"),
        (b"null", "not a report"),
    ],
)
def test_what_is_no_document_is_named(content: bytes, said: str, in_directory: Path) -> None:
    Path("r.json").write_bytes(content)
    assert said in refusal("r.json") and refusal("r.json").startswith("r.json: ")


def test_what_is_no_file_is_refused_before_it_is_read(in_directory: Path, monkeypatch: Any) -> None:
    def never(*_: Any) -> bytes:
        raise AssertionError("it was read")

    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        Path("link").symlink_to("/dev/zero")
        monkeypatch.setattr(os, "read", never)
        for path, kind in (
            (".", "a directory"),
            ("pipe", "a pipe"),
            ("socket", "a socket"),
            ("/dev/zero", "a device"),
            ("link", "a device"),
        ):
            assert kind in refusal(path)


def test_more_than_any_report_has_is_refused_before_it_is_read(
    in_directory: Path, monkeypatch: Any
) -> None:
    with open("sparse.json", "wb") as sparse:
        sparse.truncate(LARGEST + 1)
    assert "more than 512 MiB" in refusal("sparse.json")
    monkeypatch.setattr(report_text, "LARGEST", 3 << 20)
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    os.write(write_end, b" " * 1000)
    os.close(write_end)
    assert "is empty" in refusal(f"/dev/fd/{read_end}")
    os.close(read_end)


def test_a_pipe_without_an_end_is_read_up_to_the_bound(
    in_directory: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(report_text, "LARGEST", 3 << 20)
    read_end, write_end = os.pipe()
    calls = iter(range(10))

    def endless(*_: Any) -> bytes:
        assert next(calls) < 5
        return b" " * (1 << 20)

    monkeypatch.setattr(os, "read", endless)
    assert "more than 3 MiB" in refusal(f"/dev/fd/{read_end}")
    os.close(read_end)
    os.close(write_end)


def test_a_name_that_no_file_can_have_is_refused(in_directory: Path) -> None:
    assert "no file can have this name" in refusal("a\0b")
    assert "File name too long" in refusal("x" * 5000)
    Path("loop").symlink_to("loop")
    assert "symbolic links" in refusal("loop")


def test_too_little_memory_is_no_mistake_of_the_tool(
    text: str, in_directory: Path, monkeypatch: Any
) -> None:
    Path("r.json").write_text(text)

    def full(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(report_text.json, "loads", full)
    assert "not enough memory" in refusal("r.json")


def test_numbers_of_other_writers_are_read() -> None:
    path = Path("r.json")
    digits = "1" + "0" * 30
    assert parse(path, f"[{digits}, 1E+2, -0]") == [10**30, 100.0, 0]


def test_reading_leaves_no_descriptor_open(text: str, in_directory: Path) -> None:
    Path("r.json").write_text(text)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        read(Path("r.json"))
        for bad in ("none", ".", "/dev/zero"):
            with pytest.raises(ReportError):
                read(Path(bad))
    assert len(os.listdir("/proc/self/fd")) == before
