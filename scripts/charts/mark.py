# SPDX-License-Identifier: Apache-2.0
"""What tells a file that chart.py made from a file of a user's that happens to have its name.

Each form has the mark at its beginning, where no other program that takes the file over leaves it:
an editor of pictures or pages that writes a file anew writes its own beginning. It is the same in
every file, so that the same report gives the same bytes.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

WORDS = "waitwork chart.py"

HTML_HEAD = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    f'<meta name="generator" content="{WORDS}">\n'
)
SVG_HEAD = f'<?xml version="1.0" encoding="utf-8"?>\n<!-- {WORDS} -->\n<svg '
PNG_TEXT = {"Software": WORDS}
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNK = b"tEXtSoftware\0" + WORDS.encode()
_LOOKED_AT = 512  # bytes; in a PNG the text is the second chunk


def is_ours(path: Path, content: bytes) -> bool:
    """Whether what is at `path` may be replaced by `content`: nothing is there, or a file of ours,
    or the same. A link counts as what it leads to."""
    try:
        if not os.path.lexists(path):
            return True
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a device may act
            return False
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return False
        there = os.pread(descriptor, _LOOKED_AT, 0)
        if has_mark(there):
            return True
        if status.st_size != len(content):
            return False
        return os.pread(descriptor, len(content) + 1, 0) == content
    except OSError:
        return False
    finally:
        os.close(descriptor)


def has_mark(content: bytes) -> bool:
    """Of the beginning of a file."""
    if content.startswith(_PNG_SIGNATURE):
        return _PNG_CHUNK in content[:_LOOKED_AT]
    return content.startswith((HTML_HEAD.encode(), SVG_HEAD.encode()))
