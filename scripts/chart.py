#!/usr/bin/env python3
"""Draws a waitwork report: six charts as SVG and PNG, and one index.html that works offline.

The charts: the decision matrix (which strategy wins at which size), units per second against
units in flight, gain over sequential, CPU time and context switches per unit, latency percentiles,
and the roofline of kernels, where rows say what a unit needs at the least; each with its numbers as
a table. What to use is decided by scripts/analysis.py, as
for scripts/advise.py. Prints the path of the page.

Exit codes: 0 drawn, 2 the report cannot be used or the directory cannot be written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from command_line import MISSING_MODULE, Parser, run_tool, write_out

try:
    import analysis
    from charts import (
        cost,
        decision_matrix,
        gain,
        latency,
        page,
        picture,
        roofline,
        style,
        throughput,
    )
    from report import Report, ReportError, load
except ModuleNotFoundError as problem:
    print(
        (
            f"chart.py: the module '{problem.name}' is missing; use /usr/bin/python3, and install"
            " python3-numpy python3-scipy python3-matplotlib python3-jinja2"
        ),
        file=sys.stderr,
    )
    sys.exit(MISSING_MODULE)

CHARTS = (decision_matrix, throughput, gain, cost, latency, roofline)


def main(argv: list[str]) -> int:
    parser = Parser("chart.py", __doc__)
    parser.add_argument(
        "report", type=Path, metavar="REPORT", help="a report that `waitwork run` wrote"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="DIR", help="where to write (default: beside the report)"
    )
    arguments = parser.parse_args(argv)
    try:
        files = draw(load(arguments.report))
    except ReportError as problem:
        print(f"chart.py: {problem}", file=sys.stderr)
        return 2
    directory: Path = arguments.out or arguments.report.parent
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (directory / name).write_bytes(content)
    except OSError as problem:
        print(
            (
                f"chart.py: {problem.filename or directory}: cannot be written: {problem.strerror};"
                " name another directory with -o"
            ),
            file=sys.stderr,
        )
        return 2
    write_out(f"{directory / 'index.html'}\n")
    return 0


def draw(report: Report) -> dict[str, bytes]:
    """Every file of the charts by name; the same report gives the same bytes."""
    style.use_style()
    decisions = analysis.decide(report)
    drawn_or_not = [module.draw(report, decisions) for module in CHARTS]
    drawings = [drawing for drawing in drawn_or_not if drawing is not None]
    caption = page.caption(report)
    charts = [(drawing, picture.render(drawing, caption)) for drawing in drawings]
    files: dict[str, bytes] = {}
    for drawing, drawn in charts:
        files[f"{drawing.key}.svg"] = drawn.svg.encode()
        files[f"{drawing.key}.png"] = drawn.png
    files["index.html"] = page.render(report, decisions, charts).encode(errors="replace")
    return files


if __name__ == "__main__":
    run_tool("chart.py", main)
