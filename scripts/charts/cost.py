# SPDX-License-Identifier: Apache-2.0
"""Cost per unit: CPU time and context switches under each strategy. The why behind the rate.

CPU is drawn on linear axes from zero, since stacked parts can be compared in no other way; each
workload has its own scale, because a unit of one costs a thousand times a unit of another.
Switches are drawn on one logarithmic axis.
"""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from charts import style
from charts.drawing import Drawing, empty_figure, head, legend, log_scale, write
from charts.rows import best_rows, letters, reading_of_letters
from charts.tables import Column, Table, count, duration, duration_tick, significant, tick, whole
from decision import Decision, size_words
from report import Report, Row

USER, SYSTEM, SWITCHES = "user_ns_per_unit", "sys_ns_per_unit", "ctx_switches_per_unit"

PANEL_INCHES = 0.86
FLOOR = 1e-4  # switches per unit below this, zero among them, are drawn at the left edge


def draw(report: Report, decisions: list[Decision]) -> Drawing:
    """For each workload and strategy its best row: CPU to the left, switches to the right."""
    best = {
        subject: {strategy: row for strategy, row in rows.items() if row.median(USER) is not None}
        for subject, rows in ((decision.name, best_rows(decision)) for decision in decisions)
    }
    if any(best.values()):
        figure = _figure(best)
    else:
        figure = empty_figure("No row was measured: no cost can be stated.")
    return Drawing(
        key="cost",
        title="What a unit costs",
        reading=(
            "CPU time in the program (solid) and in the kernel on its behalf (striped), and context"
            " switches, of one unit at each strategy's best size; medians over rounds. CPU has a"
            " scale of its own for each workload and starts at zero; switches share one logarithmic"
            " scale. A server that answers is not counted."
            + reading_of_letters(row for rows in best.values() for row in rows.values())
        ),
        alt=_alt(best),
        figure=figure,
        table=_table(best),
    )


def _figure(best: dict[str, dict[str, Row]]) -> Figure:
    columns = 2 if len(best) > 1 else 1
    lines = math.ceil(len(best) / columns)
    top, bottom, between = 0.85, 0.5, 0.62
    height = top + bottom + lines * PANEL_INCHES + (lines - 1) * between
    figure = Figure(figsize=(style.WIDTH_INCHES, height))
    column_width = (style.WIDTH_INCHES - 0.35) / columns
    highest = max((row.median(SWITCHES) or 0.0) for rows in best.values() for row in rows.values())
    for index, (subject, rows) in enumerate(best.items()):
        line, column = divmod(index, columns)
        x = 0.35 + column * column_width
        y = height - top - PANEL_INCHES - line * (PANEL_INCHES + between)
        cpu = _add_axes(figure, x, y, column_width * 0.46)
        switches = _add_axes(figure, x + column_width * 0.62, y, column_width * 0.25)
        head(cpu, subject)
        last = index + columns >= len(best)
        _cpu_panel(cpu, rows, "CPU time per unit" if last else "")
        label = "context switches per unit, log" if last else ""
        _switch_panel(switches, rows, max(highest, 1.0), label)
    legend(
        figure,
        [
            *(
                Patch(facecolor=look.colour, label=look.title)
                for look in style.STRATEGIES.values()
                if any(look.name in rows for rows in best.values())
            ),
            Patch(facecolor=style.SOFT, label="user"),
            Patch(facecolor=style.PAPER, edgecolor=style.SOFT, hatch="/////", label="system"),
            Line2D([], [], color=style.SOFT, marker="o", linewidth=1.2, label="switches"),
        ],
    )
    return figure


