# SPDX-License-Identifier: Apache-2.0
"""The three standard streams of a tool, which may be closed, full, or a pipe whose reader has gone.

A wrapper that closes descriptor 1 leaves its number to the next file that is opened, and what is
printed then lands in that file. So prepare() gives every closed one to /dev/null first, opened the
wrong way round: a read or write there still fails with EBADF as it would have, and is reported.
Everything is written past Python's buffers, whose second try at exit would print a traceback.

Imports nothing that takes long: prepare() has to run before numpy is imported.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import escape

INTERRUPTED = 130  # as a shell says it: 128 and the signal

# What to undo on SIGINT, the last first; the handler ends the process without unwinding.
undo_on_interrupt: list[Callable[[], None]] = []
closed_at_start: set[int] = set()  # of the three
_holding = False  # whether SIGINT is to wait
_waiting = False  # whether one does


def prepare() -> None:
    """For a process that is a tool, once, before anything else is opened or imported."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:  # the lowest free number is the one that is opened next
            closed_at_start.add(descriptor)
            os.open(os.devnull, os.O_RDONLY if descriptor else os.O_WRONLY)
    # What libraries have to say is for programmers; standard error has one line, and it is ours.
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as nohup and "&" in a script do
        signal.signal(signal.SIGINT, _end)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What is done in it is done to its end: SIGINT waits that long. A signal mask would not do,
    since another thread, of a library, may take the signal."""
    global _holding, _waiting
    _holding = True
    try:
        yield
    finally:
        _holding = False
        if _waiting:
            _leave()


def _end(_number: int, _frame: Any) -> None:
    global _waiting
    if _holding:
        _waiting = True
    else:
        _leave()


def _leave() -> NoReturn:
    for undo in reversed(undo_on_interrupt):
        try:
            undo()
        except OSError:
            pass
    os._exit(INTERRUPTED)


def put(text: str) -> None:
    """To standard output, as UTF-8 in any locale, with no line that a CI system would obey. A
    reader that has seen enough is no error; any other failure is an OSError."""
    _write(sys.stdout, escape.lines(text))


def put_error(sentence: str) -> None:
    """A line to standard error; where that cannot be written there is no one left to tell."""
    try:
        _write(sys.stderr, escape.lines(escape.plain(sentence)) + "\n")
    except OSError:
        pass


def write_all(descriptor: int, content: bytes) -> None:
    """Every byte, also to a pipe that somebody made non-blocking; OSError if that fails."""
    rest = memoryview(content)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


def _write(stream: Any, text: str) -> None:
    if stream is None:  # Python's word for a stream that was closed when it started
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    content = text.encode("utf-8", "replace")
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError, AttributeError):  # no file: a test, or a program that imports us
        descriptor = None
    try:
        if descriptor is not None:
            stream.flush()
            write_all(descriptor, content)
        elif hasattr(stream, "buffer"):
            stream.buffer.write(content)
            stream.flush()
        else:
            stream.write(content.decode("utf-8"))
    except BrokenPipeError:
        pass
