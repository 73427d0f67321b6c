# SPDX-License-Identifier: Apache-2.0
"""What the machine can do at most, as a report has it: what a roofline's ceilings are.

A level's bandwidth is that of reading or of copying, whichever is faster: what no mix of the two
exceeds. Any figure may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from report import Report


@dataclass(frozen=True)
class Ceiling:
    """One limit: operations or bytes per second, by one worker and by all of them at once."""

    name: str  # "f32", "f64", "L1", "memory"
    one: float | None
    every: float | None


def of_report(report: Report) -> dict[str, Any]:
    """Empty if they were not measured."""
    return report.context["waitwork"].get("limits", {})


def workers(report: Report) -> int:
    """How many "all" are."""
    return int(of_report(report).get("workers", report.machine["cpus_effective"]))


def peaks(report: Report) -> list[Ceiling]:
    """Of arithmetic, in operations per second."""
    limits = of_report(report)
    return _known(
        Ceiling(name, limits.get(f"{name}_flops_one"), limits.get(f"{name}_flops_all"))
        for name in ("f32", "f64")
    )


def bandwidths(report: Report) -> list[Ceiling]:
    """Of each level of memory, in bytes per second, the nearest first."""
    limits = of_report(report)
    levels = [(cache["level"], cache) for cache in limits.get("caches", [])]
    return _known(
        Ceiling(name, _fastest(figures, "one"), _fastest(figures, "all"))
        for name, figures in [*levels, ("memory", limits)]
    )


def missing(report: Report) -> str:
    """What of it the report lacks, as a sentence; empty if it has all."""
    if not of_report(report):
        return " The machine's limits were not measured: there is no ceiling and no share."
    known = {each.name: each for each in [*peaks(report), *bandwidths(report)]}
    lost = [name for name in ("f32", "f64", "memory") if name not in known]
    if not any(name.startswith("L") for name in known):
        lost.append("caches")
    which = "one worker" if workers(report) > 1 else ""
    lost += [f"{name} by {which}" for name, each in known.items() if which and each.one is None]
    if workers(report) > 1:
        lost += [f"{name} by all workers" for name, each in known.items() if each.every is None]
    return f" Limits that were not measured: {', '.join(lost)}." if lost else ""


def _fastest(figures: dict[str, Any], who: str) -> float | None:
    found = [figures.get(f"{kind}_bytes_per_second_{who}") for kind in ("read", "copy")]
    return max((rate for rate in found if rate is not None), default=None)


def _known(ceilings: Any) -> list[Ceiling]:
    return [each for each in ceilings if each.one is not None or each.every is not None]