def _add_axes(figure: Figure, left: float, bottom: float, width: float) -> Axes:
    """A panel, placed in inches."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, PANEL_INCHES / up))


def _rows_of_panel(axes: Axes, rows: dict[str, Row]) -> None:
    axes.set_ylim(len(style.STRATEGIES) - 0.45, -0.55)
    names = [
        letters(rows[look.name]) if look.name in rows else look.letter
        for look in style.STRATEGIES.values()
    ]
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)


def _cpu_panel(axes: Axes, rows: dict[str, Row], label: str) -> None:
    _rows_of_panel(axes, rows)
    longest = 0.0
    for position, look in enumerate(style.STRATEGIES.values()):
        if look.name not in rows:
            write(axes, "not measured", (0, position), (4, -0.5))
            continue
        user, system = rows[look.name].median(USER) or 0.0, rows[look.name].median(SYSTEM) or 0.0
        total = user + system
        longest = max(longest, total)
        axes.barh(position, user, height=0.72, color=look.colour, linewidth=0)
        axes.barh(
            position,
            system,
            left=user,
            height=0.72,
            facecolor=style.PAPER,
            edgecolor=look.colour,
            hatch="/////",
            linewidth=1.0,
        )
        write(axes, duration(total), (total, position), (4, -0.5), color=style.INK)
    axes.set_xlim(0, longest * 1.02 or 1.0)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: "0" if value <= 0 else duration_tick(value))
    )
    axes.grid(True, axis="x")
    axes.set_xlabel(label)


def _switch_panel(axes: Axes, rows: dict[str, Row], highest: float, label: str) -> None:
    _rows_of_panel(axes, rows)
    axes.tick_params(axis="y", pad=7)  # room for a marker at the left edge
    log_scale(axes.xaxis, FLOOR, 10 ** math.ceil(math.log10(highest)), tick, most=4)
    axes.grid(True, axis="x")
    for position, look in enumerate(style.STRATEGIES.values()):
        value = rows[look.name].median(SWITCHES) if look.name in rows else None
        if value is None:
            continue
        at = max(value, FLOOR)
        axes.hlines(position, FLOOR, at, color=look.colour, linewidth=1.4)
        axes.plot(at, position, look.marker, color=look.colour, ms=5.5, clip_on=False, zorder=3)
        words = significant(value, 2) if value >= FLOOR or value == 0 else f"< {FLOOR:g}"
        write(axes, words, (at, position), (7, -0.5), color=style.INK)
    axes.set_xlabel(label)


def _alt(best: dict[str, dict[str, Row]]) -> str:
    parts = []
    for subject, rows in best.items():
        words = [
            f"{strategy} {duration((row.median(USER) or 0.0) + (row.median(SYSTEM) or 0.0))} CPU"
            f" and {count(row.median(SWITCHES) or 0.0)} switches"
            for strategy, row in rows.items()
        ]
        parts.append(f"{subject}: {', '.join(words) if words else 'not measured'}")
    return "Bar charts of CPU time and context switches per unit. " + "; ".join(parts) + "."


def _table(best: dict[str, dict[str, Row]]) -> Table:
    optional = {
        "server_cpu_ns_per_unit": Column("server CPU (not counted)", duration),
        "enters_per_unit": Column("kernel entries/unit", count),
        "kernel_workers": Column("kernel workers", whole),
    }
    measured = [row for rows in best.values() for row in rows.values()]
    optional = {
        name: column
        for name, column in optional.items()
        if any(row.values(name) for row in measured)
    }
    table = Table(
        [
            Column("workload"),
            Column("strategy"),
            Column("best size"),
            Column("user CPU/unit", duration),
            Column("system CPU/unit", duration),
            Column("switches/unit", count),
            Column("voluntary", count),
            Column("involuntary", count),
            Column("minor faults/unit", count),
            Column("peak memory, MiB", count),
            *optional.values(),
        ]
    )
    for subject, rows in best.items():
        for strategy, row in rows.items():
            memory = row.median("rss_peak_bytes")
            table.rows.append(
                [
                    subject,
                    strategy,
                    size_words(strategy, row.depth, row.workers),
                    row.median(USER),
                    row.median(SYSTEM),
                    row.median(SWITCHES),
                    row.median("voluntary_switches_per_unit"),
                    row.median("involuntary_switches_per_unit"),
                    row.median("minor_faults_per_unit"),
                    None if memory is None else memory / 2**20,
                    *(row.median(name) for name in optional),
                ]
            )
    return table
