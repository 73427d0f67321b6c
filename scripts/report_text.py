# SPDX-License-Identifier: Apache-2.0
"""From a path to parsed JSON: everything that can be wrong before it matters what the JSON says.

Only what has an end is read: a regular file, or a pipe through a descriptor ("-", /dev/stdin, a
process substitution), of at most LARGEST bytes. Redirects of PowerShell write UTF-16 or a
byte-order mark; both are taken. Every refusal is one sentence that says what, where, and what to
do, in our words and not in those of an exception.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import re
import stat
from pathlib import Path
from typing import Any

import refusal
from destination import read_from, readable

LARGEST = 512 << 20  # a report of the full suite has some 10 MB
LONGEST_NUMBER = 40  # digits: what jq makes of 1e30 and more; Python refuses 4300 in its own words
GIVE = "give a report that `waitwork run` wrote"
AGAIN = "measure again or take another copy"

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
}
_ZEROS = {
    "UTF-16": (1, 3),
    "UTF-16, the higher byte first": (0, 2),
    "UTF-32": (1, 2, 3),
    "UTF-32, the highest byte first": (0, 1, 2),
}
_LOOKED_AT = 16 << 10  # bytes: the lines before the heading of a table are a screen at the most
_OF_TABLE = re.compile(rb"Benchmark +Time +CPU +Iterations")


class ReportError(Exception):
    """The file cannot be used; the text is one sentence for the user."""


class Damage(Exception):
    """What is wrong inside a document, without the file's name; and what to do about it, unless
    that is to take another copy."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.remedy = remedy


def read(path: Path) -> str:
    """The text of a file, without its byte-order mark; ReportError if there is none."""
    try:
        content = _bytes(path)
    except OSError as problem:
        what = f"cannot be read: {refusal.cause(problem)}"
        raise ReportError(f"{path}: {what}; {refusal.reading_remedy(problem)}") from None
    except ValueError:
        raise ReportError(f"{path}: no file can have this name; {GIVE}") from None
    except MemoryError:
        raise ReportError(f"{path}: there is not enough memory to read it; {GIVE}") from None
    text = _decoded(path, content)
    if not text.strip():
        remedy = "measure again with `waitwork run --out FILE`"
        raise ReportError(f"{path}: the file is empty; {remedy}")
    return text


def parse(path: Path, text: str) -> Any:
    """The JSON of a text; ReportError if it is not exactly one document."""
    try:
        return json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_float,
            parse_int=_integer,
            object_pairs_hook=_object,
        )
    except Damage as problem:
        raise ReportError(f"{path}: this is not JSON of a report: {problem}; {AGAIN}") from None
    except json.JSONDecodeError as problem:
        raise ReportError(f"{path}: {_not_json(problem, text)}") from None
    except RecursionError:
        what = "this is not JSON of a report: it is nested too deeply"
        raise ReportError(f"{path}: {what}; {GIVE}") from None
    except MemoryError:
        raise ReportError(f"{path}: there is not enough memory to parse it; {GIVE}") from None


def _bytes(path: Path) -> bytes:
    number = read_from(path)
    if number is not None:
        descriptor = os.dup(readable(number))
    else:
        # Looked at before it is opened: opening a pipe waits for its writer, a device may act.
        _refuse_endless(path, os.stat(path), by_descriptor=False)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        _refuse_endless(path, status, by_descriptor=number is not None)
        chunks, size = [], 0
        while chunk := os.read(descriptor, 1 << 20):
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST:
                raise _too_large(path)
        return b"".join(chunks)
    finally:
        os.close(descriptor)


def _refuse_endless(path: Path, status: os.stat_result, by_descriptor: bool) -> None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        if status.st_size > LARGEST:
            raise _too_large(path)
        return
    if stat.S_ISDIR(mode):
        raise ReportError(f"{path}: this is a directory; name the report in it")
    if by_descriptor and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or _ends(status)):
        return
    kind = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    raise ReportError(f"{path}: this is {kind} and no file; {GIVE}, or - for standard input")


def _ends(status: os.stat_result) -> bool:
    """Of devices a terminal, where someone types the end, and /dev/null."""
    major = os.major(status.st_rdev)
    return stat.S_ISCHR(status.st_mode) and (
        major in (4, 5) or 136 <= major <= 143 or status.st_rdev == os.makedev(1, 3)
    )


def _too_large(path: Path) -> ReportError:
    return ReportError(f"{path}: this has more than {LARGEST >> 20} MiB, as no report has; {GIVE}")


def _decoded(path: Path, content: bytes) -> str:
    if kind := _other_form(content):
        raise ReportError(f"{path}: {kind}")
    encoding = "utf-8"
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            encoding = name
            break
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as problem:
        where = f"byte {problem.start + 1} is none of {encoding.removesuffix('-sig').upper()}"
        raise ReportError(f"{path}: this is not text ({where}); {GIVE}") from None


def _other_form(content: bytes) -> str:
    """What it is and what to do, if it begins as something else of which a report can be made."""
    for beginning, kind in _PACKED.items():
        if content.startswith(beginning):
            return f"this is packed ({kind}) and no text; unpack it first"
    for beginning in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        if content.startswith(beginning):
            return _as_utf8("UTF-32")
    start = content[:4]
    if len(start) == 4 and start.count(0) in (2, 3):
        # A report begins with characters of ASCII: where the zeros are tells the width.
        for form, places in _ZEROS.items():
            if all((start[place] == 0) == (place in places) for place in range(4)):
                return _as_utf8(f"{form}, without a byte-order mark")
    first = content[:_LOOKED_AT].removeprefix(codecs.BOM_UTF8).splitlines()
    if any(line.startswith(b"name,iterations,real_time") for line in first):
        return f"this is CSV (--benchmark_out_format=csv) and no report; {GIVE} (--out)"
    if any(_OF_TABLE.match(line) for line in first):
        what = "this is the table for people (--benchmark_out_format=console) and no report"
        return f"{what}; {GIVE} (--out)"
    return ""


def _as_utf8(form: str) -> str:
    return f"this is {form}; write it as UTF-8 (iconv, or Out-File -Encoding utf8)"


def _not_json(problem: json.JSONDecodeError, text: str) -> str:
    where = f"line {problem.lineno}, column {problem.colno}"
    if problem.msg == "Extra data":
        if text.startswith(("{", "["), problem.pos):
            return (
                f"a second document begins at {where}: files were put one after the other;"
                " give each report by itself"
            )
        behind = text[problem.pos :].rstrip()
        what = "are zero bytes" if not behind.strip("\0") else "is something that is no part of it"
        return f"behind the report, from {where} on, there {what}; {AGAIN}"
    if problem.pos >= len(text.rstrip()) or problem.msg.startswith("Unterminated string"):
        return f"this was cut off at {where}: JSON that does not end; {AGAIN}"
    return f"this is not JSON, from {where} on; {AGAIN}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Damage(f'an object has "{twice[:100]}" twice')
    return made


def _refuse_constant(name: str) -> float:
    raise Damage(f"{name} is not a number of JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Damage(f"{text[:LONGEST_NUMBER]} is too large a number")
    return number


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise Damage(f"{text[:10]}… is a number of {len(text.lstrip('-'))} digits")
    return int(text)
