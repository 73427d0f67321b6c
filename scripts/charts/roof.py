# SPDX-License-Identifier: Apache-2.0
"""The upper panel of the roofline: ceilings, and a column of points for each kernel.

Words find their places in points of the page, before anything is rendered; so scales are set by
hand here, and a place on them is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from matplotlib.axes import Axes

from charts import limits, style
from charts.drawing import log_scale, text_inches, write
from charts.kernels import Kernel, Performer, said_of, share_of
from charts.labels import Box, Label, Place, Point, Sheet, around
from charts.limits import Ceiling
from charts.tables import count, significant, tick
from reasons import percent
from report import Report, Row

LABEL_SIZE = 7.0
LINE_POINTS = 9.0  # height of a label
BESIDE_POINTS = 7.0  # references stand so far to the right of ours

MARKERS = {"one": "o", "every": "^"}
OURS = {"color": style.KERNEL, "markeredgecolor": style.PAPER, "markeredgewidth": 0.5}
THEIRS = {"color": style.SOFT, "markerfacecolor": style.PAPER, "markeredgewidth": 1.2}
CEILINGS = {
    "one": {"color": style.SOFT, "linewidth": 1.3},
    "every": {"color": style.SOFT, "linewidth": 0.8, "linestyle": (0, (4.0, 2.5))},
}


@dataclass
class Roof:
    """Draws the panel once."""

    axes: Axes
    report: Report
    found: list[Kernel]
    width: float  # of the panel, in points
    height: float
    columns: dict[str, float] = field(default_factory=dict)  # where a kernel stands, by its name
    names: list[Callable[[Sheet], None]] = field(default_factory=list)  # of lines, unwritten

    def draw(self, tooltips: dict[str, str]) -> None:
        self._scales()
        sheet = Sheet(Box(2, 2, self.width - 2, self.height - 2))
        for index, kernel in enumerate(self.found):
            self._points(kernel, index, sheet, tooltips)
        for who in ("every", "one") if limits.workers(self.report) > 1 else ("one",):
            self._ceilings(who, sheet)
        for name in self.names:
            name(sheet)
        labels = [self._label(kernel) for kernel in self.found]
        for name, place in sheet.place(labels).items():
            self._write(next(label for label in labels if label.name == name), place)

    def _scales(self) -> None:
        rates = [
            kernel.gflops(row)
            for kernel in self.found
            for performer in kernel.performers
            for row in performer.rows
        ]
        peaks = limits.peaks(self.report)
        tops = [rate / 1e9 for each in peaks for rate in (each.one, each.every) if rate]
        places = [kernel.intensity or 1.0 for kernel in self.found]
        # To the left of all points the sloping lines have room for their names; and what memory
        # limits is in sight, even if no kernel is there.
        ridges = [
            peak.one / level.one
            for peak in peaks
            for level in limits.bandwidths(self.report)
            if peak.one and level.one
        ]
        self.x = (min([min(places) / 25, *(ridge / 4 for ridge in ridges)]), max(places) * 3)
        self.y = (min(rates) / 4, max([*rates, *tops]) * 2.2)
        log_scale(self.axes.xaxis, *self.x, lambda value: f"{value:g}", most=9)
        log_scale(self.axes.yaxis, *self.y, tick, most=9)
        self.axes.set_xlabel("operations per byte of input and output")
        self.axes.set_ylabel("GFLOP/s")

    def _at(self, x: float, y: float) -> tuple[float, float]:
        """In points from the lower left corner."""
        across = math.log(x / self.x[0]) / math.log(self.x[1] / self.x[0])
        up = math.log(y / self.y[0]) / math.log(self.y[1] / self.y[0])
        return across * self.width, up * self.height

    def _beside(self, x: float, points: float) -> float:
        return x * (self.x[1] / self.x[0]) ** (points / self.width)

    def _points(self, kernel: Kernel, index: int, sheet: Sheet, tooltips: dict[str, str]) -> None:
        left = self._column(kernel, sheet)
        self.columns[kernel.name] = left
        for position, performer in enumerate(kernel.performers):
            is_ours = performer is kernel.ours
            x = self._beside(left, position * BESIDE_POINTS)
            ends = [kernel.gflops(row) for row in performer.rows]
            colour = style.KERNEL if is_ours else style.SOFT
            self.axes.vlines(x, min(ends), max(ends), color=colour, linewidth=0.9, zorder=3)
            for who, row in (("one", performer.one), ("every", performer.every)):
                if row is None:
                    continue
                gid = f"kernel-{index}-{position}-{who}"
                looks = OURS if is_ours else THEIRS
                size = 6.0 if is_ours else 4.6
                self.axes.plot(
                    x, kernel.gflops(row), MARKERS[who], ms=size, zorder=4, gid=gid, **looks
                )
                tooltips[gid] = _tooltip(kernel, performer, row)
            sheet.take(self._reach(x, performer, kernel))

    def _column(self, kernel: Kernel, sheet: Sheet) -> float:
        """Where it stands: at its intensity, or beside it where others stand already."""
        exact = kernel.intensity or 1.0
        for steps in (0, -2, 2, -3, 3, -4, 4):
            x = self._beside(exact, steps * BESIDE_POINTS)
            columns = [
                self._reach(self._beside(x, position * BESIDE_POINTS), performer, kernel)
                for position, performer in enumerate(kernel.performers)
            ]
            if sheet.free(*columns):
                return x
        return exact

    def _reach(self, x: float, performer: Performer, kernel: Kernel) -> Box:
        """What its points and the line between them cover."""
        ends = [self._at(x, kernel.gflops(row)) for row in performer.rows]
        low, high = min(y for _, y in ends), max(y for _, y in ends)
        return Box(ends[0][0] - 3.4, low - 3.6, ends[0][0] + 3.4, high + 3.6)

    def _label(self, kernel: Kernel) -> Label:
        performer = kernel.performers[0]
        # First at the point of all workers, which is the higher one.
        x = self.columns[kernel.name]
        points = [self._at(x, kernel.gflops(row)) for row in performer.rows[::-1]]
        width = text_inches(kernel.name, LABEL_SIZE) * 72 + 2
        return Label(kernel.name, points, width, LINE_POINTS)

    def _write(self, label: Label, place: Place) -> None:
        box = place.box
        at = {"xycoords": "axes points", "fontsize": LABEL_SIZE, "color": style.INK}
        write(self.axes, label.name, (box.left + 1, (box.low + box.high) / 2), **at)
        if place.line is not None:
            ends = [(x / self.width, y / self.height) for x, y in place.line]
            self.axes.plot(
                *zip(*ends),
                color=style.SOFT,
                linewidth=0.5,
                transform=self.axes.transAxes,
                zorder=2,
            )

    def _ceilings(self, who: str, sheet: Sheet) -> None:
        """Draws them; their names are written when all lines are known, and clear of them."""
        peaks = [each for each in limits.peaks(self.report) if _of(each, who)]
        levels = [each for each in limits.bandwidths(self.report) if _of(each, who)]
        top = max((_of(each, who) / 1e9 for each in peaks), default=self.y[1])
        fastest = max((_of(each, who) / 1e9 for each in levels), default=None)
        suffix = "" if who == "one" else f", {limits.workers(self.report)} workers"
        for each in levels:
            rate = _of(each, who) / 1e9
            start = max(self.x[0], self.y[0] / rate)
            end = min(self.x[1], top / rate)
            if start < end:
                ends = (start, start * rate), (end, end * rate)
                self._line(*ends, who, sheet)
                words = f"{each.name}{suffix}, {significant(rate)} GB/s"
                self.names.append(partial(self._name_slope, words, *ends))
        for each in peaks:
            rate = _of(each, who) / 1e9
            start = max(self.x[0], rate / fastest) if fastest else self.x[0]
            if start < self.x[1]:
                self._line((start, rate), (self.x[1], rate), who, sheet)
                words = f"{each.name}{suffix}, {significant(rate)} GFLOP/s"
                self.names.append(partial(self._name_level, words, rate))

    def _line(self, start: Point, end: Point, who: str, sheet: Sheet) -> None:
        self.axes.plot(*zip(start, end), zorder=1, **CEILINGS[who])
        (left, low), (right, high) = self._at(*start), self._at(*end)
        steps = max(1, int((right - left) / 4))
        for i in range(steps + 1):
            at = (left + (right - left) * i / steps, low + (high - low) * i / steps)
            sheet.crossable.add(around(at, 1.0))

    def _name_slope(self, words: str, start: Point, end: Point, sheet: Sheet) -> None:
        """Along the line, above it or below, as far to the left as there is room."""
        low, high = self._at(*start), self._at(*end)
        length = math.dist(low, high)
        across, up = (high[0] - low[0]) / length, (high[1] - low[1]) / length
        wide = text_inches(words, LABEL_SIZE) * 72
        for along in range(6, int(length - wide), 8):
            for off in (6.0, -6.0):  # of the middle of the words from the line
                middle = [
                    (low[0] + across * at - up * off, low[1] + up * at + across * off)
                    for at in range(along, along + int(wide) + 4, 4)
                ]
                boxes = [around(point, 3.0) for point in middle]
                if not sheet.free(*boxes):
                    continue
                sheet.take(*boxes)
                angle = math.degrees(math.atan2(up, across))
                turned = {"rotation": angle, "rotation_mode": "anchor", "va": "center"}
                looks = {"xycoords": "axes points", "fontsize": LABEL_SIZE, **turned}
                write(self.axes, words, middle[0], **looks)
                return

    def _name_level(self, words: str, rate: float, sheet: Sheet) -> None:
        """Above the line or below, as far to the right as there is room."""
        wide = text_inches(words, LABEL_SIZE) * 72 + 2
        _, y = self._at(self.x[0], rate)
        for right in range(int(self.width) - 4, int(wide), -10):
            for middle in (y + 6.5, y - 6.5):
                box = Box(right - wide, middle - 4.0, right, middle + 4.0)
                if sheet.free(box):
                    sheet.take(box)
                    looks = {"xycoords": "axes points", "fontsize": LABEL_SIZE, "ha": "right"}
                    write(self.axes, words, (right - 1, middle), **looks)
                    return


def _of(ceiling: Ceiling, who: str) -> float:
    return (ceiling.one if who == "one" else ceiling.every) or 0.0


def _tooltip(kernel: Kernel, performer: Performer, row: Row) -> str:
    share = share_of(row)
    who = "" if performer is kernel.ours else f", {performer.library}"
    workers = "1 worker" if row.workers == 1 else f"{row.workers} workers"
    words = f"{kernel.name}{who}, {workers}: {count(kernel.gflops(row))} GFLOP/s"
    limit = said_of(row, "limited_by")
    return words + (f", {percent(share)} of what {limit} allows" if share and limit else "")
