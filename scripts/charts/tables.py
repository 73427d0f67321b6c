# SPDX-License-Identifier: Apache-2.0
"""How a duration, rate or ratio is written, and the table that stands under a chart."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from escape import plain

Value = str | float | int | None
NOT_MEASURED = "–"


@dataclass(frozen=True)
class Column:
    """A heading and how its values are written for people; the CSV has them unrounded."""

    title: str
    write: Callable[[float], str] | None = None  # None: text


@dataclass
class Table:
    """What a chart shows, as numbers."""

    columns: list[Column]
    rows: list[list[Value]] = field(default_factory=list)

    def text(self) -> list[list[str]]:
        """The rows as people read them."""
        return [
            [_text(column, value) for column, value in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]

    def csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([column.title for column in self.columns])
        writer.writerows([["" if value is None else value for value in row] for row in self.rows])
        return out.getvalue()

    def csv_link(self) -> str:
        """The CSV as an address, so that a page without scripts can offer it for download."""
        return "data:text/csv;charset=utf-8," + quote(self.csv(), errors="replace")


def _text(column: Column, value: Value) -> str:
    if value is None:
        return NOT_MEASURED
    if column.write is None or isinstance(value, str):
        return plain(str(value))
    return column.write(float(value))


def significant(value: float, digits: int = 3) -> str:
    """`value` with so many significant digits, never as a power: 0.0123, 4.56, 789, 12,345."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    decimals = max(0, digits - 1 - magnitude)
    rounded = round(value, decimals)
    if rounded != 0 and math.floor(math.log10(abs(rounded))) > magnitude:  # 9.999 became 10.0
        decimals = max(0, decimals - 1)
    return f"{rounded:,.{decimals}f}"


def _scaled(value: float, steps: tuple[tuple[float, str], ...]) -> str:
    """`value` in the first step that leaves at least 1 after rounding."""
    for size, unit in steps:
        if abs(value) >= 0.9995 * size:
            return f"{significant(value / size)}{unit}"
    size, unit = steps[-1]
    return f"{significant(value / size)}{unit}"


def duration(nanoseconds: float) -> str:
    """4,123 ns as "4.12 µs"."""
    return _scaled(nanoseconds, ((1e9, " s"), (1e6, " ms"), (1e3, " µs"), (1.0, " ns")))


def rate(per_second: float) -> str:
    """242,000 as "242k": for chart labels, where the axis names the unit."""
    return _scaled(per_second, ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")))


def tick(value: float) -> str:
    """30,000 as "30k": a round number on an axis, without the zeros of `rate`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def duration_tick(nanoseconds: float) -> str:
    """10,000 ns as "10 µs"."""
    for size, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= 0.9995 * size:
            return f"{nanoseconds / size:g} {unit}"
    return f"{nanoseconds:g} ns"


def ratio(value: float) -> str:
    """212.4 as "212×"; near one with two decimals on either side: "1.00×", "0.99×". Intervals of two
    rounds may end anywhere; past a million it does not matter where."""
    if value >= 1e6:
        return ">1,000,000×"
    if value <= 1e-6:
        return "<0.000001×"
    return f"{value:.2f}×" if 0.095 <= value < 9.995 else f"{significant(value)}×"


def count(value: float) -> str:
    return significant(value, 4)


def whole(value: float) -> str:
    return f"{value:,.0f}"
