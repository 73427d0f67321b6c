#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says for each workload of a report which strategy to use, at what size, what that gains and
costs, and why.

The gain is over sequential, with its 95 % interval over rounds; CPU is user and system time of a
unit without that of a server, switches are context switches of a unit. "Wins from" is the smallest
number of units in flight from which on the advice is ahead of every strategy that it ever gets
ahead of. "Not separated from" names the strategies whose best the data does not tell apart from it;
then the cheapest is advised: the one with the fewest threads, then the simplest strategy, then the
fewest units in flight. Where a unit can be split over several workers, it is said what that does
for the time of one unit. How it is decided: scripts/analysis.py.

Exit codes: 0 done, 2 wrong usage, a report that cannot be read or has means only, or a standard
output that cannot be written; 130 interrupted.
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

from command_line import UNUSABLE, Parser, complain, missing_module, run_tool, write_out

PROG = "advise.py"

try:
    import advice_output
    from analysis import decide
    from report import ReportError, load
except ImportError as problem:
    missing_module(PROG, problem)


def main(argv: list[str]) -> int:
    parser = Parser(PROG, __doc__)
    parser.add_report("a report that `waitwork run` wrote")
    arguments = parser.parse_args(argv)
    try:
        report = load(arguments.report)
    except ReportError as problem:
        complain(PROG, str(problem))
        return UNUSABLE
    if report.remark:
        complain(PROG, report.remark)
    return write_out(PROG, parser.form(arguments, advice_output)(report, decide(report)))


if __name__ == "__main__":
    run_tool(PROG, main)
