# SPDX-License-Identifier: Apache-2.0
"""Finds places for labels among many points, so that none covers a point, a line or another label.

Each label tries places around its point, near ones first, and takes the first that is free. Where
one finds none, all begin again with that one first. The same labels get the same places. Lengths
are points of the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Point = tuple[float, float]

# As far as a label may be away from its point. The first touches it, as the eye wants; from the
# second on a line leads there.
RADII = (5.0, 13.0, 21.0, 30.0, 40.0, 52.0, 66.0, 82.0, 100.0, 120.0, 142.0, 166.0)
CELL = 16  # points: of the size of most boxes, so that each is in few cells and a cell has few
RESTARTS = 8  # two suffice where thirty labels are crowded; who then has no place goes without
ANGLES = (0, 180, 45, -45, 135, -135, 90, -90, *range(-175, 180, 10))


@dataclass(frozen=True)
class Box:
    left: float
    low: float
    right: float
    high: float

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.low < other.high
            and other.low < self.high
        )


def around(at: Point, reach: float) -> Box:
    """A square."""
    return Box(at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach)


@dataclass(frozen=True)
class Label:
    """Words of this size, beside any of these points."""

    name: str
    points: list[Point]
    width: float
    height: float


@dataclass(frozen=True)
class Place:
    """Where a label goes: its box, and the line from its point to it, if it needs one."""

    box: Box
    line: tuple[Point, Point] | None


class Boxes:
    """Many boxes, found by where they are: a line alone is hundreds of them."""

    def __init__(self, boxes: Iterable[Box] = ()) -> None:
        self._by_cell: dict[tuple[int, int], list[Box]] = {}
        self.all: list[Box] = []
        for box in boxes:
            self.add(box)

    def add(self, box: Box) -> None:
        self.all.append(box)
        for cell in _cells(box):
            self._by_cell.setdefault(cell, []).append(box)

    def meet(self, box: Box) -> bool:
        return any(box.meets(each) for cell in _cells(box) for each in self._by_cell.get(cell, ()))


def _cells(box: Box) -> Iterator[tuple[int, int]]:
    for across in range(int(box.left // CELL), int(box.right // CELL) + 1):
        for up in range(int(box.low // CELL), int(box.high // CELL) + 1):
            yield across, up


@dataclass
class Sheet:
    """What is taken of an area."""

    area: Box
    taken: Boxes = field(default_factory=Boxes)
    crossable: Boxes = field(default_factory=Boxes)  # no place for words; lines may cross it

    def take(self, *boxes: Box) -> None:
        for box in boxes:
            self.taken.add(box)

    def free(self, *boxes: Box) -> bool:
        return all(self._free(box) for box in boxes)

    def _free(self, box: Box) -> bool:
        inside = (
            box.left >= self.area.left
            and box.right <= self.area.right
            and box.low >= self.area.low
            and box.high <= self.area.high
        )
        return inside and not self.taken.meet(box) and not self.crossable.meet(box)

    def place(self, labels: list[Label]) -> dict[str, Place]:
        """A free place for each by its name, which is then taken."""
        taken, order = self.taken.all, list(labels)
        found: dict[str, Place] = {}
        for _ in range(RESTARTS):
            self.taken, found = Boxes(taken), {}
            for label in order:
                place = self._place(label)
                if place is not None:
                    found[label.name] = place
            crowded = [label for label in order if label.name not in found]
            if not crowded:
                break
            order = crowded + [label for label in order if label.name in found]
        return found

    def _place(self, label: Label) -> Place | None:
        for radius in RADII:
            for at in label.points:
                for angle in ANGLES:
                    found = self._try(at, radius, math.radians(angle), label.width, label.height)
                    if found is not None:
                        self.take(found.box)
                        if found.line is not None:
                            self.take(*_way(*found.line))
                        return found
        return None

    def _try(
        self, at: Point, radius: float, angle: float, width: float, height: float
    ) -> Place | None:
        across, up = math.cos(angle), math.sin(angle)
        x, y = at[0] + radius * across, at[1] + radius * up
        # The box begins where the ray ends: at its left edge to the right of the point, and so on.
        left = x - width * (1 - across) / 2
        low = y - height * (1 - up) / 2
        box = Box(left, low, left + width, low + height)
        if not self.free(box):
            return None
        if radius == RADII[0]:
            return Place(box, None)
        if any(self.taken.meet(each) for each in _way(at, (x, y))):
            return None
        return Place(box, (at, (x, y)))


def _way(start: Point, end: Point) -> list[Box]:
    """What a line covers, from where it leaves its marker to short of its label."""
    length = math.dist(start, end)
    across, up = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    return [
        around((start[0] + across * at, start[1] + up * at), 0.8) for at in range(9, int(length), 2)
    ]
