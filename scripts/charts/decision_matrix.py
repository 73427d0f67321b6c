# SPDX-License-Identifier: Apache-2.0
"""The decision matrix: which strategy wins each workload at each number of units in flight."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from charts import style
from charts.drawing import Drawing, legend, name_column, write
from charts.rows import (
    in_words,
    letters,
    missing_rows,
    rate_of,
    reading_of_letters,
    size_beside_letters,
)
from charts.slots import Slot, Slots, table
from charts.tables import rate, ratio
from decision import Decision
from report import Report


OVERALL_INCHES, MARGIN_INCHES = 1.25, 0.15
TOP_INCHES, BOTTOM_INCHES, ROW_INCHES = 0.72, 0.2, 0.42
INSET = 0.03  # gap between cells, in cell widths and heights

HEADING: dict[str, Any] = {"fontweight": "bold", "fontsize": 9, "color": style.INK}
STRIPES: dict[str, Any] = {"hatch": "////", "linewidth": 0}
OUTLINE: dict[str, Any] = {"linewidth": 1.8}
# What a cell without a number looks like: pattern, colour of the pattern and of the label.
LOST = {
    "failed": ("xxx", style.ALARM),
    "absent": ("....", style.SOFT),
    "not reached": ("", style.SOFT),
}


def draw(report: Report, decisions: list[Decision]) -> Drawing:
    """Workloads down, units in flight across, and at the right what to use."""
    missing = missing_rows(report)
    sizes = sorted(
        {size for decision in decisions for size in decision.cells} | {row.size for row in missing}
    )
    slots: Slots = {
        (decision.name, size): Slot(
            decision.cells.get(size),
            [row for row in missing if (row.subject, row.size) == (decision.name, size)],
        )
        for decision in decisions
        for size in sizes
    }
    tooltips: dict[str, str] = {}
    return Drawing(
        key="matrix",
        title="Which strategy wins, and by how much",
        reading=(
            "Each cell names the fastest strategy with that many units in flight and its gain over"
            " sequential. Striped cells are not separated: the interval of the ratio between the"
            " two best includes 1, and either may be chosen. An outline alone means that only one"
            " strategy was measured there. The last column is what to use: of all sizes, the"
            " cheapest that is as good as the fastest; ≈ names the strategies that are not"
            " separated from it."
            " A small letter with ✕ is a strategy whose row failed."
            + reading_of_letters(
                row
                for decision in decisions
                for cell in decision.cells.values()
                for row in cell.ranking[:2]
            )
        ),
        alt=_alt(decisions),
        figure=_figure(decisions, sizes, slots, tooltips),
        table=table(decisions, sizes, slots),
        tooltips=tooltips,
    )


def _figure(
    decisions: list[Decision],
    sizes: list[int],
    slots: Slots,
    tooltips: dict[str, str],
) -> Figure:
    height = TOP_INCHES + BOTTOM_INCHES + ROW_INCHES * len(decisions)
    width = style.WIDTH_INCHES
    figure = Figure(figsize=(width, height))
    names, label_inches = name_column(decision.name for decision in decisions)
    cells_width = width - label_inches - OVERALL_INCHES - MARGIN_INCHES * 2
    bottom, share = BOTTOM_INCHES / height, ROW_INCHES * len(decisions) / height
    grid = figure.add_axes((label_inches / width, bottom, cells_width / width, share))
    overall = figure.add_axes(
        (1 - (OVERALL_INCHES + MARGIN_INCHES) / width, bottom, OVERALL_INCHES / width, share)
    )
    for axes, columns in ((grid, len(sizes)), (overall, 1)):
        axes.set_xlim(0, max(columns, 1))
        axes.set_ylim(max(len(decisions), 1), 0)
        axes.set_axis_off()
    for column, size in enumerate(sizes):
        write(grid, f"{size:,}", (column + 0.5, 0), (0, 8), ha="center", fontsize=9)
    write(grid, "units in flight", (0, 0), (-8, 8), ha="right", fontsize=8.5)
    write(overall, "to use", (0.5, 0), (0, 8), ha="center", fontsize=9)
    for line, decision in enumerate(decisions):
        write(grid, names[decision.name], (0, line + 0.5), (-8, 0), ha="right", **HEADING)
        if line and decision.workload.split("/")[0] != decisions[line - 1].workload.split("/")[0]:
            for axes in (grid, overall):
                axes.axhline(line, color=style.SOFT, linewidth=0.8)
        for column, size in enumerate(sizes):
            slot = slots[decision.name, size]
            gid = f"cell-{line}-{column}"
            tooltips[gid] = f"{decision.name}, {size:,} in flight: {slot.words()}"
            _cell(grid, column, line, slot, gid)
        _overall(overall, line, decision)
    _legend(figure, slots)
    return figure


def _box(axes: Axes, x: float, y: float, gid: str | None = None, **looks: object) -> None:
    axes.add_patch(
        Rectangle((x + INSET, y + INSET), 1 - 2 * INSET, 1 - 2 * INSET, gid=gid, **looks)
    )


def _cell(axes: Axes, x: int, y: int, slot: Slot, gid: str) -> None:
    if slot.cell is None:
        lost = slot.lost_as()
        if lost is None:
            write(axes, "·", (x + 0.5, y + 0.5), ha="center")
            return
        hatch, colour = LOST[lost]
        _box(axes, x, y, gid, facecolor=style.VOID, edgecolor=colour, hatch=hatch, linewidth=0.6)
        backing = {"facecolor": style.VOID, "edgecolor": "none", "pad": 1.2}
        write(axes, lost, (x + 0.5, y + 0.5), ha="center", color=colour, bbox=backing)
        return
    look = style.STRATEGIES[slot.cell.winner.strategy]
    words, ink = letters(slot.cell.winner), look.on_colour
    if slot.cell.runner_up is None:
        _box(axes, x, y, gid, facecolor=style.PAPER, edgecolor=look.colour, **OUTLINE)
        ink = style.INK
    elif slot.cell.separated:
        _box(axes, x, y, gid, facecolor=look.colour, linewidth=0)
    else:
        _box(axes, x, y, gid, facecolor=look.colour, edgecolor=style.PAPER, **STRIPES)
        words += "≈" + letters(slot.cell.runner_up)
        backing = Rectangle((x + 0.2, y + 0.13), 0.6, 0.76, facecolor=look.colour, linewidth=0)
        axes.add_patch(backing)
    rate_here = f"{rate(rate_of(slot.cell.winner))}/s"
    gain = ratio(slot.cell.gain.value) if slot.cell.gain else rate_here
    write(axes, words, (x + 0.5, y + 0.31), ha="center", **(HEADING | {"color": ink}))
    write(axes, gain, (x + 0.5, y + 0.70), ha="center", color=ink, fontsize=8.5)
    for position, strategy in enumerate(slot.flaws()):
        mark = style.STRATEGIES[strategy].letter + "✕"
        at = (x + 1 - 2 * INSET, y + 0.24 + 0.3 * position)
        backing = {"facecolor": style.PAPER, "edgecolor": "none", "pad": 0.8}
        write(axes, mark, at, ha="right", fontsize=6.5, color=style.ALARM, bbox=backing)


def _overall(axes: Axes, y: int, decision: Decision) -> None:
    if decision.best is None:
        write(axes, "nothing to use", (0.5, y + 0.5), ha="center", color=style.ALARM)
        return
    look = style.STRATEGIES[decision.best.strategy]
    axes.plot(0.09, y + 0.5, marker=look.marker, color=look.colour, markersize=8, clip_on=False)
    words = [letters(decision.best)]
    if decision.gain:
        words.append(ratio(decision.gain.value))
    if decision.equals:
        equals = (style.STRATEGIES[rival.row.strategy].letter for rival in decision.equals)
        words.append("≈" + "".join(equals))
    write(axes, "\u2002".join(words), (0.2, y + 0.34), **HEADING)
    write(axes, size_beside_letters(decision.best), (0.2, y + 0.70))


def _legend(figure: Figure, slots: Slots) -> None:
    looks = [(look.title, {"facecolor": look.colour}) for look in style.STRATEGIES.values()]
    looks += [("not separated", {"facecolor": style.SOFT, "edgecolor": style.PAPER, **STRIPES})]
    looks += [("only one measured", {"facecolor": style.PAPER, "edgecolor": style.SOFT, **OUTLINE})]
    present = {slot.lost_as() for slot in slots.values()}
    for kind, (hatch, colour) in LOST.items():
        if kind in present:
            looks += [(kind, {"facecolor": style.VOID, "edgecolor": colour, "hatch": hatch})]
    legend(figure, [Patch(label=label, **look) for label, look in looks])


def _alt(decisions: list[Decision]) -> str:
    parts = []
    for decision in decisions:
        wins = []
        for size, cell in decision.cells.items():
            doubt = "" if cell.separated or cell.runner_up is None else " (not separated)"
            wins.append(f"{size:,}: {in_words(cell.winner)}{doubt}")
        parts.append(f"{decision.name}: {', '.join(wins) or 'nothing measured'}")
    return f"Matrix of the fastest strategy by workload and units in flight. {'; '.join(parts)}."
