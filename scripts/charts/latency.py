# SPDX-License-Identifier: Apache-2.0
"""Latency of a unit by percentile: what the rate of a strategy's best row costs who waits in it.

The horizontal axis is 1/(1 - p), logarithmic, as in Gil Tene's HdrHistogram plots: each step to
the right is ten times rarer, so that the tail gets the room that it deserves. The maximum has no
percentile and stands apart, at the right.
"""

from __future__ import annotations

import math

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from charts import style
from charts.drawing import (
    Drawing,
    Frame,
    common_span,
    empty_figure,
    filled,
    head,
    hollow,
    legend,
    log_scale,
    panels,
    split_key,
    strategy_keys,
    write,
)
from charts.rows import best_rows, in_words
from charts.tables import Column, Table, duration, duration_tick, whole
from decision import Decision, size_words
from report import Report, Row

Best = dict[str, list[Row]]  # by subject

# Field, name, place on the axis as 1/(1 - p).
MARKS = (
    ("p50_ns", "p50", 2.0),
    ("p90_ns", "p90", 10.0),
    ("p99_ns", "p99", 100.0),
    ("p999_ns", "p99.9", 1000.0),
    ("max_ns", "max", 6000.0),
)
CURVE_ENDS = 1000.0  # the axis goes no further than p99.9
BEYOND = 4  # the curve stops where fewer units than this are left: their order is chance
FEWEST_UNITS = 40
READING_OF_SPLITS = (
    " Hollow markers are one unit at a time, split over several workers: what parallel does for who"
    " waits for one unit."
)


def draw(report: Report, decisions: list[Decision]) -> Drawing:
    """One panel a workload: percentiles with their spread over rounds, all units as a curve."""
    best = {
        decision.name: [row for row in _rows(decision) if row.median("p50_ns")]
        for decision in decisions
    }
    if any(best.values()):
        figure = _figure(best)
    else:
        figure = empty_figure("No row was measured: there is no latency to draw.")
    return Drawing(
        key="latency",
        title="Latency of a unit",
        reading=(
            "How long a unit takes from its start to its answer at each strategy's best size: half"
            " of the units are done by p50, all but one in a thousand by p99.9. Markers are medians"
            " over rounds, whiskers reach from the best to the worst round; the thin curve pools"
            " the units of all rounds and ends where too few are left to tell. More in flight means"
            " more units per second and, past saturation, a longer wait for each."
            + (READING_OF_SPLITS if any(row.split for _, row in _listed(best)) else "")
        ),
        alt=_alt(best),
        figure=figure,
        table=_table(best),
    )


def _rows(decision: Decision) -> list[Row]:
    """The best of each strategy; and what splitting does for one unit, which is a latency."""
    rows = list(best_rows(decision).values())
    if decision.split is not None and decision.split.row not in rows:
        rows.append(decision.split.row)
    return rows


def _listed(best: Best) -> list[tuple[str, Row]]:
    return [(subject, row) for subject, rows in best.items() for row in rows]


def _figure(best: Best) -> Figure:
    drawn = [subject for subject, rows in best.items() if rows]
    spans = dict(
        zip(drawn, common_span([_extent(best[subject]) for subject in drawn]), strict=True)
    )
    columns = 4 if len(best) > 4 else max(1, len(best))
    figure, axes = panels(
        len(best), columns, 1.62 if len(best) > 1 else 3.2, Frame(left=0.72, between_columns=0.62)
    )
    for index, (panel, (subject, rows)) in enumerate(zip(axes, best.items(), strict=True)):
        head(panel, subject)
        _percentile_scale(panel)
        if index % columns == 0:
            panel.set_ylabel("latency of a unit")
        if subject not in spans:
            panel.set_yticks([])
            write(panel, "nothing measured", (0.5, 0.6), xycoords="axes fraction", ha="center")
            continue
        log_scale(panel.yaxis, *spans[subject], duration_tick)
        panel.grid(True, axis="y")
        for position, row in enumerate(rows):
            _line(panel, style.STRATEGIES[row.strategy], row, nudge=1.05 ** (position - 1.5))
    rows = [row for _, row in _listed(best)]
    keys = strategy_keys({row.strategy for row in rows})
    legend(figure, [*keys, *([split_key()] if any(row.split for row in rows) else [])])
    return figure


