"""What the command lines of the tools share."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
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

    def add_report(self, help: str) -> None:
        """The report that is read, and the form in which the answer is written: form()."""
        self.add_argument("report", type=Path, metavar="REPORT", help=help)
        form = self.add_mutually_exclusive_group()
        form.add_argument("--markdown", action="store_true", help="print Markdown")
        form.add_argument("--json", action="store_true", help="print JSON")

    @staticmethod
    def form(arguments: argparse.Namespace, output: ModuleType) -> Callable[..., str]:
        """The function of `output` that was asked for: plain, markdown or as_json."""
        if arguments.markdown:
            return output.markdown
        return output.as_json if arguments.json else output.plain

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}{self._nearest(message)}; see {self.prog} --help\n")

    def _nearest(self, message: str) -> str:
        """The option that an unknown one was perhaps meant to be."""
        known = [option for action in self._actions for option in action.option_strings]
        for word in message.split() if message.startswith("unrecognized") else []:
            found = difflib.get_close_matches(word.split("=")[0], known, n=1)
            if word.startswith("-") and found:
                return f"; nearest valid: {found[0]}"
        return ""


def missing_module(prog: str, problem: ModuleNotFoundError) -> str:
    """What to say under an interpreter without the scientific packages."""
    return (
        f"{prog}: the module '{problem.name}' is missing; run under /usr/bin/python3 after"
        " apt-get install python3-numpy python3-scipy"
    )


def run_tool(prog: str, main: Callable[[list[str]], int]) -> NoReturn:
    """The exit code of main(); 2 with one line where it cannot do its work. Python's own 1 for an
    uncaught exception would read as a regression."""
    try:
        code = main(sys.argv[1:])
    except OSError as problem:
        sys.stderr.write(f"{prog}: {problem.strerror}: {problem.filename or 'standard output'}\n")
        code = 2
    except Exception as problem:  # noqa: BLE001: whatever it is, it is no verdict
        what = f"{type(problem).__name__}: {problem}"
        sys.stderr.write(f"{prog}: this is a mistake of the tool, not of the report ({what})\n")
        code = 2
    sys.exit(code)


def write_out(text: str) -> None:
    """To standard output, as UTF-8 in any locale; a reader that has seen enough is no error."""
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.flush()
    except OSError as problem:
        # The interpreter flushes once more at exit, and that is to go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(problem, BrokenPipeError):
            raise
