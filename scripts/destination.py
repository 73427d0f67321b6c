"""What a path that a user named stands for: a file to replace, or a place to write into.

A file is replaced by a rename. What is no regular file (a pipe, /dev/stdout, a terminal) is written
into, through the descriptor where the path names one: opening /dev/stdout anew would write over the
beginning of what it is redirected to.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from command_line import STANDARD

_DESCRIPTOR = re.compile(r"/(?:dev/fd|proc/self/fd|proc/thread-self/fd)/(\d{1,9})")
_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


@dataclass(frozen=True)
class Destination:
    """Where bytes go. One of the two members says how."""

    named: Path  # as the user has it, for messages
    file: Path | None = None  # to be replaced by rename
    descriptor: int | None = None  # open already: written in place, as is a `named` without both


def descriptor_of(path: Path) -> int | None:
    """The number, if a path names an open descriptor ("-" is not a path); None for any other."""
    text = os.path.normpath(path)
    found = _DESCRIPTOR.fullmatch(text)
    return int(found[1]) if found else _STREAMS.get(text)


def is_standard_output(path: Path) -> bool:
    """Whether what is written there mixes with what is printed."""
    if str(path) == STANDARD or descriptor_of(path) == 1:
        return True
    try:
        return identity(os.stat(path)) == identity(os.fstat(1)) and not _is_null(path)
    except (OSError, ValueError):
        return False


def same_file(one: Path, other: Path) -> bool:
    """Whether writing to one would write to the other, by whatever links or names."""
    if is_standard_output(one) and is_standard_output(other):
        return True
    try:
        if os.path.samefile(one, other):
            return not _is_null(one)
    except (OSError, ValueError):
        pass
    return os.path.realpath(one) == os.path.realpath(other) and not _is_null(one)


def destination(path: Path, follow_links: bool) -> Destination:
    """`follow_links`: the user named exactly this path. OSError if nothing can be written there."""
    if str(path) == STANDARD:
        return Destination(path, descriptor=1)
    number = descriptor_of(path)
    if number is not None:
        os.fstat(number)
        return Destination(path, descriptor=number)
    if not follow_links:
        return Destination(path, file=_replaceable(path, os.lstat, links=True))
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return Destination(path, file=Path(os.path.realpath(path)))
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        return Destination(path)
    if is_standard_output(path):
        return Destination(path, descriptor=1)
    return Destination(path, file=_replaceable(Path(os.path.realpath(path)), os.stat))


def _replaceable(
    path: Path, status_of: Callable[[Path], os.stat_result], links: bool = False
) -> Path:
    try:
        status = status_of(path)
    except FileNotFoundError:
        return path
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if links and stat.S_ISLNK(status.st_mode):
        return path
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
    # A rename asks only the folder; but whoever made a file read-only did not want it replaced.
    if not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    return path


def identity(status: os.stat_result) -> tuple[int, int]:
    return (status.st_dev, status.st_ino)


def _is_null(path: Path) -> bool:
    """/dev/null, where nothing is lost that was not thrown away."""
    try:
        return os.path.samefile(path, os.devnull)
    except (OSError, ValueError):
        return False
