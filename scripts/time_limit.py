# SPDX-License-Identifier: Apache-2.0
"""Ends what a user's text can make endless: a regular expression of Python's module re may take
longer than the universe lasts ("(([a-z_/]+)+)+!"), and knows no limit of its own.

The limit is of CPU time of this process, so that a busy machine does not change what is refused. It
needs the main thread, and code that answers signals, as re does.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


class TooSlow(Exception):
    """It took longer than it may."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """TooSlow if what is done in it takes more CPU time."""

    def end(_number: int, _frame: Any) -> NoReturn:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, end)
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
