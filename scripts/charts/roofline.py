# SPDX-License-Identifier: Apache-2.0
"""The roofline: how near each kernel comes to what the machine can do at most.

After Williams, Waterman and Patterson, "Roofline: an insightful visual performance model" (CACM
2009). A kernel has a number of operations for each byte; what it can reach is the lower of two
ceilings, that of arithmetic and that of the memory which its bytes come from. Bytes are those of
input and output, each once: a point that is low although it stands right of a ridge has no excuse
in memory.

Work without floating-point operations has no place on those axes. So below stands, for every
kernel, the share of its own limit that it reaches: what the binary reports as share_of_limit.
"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from charts import limits, style
from charts.drawing import Drawing, fitted, heading_inches, legend, write
from charts.kernels import Kernel, Performer, kernels, said_of, share_of
from charts.roof import CEILINGS, MARKERS, OURS, THEIRS, Roof
from charts.rows import rate_of
from charts.tables import Column, Table, Value, count, significant, whole
from decision import Decision, size_words
from reasons import percent
from report import Report, Row

ROOF_INCHES, BETWEEN_INCHES = 5.2, 1.05
LEFT_INCHES, RIGHT_INCHES, TOP_INCHES, BOTTOM_INCHES = 0.62, 0.2, 0.55, 0.55
BAR_INCHES, GAP_INCHES = 0.125, 0.11
WORDS_INCHES = 3.1  # right of the bars: what limits, and who else was measured


def draw(report: Report, decisions: list[Decision]) -> Drawing | None:
    """The ceilings with a point for each kernel, and bars of shares; None without any kernel."""
    found = kernels(report, decisions)
    if not found:
        return None
    tooltips: dict[str, str] = {}
    return Drawing(
        key="roofline",
        title="How near to what the machine can do",
        reading=_reading(report, found),
        alt=_alt(found),
        figure=_figure(report, found, tooltips),
        table=_table(found),
        tooltips=tooltips,
    )


def absent(report: Report, decisions: list[Decision]) -> str:
    """Why there is none, in one line; empty if there is one."""
    if kernels(report, decisions):
        return ""
    return (
        "There is no roofline: no row with figures says how many operations or bytes a unit needs."
    )


def _reading(report: Report, found: list[Kernel]) -> str:
    every = limits.workers(report)
    parts = [
        "Bars are shares of the most that a kernel could reach here; beside them stands what sets"
        " that limit."
    ]
    if any(kernel.intensity for kernel in found):
        parts.insert(
            0,
            "Above, both axes are logarithmic. A kernel stands at its operations per byte of input"
            " and output, a circle with one worker"
            + (", a triangle with all" if every > 1 else "")
            + "; those that would hide each other stand a little aside."
            + (_reading_of_lines(every) if limits.of_report(report) else ""),
        )
    if any(kernel.others for kernel in found):
        parts.append("Hollow grey marks are libraries that do the same work.")
    unplaced = [kernel.name for kernel in found if not kernel.intensity]
    if unplaced:
        parts.append(
            "Only among the bars, without operations or bytes to place them:"
            f" {', '.join(unplaced)}."
        )
    return " ".join(parts) + limits.missing(report)


def _reading_of_lines(every: int) -> str:
    return (
        " Sloping lines are what each level of memory can deliver, by reading or copying, level"
        " ones what arithmetic can do"
        + (f", solid for one worker, dashed for all {every}" if every > 1 else "")
        + ": the lower of both is the most that a kernel can reach."
    )


def _figure(report: Report, found: list[Kernel], tooltips: dict[str, str]) -> Figure:
    placed = [kernel for kernel in found if kernel.intensity and kernel.performers]
    block = 2 * BAR_INCHES + GAP_INCHES
    above = ROOF_INCHES + BETWEEN_INCHES if placed else 0.0
    height = TOP_INCHES + above + block * len(found) + BOTTOM_INCHES
    figure = Figure(figsize=(style.WIDTH_INCHES, height))
    if placed:
        width = style.WIDTH_INCHES - LEFT_INCHES - RIGHT_INCHES
        left, low = LEFT_INCHES / style.WIDTH_INCHES, 1 - (TOP_INCHES + ROOF_INCHES) / height
        share = ROOF_INCHES / height
        panel = figure.add_axes((left, low, width / style.WIDTH_INCHES, share))
        Roof(panel, report, placed, width * 72, ROOF_INCHES * 72).draw(tooltips)
    _bars(figure, found, height, block)
    _legend(figure, report, found)
    return figure


def _legend(figure: Figure, report: Report, found: list[Kernel]) -> None:
    every = limits.workers(report)
    plain = {"linestyle": "none", "markersize": 6.5}
    who = ("one", "every") if every > 1 else ("one",)
    words = {"one": "one worker", "every": f"all {every} workers"}
    keys = [
        Line2D([], [], marker=MARKERS[each], label=words[each], **plain, **OURS) for each in who
    ]
    if any(kernel.others for kernel in found):
        keys.append(Line2D([], [], marker="o", label="a library", **plain, **THEIRS))
    if limits.of_report(report):
        keys += [Line2D([], [], label=f"limit of {words[each]}", **CEILINGS[each]) for each in who]
    bars = [Patch(facecolor=style.KERNEL, label="share, one")]
    if every > 1:
        bars.append(
            Patch(facecolor=style.PAPER, edgecolor=style.KERNEL, hatch="/////", label="share, all")
        )
    legend(figure, [*keys, *bars])


def _bars(figure: Figure, found: list[Kernel], height: float, block: float) -> None:
    """The lower panel: two bars a kernel, marks for libraries."""
    names = {kernel.name: fitted(kernel.name, 2.4) for kernel in found}
    left = max([1.0, *map(heading_inches, names.values())]) + 0.3
    width = style.WIDTH_INCHES - left - WORDS_INCHES - RIGHT_INCHES
    axes = figure.add_axes(
        (
            left / style.WIDTH_INCHES,
            BOTTOM_INCHES / height,
            width / style.WIDTH_INCHES,
            block * len(found) / height,
        )
    )
    shares = [share_of(row) for kernel in found for each in kernel.performers for row in each.rows]
    axes.set_xlim(0, max([1.0, *(share for share in shares if share is not None)]) * 1.08)
    axes.set_ylim(block * len(found), 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(lambda value, _: percent(value))
    axes.grid(True, axis="x")
    axes.set_xlabel("share of the limit")
    for index, kernel in enumerate(found):
        above = index * block
        if index:
            axes.axhline(above, color=style.RULE, linewidth=0.6)
        beside = {"xycoords": axes.get_yaxis_transform(), "color": style.INK}
        bold = {"fontsize": 9, "fontweight": "bold", "ha": "right"}
        write(axes, names[kernel.name], (0, above + block / 2), (-8, 0), **bold, **beside)
        first = above + GAP_INCHES / 2 + BAR_INCHES / 2
        for position, who in enumerate(("one", "every")):
            _bar(axes, kernel, who, first + position * BAR_INCHES)
        right = {"xycoords": axes.get_yaxis_transform()}
        write(axes, _limit_words(kernel), (1, above + block / 2), (40, 0), **right)
    axes.axvline(1.0, color=style.INK, linewidth=1.2)


def _bar(axes: Axes, kernel: Kernel, who: str, y: float) -> None:
    ours = getattr(kernel.ours, who, None)
    share = share_of(ours) if ours else None
    if share is not None:
        solid = {"color": style.KERNEL, "linewidth": 0}
        striped = {"facecolor": style.PAPER, "edgecolor": style.KERNEL, "hatch": "/////"}
        looks = solid if who == "one" else striped
        axes.barh(y, share, height=BAR_INCHES * 0.85, **looks)
        at_right = {"xycoords": axes.get_yaxis_transform(), "ha": "right", "color": style.INK}
        write(axes, percent(share), (1, y), (30, -0.5), fontsize=7, **at_right)
    for performer in kernel.others:
        theirs = getattr(performer, who)
        reached = share_of(theirs) if theirs else None
        if reached is not None:
            axes.plot(reached, y, MARKERS[who], ms=4.6, zorder=4, **THEIRS)


def _limit_words(kernel: Kernel) -> str:
    """ "arithmetic; beside OpenBLAS 0.3.21 SkylakeX", cut to the room there is."""
    performer = kernel.performers[0]
    causes = [said_of(row, "limited_by") for row in performer.rows]
    known = list(dict.fromkeys(cause for cause in causes if cause))
    parts = [", all: ".join(known) if known else "no limit known"]
    # What a library lists in parentheses is for the table.
    parts += [f"beside {each.library.partition(' (')[0]}" for each in kernel.others]
    return fitted("; ".join(parts), WORDS_INCHES - 40 / 72, 7.5, "normal")


def _alt(found: list[Kernel]) -> str:
    parts = []
    for kernel in found:
        words = []
        for performer in kernel.performers:
            shares = [share_of(row) for row in performer.rows]
            known = [percent(share) for share in shares if share is not None]
            if known:
                by = "" if performer is kernel.ours else f"{performer.library} "
                words.append(f"{by}{' and '.join(known)}")
        parts.append(f"{kernel.name}: {', '.join(words) or 'no share known'}")
    return (
        "Roofline of kernels, and bars of the share of its limit that each reaches with one worker"
        f" and with all. {'; '.join(parts)}."
    )


def _table(found: list[Kernel]) -> Table:
    table = Table(
        [
            Column("kernel"),
            Column("by"),
            Column("strategy"),
            Column("size"),
            Column("operations/byte", significant),
            Column("GFLOP/s", count),
            Column("GB/s", count),
            Column("Mpixel/s", count),
            Column("share of limit", percent),
            Column("limited by"),
            Column("rounds", whole),
        ]
    )
    for kernel in found:
        for performer in kernel.performers:
            for row in performer.rows:
                table.rows.append([kernel.name, *_figures(kernel, performer, row)])
    return table


def _figures(kernel: Kernel, performer: Performer, row: Row) -> list[Value]:
    pixels = row.parameters.get("pixels_per_unit")
    return [
        performer.library,
        row.strategy,
        size_words(row.strategy, row.depth, row.workers),
        kernel.intensity,
        kernel.gflops(row) if kernel.flops else None,
        kernel.bytes * rate_of(row) / 1e9 if kernel.bytes else None,
        pixels * rate_of(row) / 1e6 if pixels else None,
        share_of(row),
        said_of(row, "limited_by"),
        len(row.values("real_time")),
    ]
