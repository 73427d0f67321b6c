# SPDX-License-Identifier: Apache-2.0
"""Whether a report still has the bytes that the program wrote.

The program writes over its own text, with eight zeros in the place of the digest, the CRC-32 that
then takes that place. CRC-32 finds every error of up to 32 neighbouring bits and misses one in four
thousand million of the others: enough against bad copies and slips of an editor, which is what it
is for; it is no signature. A file that another program has written anew (jq, json.dump) has other
bytes and the same figures. That it was rewritten is seen from its layout. Ours has two marks that
no such program leaves, and either suffices: a row, of those measured and of those declared, begins
a line and has no space behind its first colon; and other colons of the same file do have one, where
a program writes all of them alike. So neither the indentation nor a line more or less decides, nor
whether there are measurements: every run declares rows.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

from report_text import ReportError

SINCE = (1, 4)  # the schema's version from which on a report has one
UNCHECKED = "none"  # says that a file was changed on purpose
_FORM = re.compile(r"crc32:([0-9a-f]{8})")
_ROW_ON_A_LINE = re.compile(r'^[ \t]*\{"name":"', re.MULTILINE)
_KEY = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s*(:)(\s?))?', re.DOTALL)
_REMEDY = (
    "take another copy, or measure again (if it was changed on purpose, set waitwork.digest to"
    ' "none")'
)


def check(path: Path, text: str, meta: dict[str, Any]) -> str:
    """What is to be said of a file that can be read although its digest says nothing, or an empty
    text; ReportError if it is damaged. `text`: as it was read, without a byte-order mark."""
    digest = meta.get("digest")
    if digest == UNCHECKED:
        return ""
    if digest is None and _version(meta) < SINCE:
        return ""
    if digest is None:
        if _is_our_layout(text):
            raise ReportError(f"{path}: waitwork.digest is missing: the file is damaged; {_REMEDY}")
        return _rewritten(path)
    if not isinstance(digest, str) or _FORM.fullmatch(digest) is None:
        raise ReportError(f"{path}: waitwork.digest is no digest: the file is damaged; {_REMEDY}")
    if digest == of_text(text, digest):
        return ""
    if _is_our_layout(text):
        raise ReportError(
            f"{path}: the file is damaged or was edited by hand: its digest is {digest} and its"
            f" text gives {of_text(text, digest)}; {_REMEDY}"
        )
    return _rewritten(path)


def of_text(text: str, digest: str) -> str:
    """The digest that a text should have, in which `digest` stands as it does now."""
    before, found, after = text.replace("\r", "").rpartition(digest)
    if found:
        text = f"{before}crc32:{'0' * 8}{after}"
    return f"crc32:{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"


def _is_our_layout(text: str) -> bool:
    if _ROW_ON_A_LINE.search(text):
        return True
    spaced = {bool(found[2]) for found in _KEY.finditer(text) if found[1]}
    return len(spaced) == 2


def _version(meta: dict[str, Any]) -> tuple[int, int]:
    """Of a schema that was found to be a version of ours."""
    numbers = [int(part) for part in meta["schema"].split(".")[:2]]
    return (numbers[0], numbers[1] if len(numbers) > 1 else 0)


def _rewritten(path: Path) -> str:
    return f"{path}: another program has written this report anew: its digest cannot be checked"
