# SPDX-License-Identifier: Apache-2.0
"""Gain over sequential: how many times faster each strategy's best row does the same units."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis import faster
from charts import style
from charts.drawing import Drawing, empty_figure, legend, log_scale, name_column, write
from charts.rows import best_rows, letters, reading_of_letters, size_beside_letters
from charts.tables import Column, Table, ratio, whole
from decision import Decision, size_words
from ratio import Ratio
from report import Report, Row

Gains = dict[str, dict[str, Ratio]]

Lost = dict[tuple[str, str], str]  # what became of a strategy of a subject without figures

COMPARED = ("concurrent", "parallel", "hybrid")
BAR_INCHES = 0.165
GAP_INCHES = 0.16


def draw(report: Report, decisions: list[Decision]) -> Drawing:
    """A bar for each strategy's best row, from 1 to its gain, with the interval over rounds."""
    best = {decision.name: best_rows(decision) for decision in decisions}
    gains = {subject: _gains(rows) for subject, rows in best.items()}
    lost = {
        (decision.name, strategy): what
        for decision in decisions
        for strategy, what in decision.unmeasured.items()
    }
    if any(gains.values()):
        figure = _figure(best, gains, lost)
    else:
        figure = empty_figure(
            "No workload has both a sequential row and another: no gain can be stated."
        )
    return Drawing(
        key="gain",
        title="Gain over sequential",
        reading=(
            "Units per second of each strategy's best size, divided by those of sequential in the"
            " same round. The axis is logarithmic; at 1 a strategy changes nothing, left of it it"
            " costs. The whisker is the 95 % interval over rounds."
            + reading_of_letters(row for rows in best.values() for row in rows.values())
        ),
        alt=_alt(gains),
        figure=figure,
        table=_table(best, gains, lost),
    )


def _gains(rows: dict[str, Row]) -> dict[str, Ratio]:
    if "sequential" not in rows:
        return {}
    gains = {
        strategy: faster(rows[strategy], rows["sequential"])
        for strategy in COMPARED
        if strategy in rows
    }
    return {strategy: gain for strategy, gain in gains.items() if gain is not None}


def _figure(best: dict[str, dict[str, Row]], gains: Gains, lost: Lost) -> Figure:
    every = [gain for of_subject in gains.values() for gain in of_subject.values()]
    block = len(COMPARED) * BAR_INCHES + GAP_INCHES
    names, left = name_column(best)
    top, bottom, right = 0.5, 0.55, 0.2
    height = top + bottom + block * len(best)
    figure = Figure(figsize=(style.WIDTH_INCHES, height))
    width = style.WIDTH_INCHES
    axes = figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, block * len(best) / height)
    )
    low = min([0.8] + [min(_ends(gain)) for gain in every]) / 1.1
    high = max([2.0] + [max(_ends(gain)) for gain in every])
    # The last sixth of the axis is for the words beside the longest bar.
    log_scale(axes.xaxis, low, high * (high / low) ** 0.25, lambda value: f"{value:g}×", most=9)
    axes.grid(True, axis="x")
    axes.set_ylim(block * len(best), 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("units per second, relative to sequential")
    for index, (subject, rows) in enumerate(best.items()):
        above = index * block
        across = {"xycoords": axes.get_yaxis_transform(), "ha": "right", "color": style.INK}
        write(
            axes,
            names[subject],
            (0, above + block / 2),
            (-8, 0),
            fontsize=9,
            fontweight="bold",
            **across,
        )
        if index:
            axes.axhline(above, color=style.RULE, linewidth=0.6)
        for position, strategy in enumerate(COMPARED):
            y = above + GAP_INCHES / 2 + (position + 0.5) * BAR_INCHES
            if strategy in gains[subject]:
                _bar(axes, y, style.STRATEGIES[strategy], gains[subject][strategy], rows[strategy])
            else:
                reason = _reason(subject, strategy, rows, lost)
                words = f"{style.STRATEGIES[strategy].letter}\u2002{reason}"
                colour = style.ALARM if reason == "failed" else style.SOFT
                write(axes, words, (1.0, y), (6, -0.5), color=colour)
    axes.axvline(1.0, color=style.INK, linewidth=1.2)
    keys = [
        Patch(facecolor=style.STRATEGIES[strategy].colour, label=style.STRATEGIES[strategy].title)
        for strategy in COMPARED
    ]
    legend(
        figure,
        [*keys, Line2D([], [], color=style.INK, linewidth=1.2, label="95 % interval over rounds")],
    )
    return figure


def _reason(subject: str, strategy: str, rows: dict[str, Row], lost: Lost) -> str:
    """Why there is no gain to draw."""
    if strategy not in rows:
        return lost.get((subject, strategy), "not in this run")
    return (
        "no round measured it and sequential" if "sequential" in rows else "sequential not measured"
    )


def _ends(gain: Ratio) -> tuple[float, ...]:
    """Where a bar or its whisker ends."""
    if gain.low is None or gain.high is None:
        return (gain.value,)
    return (gain.value, gain.low, gain.high)


def _bar(axes: Axes, y: float, look: style.Look, gain: Ratio, row: Row) -> None:
    height = BAR_INCHES * 0.82
    axes.barh(y, gain.value - 1.0, left=1.0, height=height, color=look.colour, linewidth=0)
    if gain.low is not None and gain.high is not None:
        whisker = {"color": style.INK, "linewidth": 1.2, "zorder": 3}
        axes.hlines(y, gain.low, gain.high, **whisker)
        axes.vlines([gain.low, gain.high], y - 0.03, y + 0.03, **whisker)
    end = (max(1.0, *_ends(gain)), y)
    words = f"{letters(row)}\u2002{ratio(gain.value)}"
    write(axes, words, end, (6, -0.5), fontsize=8, color=style.INK)
    write(axes, size_beside_letters(row), end, (62, -0.5))


def _alt(gains: Gains) -> str:
    parts = []
    for subject, of_subject in gains.items():
        words = [f"{strategy} {ratio(gain.value)}" for strategy, gain in of_subject.items()]
        parts.append(f"{subject}: {', '.join(words) if words else 'no gain can be stated'}")
    return "Bar chart of the gain over sequential, on a logarithmic axis. " + "; ".join(parts) + "."


def _table(best: dict[str, dict[str, Row]], gains: Gains, lost: Lost) -> Table:
    table = Table(
        [
            Column("workload"),
            Column("strategy"),
            Column("best size"),
            Column("gain", ratio),
            Column("95 % low", ratio),
            Column("95 % high", ratio),
            Column("rounds", whole),
            Column("remark"),
        ]
    )
    for subject, rows in best.items():
        for strategy in COMPARED:
            if strategy in gains[subject]:
                gain, row = gains[subject][strategy], rows[strategy]
                remark = "" if gain.n > 1 else "one round: no interval"
                size = size_words(strategy, row.depth, row.workers)
                table.rows.append(
                    [subject, strategy, size, gain.value, gain.low, gain.high, gain.n, remark]
                )
            else:
                row = rows.get(strategy)
                size = size_words(strategy, row.depth, row.workers) if row else None
                remark = _reason(subject, strategy, rows, lost)
                table.rows.append([subject, strategy, size, None, None, None, None, remark])
    return table