def _extent(rows: list[Row]) -> tuple[float, float]:
    values = [
        value for row in rows for field, _, _ in MARKS for value in row.values(field).values()
    ]
    values = [value for value in values if value > 0]
    return min(values), max(values)


def _percentile_scale(panel: Axes) -> None:
    panel.set_xscale("log")
    panel.set_xlim(1.4, 10000.0)
    panel.xaxis.set_major_locator(FixedLocator([place for _, _, place in MARKS]))
    panel.xaxis.set_major_formatter(FixedFormatter([name for _, name, _ in MARKS]))
    panel.xaxis.set_minor_locator(NullLocator())


def _line(panel: Axes, look: style.Look, row: Row, nudge: float) -> None:
    """`nudge` parts the whiskers of strategies that coincide."""
    places, medians = [], []
    for field, _, place in MARKS:
        values = [value for value in row.values(field).values() if value > 0]
        if values:
            places.append(place * nudge)
            medians.append(row.median(field))
            panel.vlines(place * nudge, min(values), max(values), color=look.colour, linewidth=1.2)
    curve = _pooled_curve(row)
    if curve is None:
        panel.plot(
            places, medians, color=look.colour, linestyle=look.line, linewidth=look.weight * 0.7
        )
    else:
        panel.plot(*curve, color=look.colour, linestyle=look.line, linewidth=look.weight * 0.7)
    marker = hollow(look) if row.split else filled(look)
    panel.plot(places, medians, clip_on=False, zorder=3, **marker)


def _pooled_curve(row: Row) -> tuple[list[float], list[float]] | None:
    """1/(1 - p) and latency of all rounds' units together, thinned to what a panel can show."""
    counts: dict[tuple[float, float], int] = {}
    for sample in row.samples:
        for lower, upper, number in (
            sample["waitwork"].get("latency_histogram", {}).get("buckets", [])
        ):
            counts[(lower, upper)] = counts.get((lower, upper), 0) + number
    total = sum(counts.values())
    if total < FEWEST_UNITS:
        return None
    buckets = sorted(counts)
    below = numpy.cumsum([counts[bucket] for bucket in buckets]) / total
    middle = numpy.array([math.sqrt(max(lower, 1) * max(upper, 1)) for lower, upper in buckets])
    places = numpy.logspace(math.log10(1.5), math.log10(min(CURVE_ENDS, total / BEYOND)), 40)
    index = numpy.searchsorted(below, 1 - 1 / places)
    return list(places), [float(middle[min(i, len(middle) - 1)]) for i in index]


def _alt(best: Best) -> str:
    parts = []
    for subject, rows in best.items():
        words = [
            f"{in_words(row)} p50 {duration(row.median('p50_ns') or 0.0)}, p99"
            f" {duration(row.median('p99_ns') or 0.0)}"
            for row in rows
        ]
        parts.append(f"{subject}: {', '.join(words) if words else 'not measured'}")
    return "Line charts of latency by percentile, logarithmic. " + "; ".join(parts) + "."


def _table(best: Best) -> Table:
    table = Table(
        [
            Column("workload"),
            Column("strategy"),
            Column("size"),
            *(Column(name, duration) for _, name, _ in MARKS),
            Column("mean", duration),
            Column("units a round", whole),
            Column("rounds", whole),
        ]
    )
    for subject, row in _listed(best):
        table.rows.append(
            [
                subject,
                row.strategy,
                size_words(row.strategy, row.depth, row.workers),
                *(row.median(field) for field, _, _ in MARKS),
                row.median("mean_ns"),
                row.median("iterations"),
                len(row.values("p50_ns")),
            ]
        )
    return table
