# SPDX-License-Identifier: Apache-2.0
"""A position of the decision matrix: what is known of it, in words and as a table."""

from __future__ import annotations

from dataclasses import dataclass

from charts import style
from charts.rows import Missing, in_words, rate_of
from charts.tables import Column, Table, Value, ratio, whole
from decision import Cell, Decision
from ratio import Ratio

KINDS = ("failed", "absent", "not reached")  # of rows without figures, the gravest first


@dataclass(frozen=True)
class Slot:
    """One position of the matrix: a decided cell, or the rows that should have been there."""

    cell: Cell | None
    missing: list[Missing]

    def lost_as(self) -> str | None:
        """The gravest reason for having no figures; None with figures, or where no row was due."""
        kinds = {row.kind for row in self.missing}
        return None if self.cell else next((kind for kind in KINDS if kind in kinds), None)

    def flaws(self) -> list[str]:
        """Strategies that failed beside others that did not."""
        failed = {row.strategy for row in self.missing if row.kind == "failed"}
        return [strategy for strategy in style.STRATEGIES if self.cell and strategy in failed]

    def lost_in_short(self) -> str:
        """The strategies without figures, by kind: "hybrid failed, parallel absent"."""
        parts = []
        for kind in KINDS:
            strategies = [row.what for row in self.missing if row.kind == kind]
            if strategies:
                parts.append(f"{' and '.join(strategies)} {kind}")
        return ", ".join(parts)

    def words(self) -> str:
        """What there is to say, for the tooltip."""
        lost = "; ".join(f"{row.what} {row.kind} ({row.reason})" for row in self.missing)
        if self.cell is None:
            return lost or "no row of the suite has this size"
        text = in_words(self.cell.winner)
        if self.cell.gain:
            text += f", {_with_interval(self.cell.gain)} sequential"
        if self.cell.runner_up is None:
            text += "; nothing else was measured here"
        elif self.cell.ratio:
            verb = "ahead of" if self.cell.separated else "not separated from"
            text += f"; {verb} {in_words(self.cell.runner_up)}, {_with_interval(self.cell.ratio)}"
        return f"{text}; {lost}" if lost else text


Slots = dict[tuple[str, int], Slot]  # by subject and units in flight


def table(decisions: list[Decision], sizes: list[int], slots: Slots) -> Table:
    """Every position that was due, row by row."""
    out = Table(
        [
            Column("workload"),
            Column("units in flight", whole),
            Column("fastest"),
            Column("units/s", whole),
            Column("gain over sequential", ratio),
            Column("95 % low", ratio),
            Column("95 % high", ratio),
            Column("next"),
            Column("lead", ratio),
            Column("lead low", ratio),
            Column("lead high", ratio),
            Column("verdict"),
        ]
    )
    for decision in decisions:
        for size in sizes:
            slot = slots[decision.name, size]
            lost = slot.lost_in_short()
            if slot.cell is not None:
                out.rows.append([decision.name, size, *_measured(slot.cell, lost)])
            elif lost:
                out.rows.append([decision.name, size, *[None] * 9, lost])
    return out


def _measured(cell: Cell, lost: str) -> list[Value]:
    verdict = "separated" if cell.separated else "not separated"
    if cell.runner_up is None:
        verdict = "only one measured"
    return [
        in_words(cell.winner),
        rate_of(cell.winner),
        *_interval(cell.gain),
        in_words(cell.runner_up) if cell.runner_up else None,
        *_interval(cell.ratio),
        f"{verdict}; {lost}" if lost else verdict,
    ]


def _interval(value: Ratio | None) -> tuple[float | None, float | None, float | None]:
    return (value.value, value.low, value.high) if value else (None, None, None)


def _with_interval(value: Ratio) -> str:
    if value.low is None or value.high is None:
        return ratio(value.value)
    return f"{ratio(value.value)} ({ratio(value.low)} to {ratio(value.high)})"
