#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws a waitwork report: six charts as SVG and PNG, and one index.html that works offline.

The charts: the decision matrix (which strategy wins at which size), units per second against
units in flight, gain over sequential, CPU time and context switches per unit, latency percentiles,
and the roofline of kernels, where rows say what a unit needs at the least; each with its numbers as
a table. What to use is decided by scripts/analysis.py, as
for scripts/advise.py. Prints the path of the page.

All files are written or none. What an earlier run drew is replaced, and a chart of it that this
report has none of is removed; a file of these names that chart.py did not make is left alone, and
nothing is written.

Exit codes: 0 drawn; 2 wrong usage, a report that cannot be used, or a directory or standard output
that cannot be written; 130 interrupted.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # First of all, and found also where Python is told to leave a script's folder out (-P, -I).
    sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
    import tool_start  # noqa: F401

import standard_streams

if __name__ == "__main__":
    standard_streams.prepare()

import stat
from pathlib import Path

import refusal
from command_line import (
    STANDARD,
    UNUSABLE,
    Parser,
    complain,
    folder,
    missing_module,
    run_tool,
    source,
    write_out,
)
from destination import descriptor_of, same_file
from whole_files import made_folder, write_whole

PROG = "chart.py"

try:
    from charts import own_matplotlib  # isort: skip; before anything that imports matplotlib
    import analysis
    from charts import (
        cost,
        decision_matrix,
        gain,
        latency,
        mark,
        page,
        picture,
        roofline,
        style,
        throughput,
    )
    from report import Report, ReportError, load
except ImportError as problem:
    missing_module(PROG, problem, " python3-matplotlib python3-jinja2")

CHARTS = (decision_matrix, throughput, gain, cost, latency, roofline)
KEYS = ("matrix", "throughput", "gain", "cost", "latency", "roofline")  # of their files


def main(argv: list[str]) -> int:
    parser = Parser(PROG, __doc__)
    parser.add_argument(
        "report", type=source, metavar="REPORT", help="a report that `waitwork run` wrote"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=folder,
        metavar="DIR",
        help="where to write (default: beside the report)",
    )
    arguments = parser.parse_args(argv)
    path: Path = arguments.report
    directory: Path | None = arguments.out
    if directory is None:
        if str(path) == STANDARD or descriptor_of(path) is not None or _is_special(path):
            parser.error(f"{path} has no folder: name one with -o")
        directory = path.parent
    elif str(directory) == STANDARD:
        parser.error("- is no folder: a page and its charts are several files; name one with -o")
    elif os.path.lexists(directory) and not os.path.isdir(directory):
        parser.error(f"{directory} is no folder: name a folder with -o")
    try:
        report = load(path)
    except ReportError as problem:
        complain(PROG, str(problem))
        return UNUSABLE
    if report.remark:
        complain(PROG, report.remark)
    return _write(path, directory, draw(report))


def _write(report: Path, directory: Path, files: dict[str, bytes]) -> int:
    contents = {directory / name: content for name, content in files.items()}
    for path, content in contents.items():
        if os.path.isdir(path):
            sentence = "a folder is where a chart goes; remove or rename it, or name another"
            complain(PROG, f"{path}: {sentence} with -o")
            return UNUSABLE
        if same_file(path, report):
            sentence = "this is the report, and a chart would replace it; name another with -o"
            complain(PROG, f"{path}: {sentence}")
            return UNUSABLE
        if not mark.is_ours(path, content):
            sentence = "this was not drawn by chart.py, and a chart would replace it; move it, or"
            complain(PROG, f"{path}: {sentence} name another folder with -o")
            return UNUSABLE
    try:
        with made_folder(directory):
            write_whole(contents, follow_links=False)
        _remove_old(directory, files)
    except OSError as problem:
        where = os.fsdecode(problem.filename or directory)
        what = f"{where}: cannot be written: {refusal.cause(problem)}"
        complain(PROG, f"{what}; {refusal.remedy(problem)}, with -o")
        return UNUSABLE
    return write_out(PROG, f"{directory / 'index.html'}\n")


def _is_special(path: Path) -> bool:
    """What is there and neither a file nor a folder; the latter load() answers."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _remove_old(directory: Path, files: dict[str, bytes]) -> None:
    """Charts of an earlier report that this one has none of: they would pass as its own."""
    for name in (f"{key}.{form}" for key in KEYS for form in ("svg", "png")):
        path = directory / name
        if name not in files and os.path.isfile(path) and not os.path.islink(path):
            if mark.is_ours(path, b""):
                path.unlink()


def draw(report: Report) -> dict[str, bytes]:
    """Every file of the charts by name; the same report gives the same bytes."""
    style.use_style()
    decisions = analysis.decide(report)
    drawn_or_not = [module.draw(report, decisions) for module in CHARTS]
    drawings = [drawing for drawing in drawn_or_not if drawing is not None]
    caption = page.caption(report)
    assert {drawing.key for drawing in drawings} <= set(KEYS)
    charts = [(drawing, picture.render(drawing, caption)) for drawing in drawings]
    files: dict[str, bytes] = {}
    for drawing, drawn in charts:
        files[f"{drawing.key}.svg"] = drawn.svg.encode("utf-8", "replace")
        files[f"{drawing.key}.png"] = drawn.png
    files["index.html"] = page.render(report, decisions, charts).encode(errors="replace")
    return files


if __name__ == "__main__":
    run_tool(PROG, main)
