# SPDX-License-Identifier: Apache-2.0
"""Imports matplotlib so that neither the current directory nor the environment has a say.

While it is imported matplotlib reads a file `matplotlibrc`, from the current directory before any
other place, and MPLBACKEND. A wrong one ends in a traceback, a named pipe or a link to /dev/zero
never ends, and one that is right gives other charts (usetex). There is no way to tell it not to; so
it is imported while this folder, whose matplotlibrc is empty, is the current one.

Imported before everything else that imports matplotlib.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent


@contextmanager
def _in(folder: Path) -> Iterator[None]:
    """In that folder; then back, by descriptor, since the old one may have no name any more."""
    before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(folder)
        yield
    finally:
        try:
            os.fchdir(before)
        finally:
            os.close(before)


os.environ.pop("MPLBACKEND", None)
# Where the folder cannot be entered: the second place that it looks in.
os.environ["MATPLOTLIBRC"] = str(HERE / "matplotlibrc")
if "matplotlib" not in sys.modules:
    with _in(HERE):
        import matplotlib  # noqa: F401
