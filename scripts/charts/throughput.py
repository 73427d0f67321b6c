# SPDX-License-Identifier: Apache-2.0
"""Units per second against units in flight: how far each strategy climbs, and where it stops."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from charts import style
from charts.drawing import (
    Drawing,
    Frame,
    common_span,
    empty_figure,
    head,
    hollow,
    legend,
    log_scale,
    panels,
    size_scale,
    split_key,
    strategy_keys,
    write,
)
from charts.rows import Missing, letters, missing_rows, rate_of, rates, subject_rows
from charts.tables import Column, Table, rate, tick, whole
from decision import Decision, size_words
from report import Report, Row

Rows = dict[str, list[Row]]  # by strategy

RING = {
    "marker": "o",
    "markersize": 12,
    "markerfacecolor": "none",
    "markeredgecolor": style.INK,
    "markeredgewidth": 1.1,
    "linestyle": "none",
}
CROSSOVER = {"color": style.SOFT, "linewidth": 1.0, "linestyle": (0, (2.5, 2.0))}
SIGNS = {
    "failed": "✕",
    "absent": "∅",
}  # rows not reached get none: the page's head speaks of them once


def draw(report: Report, decisions: list[Decision]) -> Drawing:
    """One panel a workload, one line a strategy, a band from the slowest to the fastest round."""
    missing = missing_rows(report)
    rows = {decision.name: subject_rows(report, decision) for decision in decisions}
    if any(rows.values()):
        figure = _figure(report, decisions, rows, missing)
    else:
        figure = empty_figure("No row was measured: there is no rate to draw.")
    return Drawing(
        key="throughput",
        title="Units per second as more are in flight",
        reading=(
            "Both axes are logarithmic, and every panel spans the same number of decades, so that"
            " slopes compare from panel to panel. A line that climbs gains from more units in"
            " flight; a flat one does not. The band reaches from the slowest to the fastest round."
            " The dotted grey line is sequential, which has one size; a ring marks the size to use,"
            " a vertical line the number in flight from which on that strategy is ahead."
            + _reading_of_splits(rows)
            + _reading_of_signs(missing)
        ),
        alt=_alt(decisions, rows),
        figure=figure,
        table=_table(rows, missing),
    )


def _figure(
    report: Report, decisions: list[Decision], rows: dict[str, Rows], missing: list[Missing]
) -> Figure:
    drawn = [subject for subject in rows if rows[subject]]
    spans = dict(
        zip(drawn, common_span([_extent(rows[subject]) for subject in drawn]), strict=True)
    )
    sizes = {row.size for row in report.rows.values()} | {row.size for row in missing}
    columns = 4 if len(decisions) > 4 else max(1, len(decisions))
    figure, axes = panels(len(decisions), columns, 1.62 if len(decisions) > 1 else 3.2, Frame())
    for index, (panel, decision) in enumerate(zip(axes, decisions, strict=True)):
        head(panel, decision.name)
        size_scale(panel, sizes)
        if index + columns >= len(decisions):
            panel.set_xlabel("units in flight")
        if decision.name not in spans:
            kinds = " and ".join(sorted(set(decision.unmeasured.values())))
            panel.set_yticks([])
            middle = {"xycoords": "axes fraction", "ha": "center"}
            write(panel, f"nothing measured: {kinds}", (0.5, 0.5), **middle)
            continue
        if index % columns == 0:
            panel.set_ylabel("units per second")
        log_scale(panel.yaxis, *spans[decision.name], tick)
        panel.grid(True, axis="y")
        if decision.best is not None:
            _mark_best(panel, decision.best, decision.crossover)
        for strategy, of_strategy in rows[decision.name].items():
            look = style.STRATEGIES[strategy]
            _line(panel, look, [row for row in of_strategy if not row.split], max(sizes))
            _split_points(panel, look, [row for row in of_strategy if row.split])
        _mark_missing(panel, [row for row in missing if row.subject == decision.name])
    strategies = {row.strategy for row in report.rows.values()} | {row.strategy for row in missing}
    keys = strategy_keys(strategies)
    if _splits(rows):
        keys.append(split_key())
    keys += [Line2D([], [], label="crossover", **CROSSOVER), Line2D([], [], label="to use", **RING)]
    legend(figure, keys)
    return figure


def _splits(rows: dict[str, Rows]) -> bool:
    return any(row.split for each in rows.values() for of_each in each.values() for row in of_each)


def _reading_of_splits(rows: dict[str, Rows]) -> str:
    if not _splits(rows):
        return ""
    return (
        " A hollow marker is no part of a line: there each unit is split over several workers,"
        " which have a unit each otherwise; ÷ says over how many, at the fastest."
    )


def _reading_of_signs(missing: list[Missing]) -> str:
    kinds = [kind for kind in SIGNS if any(row.kind == kind for row in missing)]
    if not kinds:
        return ""
    return (
        " Letters at the foot stand for rows without a number:"
        f" {', '.join(f'{SIGNS[kind]} {kind}' for kind in kinds)}."
    )


def _extent(rows: Rows) -> tuple[float, float]:
    values = [
        value
        for of_strategy in rows.values()
        for row in of_strategy
        for value in rates(row).values()
    ]
    return min(values), max(values)


def _line(panel: Axes, look: style.Look, rows: list[Row], largest: int) -> None:
    if not rows:
        return
    sizes = [row.size for row in rows]
    medians = [rate_of(row) for row in rows]
    low = [min(rates(row).values()) for row in rows]
    high = [max(rates(row).values()) for row in rows]
    if len(rows) == 1:
        # One size only: a whisker, no band; and for sequential the level to compare with.
        panel.vlines(sizes, low, high, color=look.colour, linewidth=1.2)
        if look.name == "sequential":
            panel.plot(
                [1, largest],
                medians * 2,
                color=look.colour,
                linestyle=look.line,
                linewidth=look.weight,
            )
    else:
        panel.fill_between(sizes, low, high, color=look.colour, alpha=0.22, linewidth=0)
    panel.plot(
        sizes,
        medians,
        color=look.colour,
        linestyle=look.line,
        linewidth=look.weight,
        marker=look.marker,
        markersize=look.size,
        markeredgecolor=style.PAPER,
        markeredgewidth=0.5,
        clip_on=False,
        zorder=3,
    )


def _split_points(panel: Axes, look: style.Look, rows: list[Row]) -> None:
    """Each for itself: from one to the next more workers share a unit, not more units."""
    for row in rows:
        values = rates(row).values()
        panel.vlines(row.size, min(values), max(values), color=look.colour, linewidth=1.2)
        panel.plot(row.size, rate_of(row), clip_on=False, zorder=3, **hollow(look))
    if rows:
        highest = max(rows, key=rate_of)
        write(panel, letters(highest)[1:], (highest.size, rate_of(highest)), (4, 11))


def _mark_best(panel: Axes, row: Row, crossover: int | None) -> None:
    """A ring around the row to use, and a line where its strategy gets ahead."""
    panel.plot(row.size, rate_of(row), clip_on=False, zorder=4, **RING)
    if crossover is None:
        return
    panel.axvline(crossover, zorder=1, **CROSSOVER)
    letter = style.STRATEGIES[row.strategy].letter
    shift, align = ((-3, 0), "right") if crossover > 4 else ((3, 0), "left")
    at_top = {"xycoords": panel.get_xaxis_transform(), "va": "top"}
    write(panel, f"{letter} from {crossover:,}", (crossover, 1.0), shift, ha=align, **at_top)


def _mark_missing(panel: Axes, missing: list[Missing]) -> None:
    """Letters of strategies without figures, where their points would be, along the foot."""
    marks: dict[int, dict[str, str]] = {}
    for row in missing:
        if row.kind not in SIGNS:
            continue
        letters = marks.setdefault(row.size, {})
        letter = style.STRATEGIES[row.strategy].letter
        if letter not in letters.get(row.kind, ""):
            letters[row.kind] = letters.get(row.kind, "") + letter
    for size, by_kind in marks.items():
        for line, (kind, letters) in enumerate(sorted(by_kind.items())):
            colour = style.ALARM if kind == "failed" else style.SOFT
            at_foot = {"xycoords": panel.get_xaxis_transform(), "ha": "center"}
            write(panel, letters + SIGNS[kind], (size, 0.07 + 0.11 * line), color=colour, **at_foot)


def _alt(decisions: list[Decision], rows: dict[str, Rows]) -> str:
    parts = []
    for decision in decisions:
        peaks = [
            f"{strategy} {rate(max(map(rate_of, of_strategy)))}"
            for strategy, of_strategy in rows[decision.name].items()
        ]
        parts.append(f"{decision.name}: {', '.join(peaks) if peaks else 'nothing measured'}")
    return (
        "Line charts of units per second against units in flight. Highest rates: "
        + "; ".join(parts)
        + "."
    )


def _table(rows: dict[str, Rows], missing: list[Missing]) -> Table:
    table = Table(
        [
            Column("workload"),
            Column("strategy"),
            Column("size"),
            Column("units in flight", whole),
            Column("units/s, median", whole),
            Column("slowest round", whole),
            Column("fastest round", whole),
            Column("rounds", whole),
            Column("remark"),
        ]
    )
    for subject, by_strategy in rows.items():
        for row in [row for of_strategy in by_strategy.values() for row in of_strategy]:
            size = size_words(row.strategy, row.depth, row.workers)
            values = rates(row).values()
            figures = [rate_of(row), min(values), max(values), len(values), ""]
            table.rows.append([subject, row.strategy, size, row.size, *figures])
        for lost in [lost for lost in missing if lost.subject == subject]:
            size = size_words(lost.strategy, lost.depth, lost.workers)
            figures = [None, None, None, None, lost.kind]
            table.rows.append([subject, lost.strategy, size, lost.size, *figures])
    return table
