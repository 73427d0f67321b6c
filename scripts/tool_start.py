# SPDX-License-Identifier: Apache-2.0
"""The first thing that a tool imports: from here on it ends as it should, whatever happens.

An interrupt is 130 without a word, and an exception that nobody catches is 2 with one line on
standard error: Python's own 1 would read as a regression. That holds while the rest is imported as
well, so nothing is imported here that Python has not loaded already: a module of the standard
library may be hidden by a broken one of the same name (PYTHONPATH), and loading takes time in which
an interrupt would end in a traceback. standard_streams.prepare() puts a handler of its own in the
place of the one here.

What lies before this, Python's own start, is out of reach.
"""

from __future__ import annotations

import _signal  # what the module signal wraps; that one loads enum and more first
import os
import sys
from types import TracebackType

INTERRUPTED = 130  # as a shell says it: 128 and the signal
UNUSABLE = 2


def _interrupted(_number: int, _frame: object) -> None:
    os._exit(INTERRUPTED)


def _uncaught(
    kind: type[BaseException], problem: BaseException, _trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        os._exit(INTERRUPTED)
    said = "".join(each if each.isprintable() else " " for each in str(problem))[:300]
    sentence = (
        f"{os.path.basename(sys.argv[0])}: cannot start: {kind.__name__}: {said};"
        " run it under /usr/bin/python3 without PYTHON* in the environment, from a whole copy\n"
    )
    try:
        os.write(2, sentence.encode("utf-8", "replace"))
    except OSError:
        pass
    os._exit(UNUSABLE)


if _signal.getsignal(_signal.SIGINT) is not _signal.SIG_IGN:  # as nohup and "&" in a script do
    _signal.signal(_signal.SIGINT, _interrupted)
sys.excepthook = _uncaught
