"""What the command lines of the tools share."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

MISSING_MODULE = 2


class Parser(argparse.ArgumentParser):
    """The tool's docstring is its help; a mistake is answered with one line and exit code 2."""

    def __init__(self, prog: str, description: str | None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def missing_module(prog: str, problem: ModuleNotFoundError) -> str:
    """What to say under an interpreter without the scientific packages."""
    return (
        f"{prog}: the module '{problem.name}' is missing; run under /usr/bin/python3 after"
        " apt-get install python3-numpy python3-scipy"
    )


def write_out(text: str) -> None:
    """To standard output, as UTF-8 in any locale; a reader that has seen enough is no error."""
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at exit, and that is to go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
