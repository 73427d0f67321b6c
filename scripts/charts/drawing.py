# SPDX-License-Identifier: Apache-2.0
"""What the chart modules share: the drawing they return, panels, scales, legends, labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from charts import style
from charts.tables import Table
from escape import plain


@dataclass
class Drawing:
    """One chart with the words around it."""

    key: str  # file name and anchor
    title: str
    reading: str  # how to read it, above the chart
    alt: str  # what it shows, for whoever does not see it
    figure: Figure
    table: Table
    tooltips: dict[str, str] = field(default_factory=dict)  # gid of an artist -> text shown over it


def short_name(subject: str) -> str:
    """A subject's name for a heading: "io/file_read/direct" as "file_read · direct"."""
    return plain(subject.split("/", 1)[-1].replace("/", " · "))


def heading_inches(text: str, size: float = 9.0) -> float:
    """How wide bold text is."""
    return text_inches(text, size, "bold")


def text_inches(text: str, size: float, weight: str = "normal") -> float:
    """How wide text is."""
    font = FontProperties(family=style.FONT, weight=weight, size=size)
    width, _, _ = TextToPath().get_text_width_height_descent(plain(text), font, ismath=False)
    return float(width) / 72


def fitted(text: str, inches: float, size: float = 9.0, weight: str = "bold") -> str:
    """Text cut to a width; tables and tooltips have it in full."""
    if text_inches(text, size, weight) <= inches:
        return text
    fits, too_long = 0, len(text)  # halved, since a name may have a thousand letters
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if text_inches(text[:middle] + "…", size, weight) > inches:
            too_long = middle
        else:
            fits = middle
    return text[:fits] + "…"


def name_column(subjects: Iterable[str]) -> tuple[dict[str, str], float]:
    """The names of subjects as a chart has them to its left, and the inches that these take."""
    names = {subject: fitted(short_name(subject), 2.7) for subject in subjects}
    return names, max([1.0, *map(heading_inches, names.values())]) + 0.3


def head(panel: Axes, subject: str) -> None:
    """Writes a panel's heading, cut to the panel's width."""
    across = panel.get_position().width * panel.figure.get_figwidth()
    panel.set_title(fitted(short_name(subject), max(across, 2.0), 9.5), pad=6)


@dataclass(frozen=True)
class Frame:
    """Margins of a grid of panels, in inches."""

    left: float = 0.62
    right: float = 0.15
    top: float = 0.75
    bottom: float = 0.55
    between_columns: float = 0.55
    between_rows: float = 0.62


def panels(
    count: int, columns: int, panel_height: float, frame: Frame
) -> tuple[Figure, list[Axes]]:
    """A figure of the page's width with `count` panels in reading order, every margin as asked."""
    columns = max(1, min(columns, count))
    rows = max(1, math.ceil(count / columns))
    height = frame.top + frame.bottom + rows * panel_height + (rows - 1) * frame.between_rows
    figure = Figure(figsize=(style.WIDTH_INCHES, height))
    width = (
        style.WIDTH_INCHES - frame.left - frame.right - (columns - 1) * frame.between_columns
    ) / columns
    axes = []
    for index in range(count):
        row, column = divmod(index, columns)
        x = frame.left + column * (width + frame.between_columns)
        y = height - frame.top - panel_height - row * (panel_height + frame.between_rows)
        axes.append(
            figure.add_axes(
                (
                    x / style.WIDTH_INCHES,
                    y / height,
                    width / style.WIDTH_INCHES,
                    panel_height / height,
                )
            )
        )
    return figure, axes


def empty_figure(sentence: str) -> Figure:
    """Says why there is nothing to draw."""
    figure = Figure(figsize=(style.WIDTH_INCHES, 1.0))
    figure.text(0.5, 0.5, sentence, ha="center", va="center", color=style.ALARM, fontsize=11)
    return figure


def write(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    shift: tuple[float, float] = (0, 0),
    **looks: Any,
) -> None:
    """Text at a point of the axes, shifted by points of the page; small and soft unless told."""
    looks = {"va": "center", "fontsize": 7.5, "color": style.SOFT, **looks}
    text = plain(text)
    axes.annotate(text, at, shift, textcoords="offset points", annotation_clip=False, **looks)


def legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """One row of keys at the top left; dashes need long handles, patches do not."""
    if not handles:
        return
    height = figure.get_figheight()
    figure.legend(
        handles=list(handles),
        loc="upper left",
        bbox_to_anchor=(0.25 / style.WIDTH_INCHES, 1 - 0.08 / height),
        ncol=len(handles),
        borderaxespad=0,
        borderpad=0,
        handlelength=2.0 if any(isinstance(handle, Patch) for handle in handles) else 3.0,
        handletextpad=0.5,
        columnspacing=1.6,
    )


def filled(look: style.Look) -> dict[str, Any]:
    """The marker of a strategy, without a line."""
    return {
        "color": look.colour,
        "linestyle": "none",
        "marker": look.marker,
        "markersize": look.size,
        "markeredgecolor": style.PAPER,
        "markeredgewidth": 0.5,
    }


def hollow(look: style.Look) -> dict[str, Any]:
    """The marker of a row that splits its units."""
    return {
        "linestyle": "none",
        "marker": look.marker,
        "markersize": look.size + 1.5,
        "markerfacecolor": style.PAPER,
        "markeredgecolor": look.colour,
        "markeredgewidth": 1.4,
    }


def split_key() -> Line2D:
    """Its legend entry."""
    return Line2D([], [], label="each unit split", **hollow(style.STRATEGIES["parallel"]))


def strategy_keys(strategies: Iterable[str]) -> list[Line2D]:
    """Legend entries: line, marker, letter and name of a strategy."""
    return [
        Line2D(
            [],
            [],
            color=look.colour,
            marker=look.marker,
            linestyle=look.line,
            linewidth=look.weight,
            markeredgecolor=style.PAPER,
            markeredgewidth=0.5,
            markersize=look.size,
            label=look.title,
        )
        for look in style.STRATEGIES.values()
        if look.name in set(strategies)
    ]


def size_scale(axes: Axes, sizes: Iterable[int]) -> None:
    """x as units in flight: logarithmic, a tick at every power of four."""
    largest = max(sizes, default=1)
    axes.set_xscale("log", base=2)
    ticks = [4**power for power in range(0, 8) if 4**power <= largest * 1.01] or [1]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(1 / 1.35, max(largest, 2) * 1.35)


def log_scale(
    axis: Axis, low: float, high: float, label: Callable[[float], str], most: int = 6
) -> None:
    """A logarithmic axis from `low` to `high`: ticks at decades, and between if those are few."""
    axes = axis.axes
    if axis is axes.xaxis:
        axes.set_xscale("log")
        axes.set_xlim(low, high)
    else:
        axes.set_yscale("log")
        axes.set_ylim(low, high)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(ticks) <= most:
            break
    if len(ticks) > most:
        ticks = ticks[:: math.ceil(len(ticks) / most)]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: label(value)))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def common_span(
    ranges: Sequence[tuple[float, float]], least_decades: float = 1.0
) -> list[tuple[float, float]]:
    """Widens (low, high) pairs to equal decades about their middles, so that slopes compare."""
    decades = max([least_decades] + [math.log10(high / low) for low, high in ranges if low > 0])
    half = decades / 2 * 1.12
    out = []
    for low, high in ranges:
        middle = (math.log10(low) + math.log10(high)) / 2
        out.append((10 ** (middle - half), 10 ** (middle + half)))
    return out
