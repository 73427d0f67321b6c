# SPDX-License-Identifier: Apache-2.0
"""What the command lines of the tools share."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import IO, NoReturn

import refusal
import standard_streams

MISSING_MODULE = 2
UNUSABLE = 2  # wrong usage, a file that cannot be read or written, standard output likewise
STANDARD = "-"


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
        self.add_argument("report", type=source, metavar="REPORT", help=help)
        form = self.add_mutually_exclusive_group()
        form.add_argument("--markdown", action="store_true", help="print Markdown")
        form.add_argument("--json", action="store_true", help="print JSON")

    @staticmethod
    def form(arguments: argparse.Namespace, output: ModuleType) -> Callable[..., str]:
        """The function of `output` that was asked for: plain, markdown or as_json."""
        if arguments.markdown:
            return output.markdown
        return output.as_json if arguments.json else output.plain

    def print_help(self, file: IO[str] | None = None) -> None:
        if code := write_out(self.prog, self.format_help()):
            sys.exit(code)

    def error(self, message: str) -> NoReturn:
        complain(self.prog, f"{message}{self._nearest(message)}; see {self.prog} --help")
        sys.exit(UNUSABLE)

    def _nearest(self, message: str) -> str:
        """The option that an unknown one was perhaps meant to be."""
        known = [option for action in self._actions for option in action.option_strings]
        for word in message.split() if message.startswith("unrecognized") else []:
            found = difflib.get_close_matches(word.split("=")[0], known, n=1)
            if word.startswith("-") and found:
                return f"; nearest valid: {found[0]}"
        return ""


def source(text: str) -> Path:
    """A file to read, or "-" for standard input."""
    return _file(text, "name a report")


def target(text: str) -> Path:
    """A file to write to, or "-" for standard output."""
    return _file(text, "name one")


def folder(text: str) -> Path:
    """A folder to write into."""
    return _place(text, "name one")


def _file(text: str, remedy: str) -> Path:
    """The kernel takes "x/" for a folder; Python would silently make "x" of it."""
    path = _place(text, remedy)
    if text.endswith(("/", "/.")) and not os.path.isdir(path):
        raise argparse.ArgumentTypeError(f"'{text}' is the name of a folder: {remedy} without /")
    return path


def _place(text: str, remedy: str) -> Path:
    """ "--markdown --junit" has forgotten a name, and a file "--junit" is what no one wants."""
    if not text:
        raise argparse.ArgumentTypeError(f"an empty name is no file: {remedy}")
    if text.startswith("-") and text != STANDARD:
        raise argparse.ArgumentTypeError(f"'{text}' is an option and no name: write ./{text}")
    return Path(text)


def missing_module(prog: str, problem: ImportError, more_packages: str = "") -> NoReturn:
    """Ends a tool under an interpreter without the scientific packages."""
    broken = not isinstance(problem, ModuleNotFoundError)
    complain(
        prog,
        f"the module '{problem.name or problem}'"
        f" {'cannot be loaded' if broken else 'is missing'}; run under"
        f" /usr/bin/python3 after apt-get install python3-numpy python3-scipy{more_packages}",
    )
    sys.exit(MISSING_MODULE)


def complain(prog: str, sentence: str) -> None:
    """One line on standard error."""
    standard_streams.put_error(f"{prog}: {sentence}")


def write_out(prog: str, text: str, code: int = 0) -> int:
    """Prints, and returns the exit code: `code`, a verdict, unless that would say that all is well
    although nobody could read it."""
    try:
        standard_streams.put(text)
    except OSError as problem:
        complain(prog, f"{refusal.cause(problem)}: standard output; {refusal.remedy(problem)}")
        return code or UNUSABLE
    return code


def run_tool(prog: str, main: Callable[[list[str]], int]) -> NoReturn:
    """Ends the process with the exit code of main()."""
    sys.exit(exit_code(prog, main, sys.argv[1:]))


def exit_code(prog: str, main: Callable[[list[str]], int], argv: list[str]) -> int:
    """That of main(); 2 with one line where it cannot do its work. Python's own 1 for an uncaught
    exception would read as a regression."""
    try:
        return main(argv)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else UNUSABLE
    except MemoryError:
        complain(prog, "there is not enough memory for this report; give a smaller one")
    except OSError as problem:
        where = f": {os.fsdecode(problem.filename)}" if problem.filename else ""
        complain(prog, f"{refusal.cause(problem)}{where}; {refusal.remedy(problem)}")
    except Exception as problem:  # noqa: BLE001: whatever it is, it is no verdict
        what = f"{type(problem).__name__}: {problem}"
        complain(prog, f"this is a mistake of the tool, not of the report ({what})")
    return UNUSABLE
