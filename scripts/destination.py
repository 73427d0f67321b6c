# SPDX-License-Identifier: Apache-2.0
"""What a path that a user named stands for: a file to replace, or a place to write into.

A file is replaced by a rename. What is no regular file (a pipe, /dev/stdout, a terminal) is written
into, through the descriptor where the path names one: opening /dev/stdout anew would write over the
beginning of what it is redirected to.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import standard_streams
from command_line import STANDARD
from refusal import Refused

# Behind links, /dev/fd is /proc/<process>/fd.
_DESCRIPTOR = re.compile(
    r"//?(?:dev/fd|proc/(?:self|thread-self|(?P<process>\d+))(?:/task/\d+)?/fd)/(?P<number>\d{1,9})"
)
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
    try:
        folder, name = os.path.split(text)
        behind_links = os.path.join(os.path.realpath(folder), name)
    except (OSError, ValueError):
        behind_links = text
    for each in (text, behind_links):
        found = _DESCRIPTOR.fullmatch(each)
        if found and found["process"] in (None, str(os.getpid())):
            return int(found["number"])
        name = f"/{each.lstrip('/')}"  # "//" at the beginning stays in a path, and means the same
        if name in _STREAMS:
            return _STREAMS[name]
    return None


def read_from(path: Path) -> int | None:
    """The descriptor that a report of this name is read from; None for a file."""
    return 0 if str(path) == STANDARD else descriptor_of(path)


def one_stream(one: Path, other: Path) -> bool:
    """Whether the second to be read would find what the first left of it: nothing."""
    first, second = read_from(one), read_from(other)
    if first is None or second is None:
        return False
    if first == second:
        return True
    try:
        status = os.fstat(first)
        if identity(status) != identity(os.fstat(second)):
            return False
        return not stat.S_ISREG(status.st_mode) or _share_their_place(first, second)
    except OSError:
        return False


def would_replace(target: Path, read: Path) -> bool:
    """Whether writing to `target` would destroy the report that `read` names."""
    if read_from(read) is None and str(target) != STANDARD:
        return same_file(target, read)
    try:
        there, here = _status(target, 1), _status(read, 0)
    except (OSError, ValueError):
        return False
    return identity(there) == identity(here) and stat.S_ISREG(here.st_mode)


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
        return Destination(path, descriptor=_writable(number))
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


def _writable(number: int) -> int:
    os.fstat(number)
    if number in standard_streams.closed_at_start:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise Refused(errno.EBADF, "it is open for reading only: name a file")
    return number


def readable(number: int) -> int:
    """The number; OSError if nothing can be read there."""
    os.fstat(number)
    if number in standard_streams.closed_at_start:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY:
        raise Refused(errno.EBADF, "it is open for writing only: name a report")
    return number


def _status(path: Path, standard: int) -> os.stat_result:
    """`standard`: which stream "-" is."""
    number = standard if str(path) == STANDARD else descriptor_of(path)
    return os.stat(path) if number is None else os.fstat(number)


def _share_their_place(one: int, other: int) -> bool:
    """Whether one is a copy of the other (3<&0), which moves on with it."""
    before, place = os.lseek(one, 0, os.SEEK_CUR), os.lseek(other, 0, os.SEEK_CUR)
    os.lseek(one, before + 1, os.SEEK_SET)
    moved = os.lseek(other, 0, os.SEEK_CUR) != place
    os.lseek(one, before, os.SEEK_SET)
    return moved


def identity(status: os.stat_result) -> tuple[int, int]:
    return (status.st_dev, status.st_ino)


def _is_null(path: Path) -> bool:
    """/dev/null, where nothing is lost that was not thrown away."""
    try:
        return os.path.samefile(path, os.devnull)
    except (OSError, ValueError):
        return False
