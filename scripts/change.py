# SPDX-License-Identifier: Apache-2.0
"""The change of a time between two runs: estimate, minimum-effect test, what could have been seen.

The sample is one process invocation, i.e. the row in one round. Values are compared as logarithms,
so that a change is a ratio. Rounds of two runs have nothing to do with each other, so the two
samples are independent, and their variances need not be equal: Welch's t (Biometrika 34, 1947).
From TRIM_FROM rounds on each sample is trimmed by a fifth at either end, which is Yuen's form of it
(Biometrika 61, 1974): on a shared machine one round in ten may be off by 20 %, and that would cost
more precision than the trimming does. With fewer rounds it is the other way round: trimming five
values to three leaves too few degrees of freedom for a corrected level. (Simulated with noise of
2 % and a 15 % disturbance in every twentieth round, 20 % slowdown, margin 5 %, one of 200 rows: at
n = 5 plain finds 71 %, trimmed 23 %; at n = 10 it is 82 % and 99 %.)

The question is not whether two times differ, which some bias of build or machine always makes them
do, but whether the new one is slower by more than a margin: the null hypothesis is that it is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

TRIM = 0.2
TRIM_FROM = 10
POWER = 0.8
# Of a log ratio: two rounds and a strict level can ask for more than a float holds.
LARGEST, LARGEST_END = 20.0, 300.0


@dataclass(frozen=True)
class Change:
    """log(new / base) with its standard error and degrees of freedom."""

    log_ratio: float
    error: float
    freedom: float

    @property
    def share(self) -> float:
        """0.05 is 5 % slower."""
        return math.expm1(self.log_ratio)

    def interval(self, confidence: float = 0.90) -> tuple[float, float]:
        """Of the share. Its default matches one-sided tests at 5 %."""
        half = _quantile(0.5 + confidence / 2, self.freedom) * self.error
        high = min(self.log_ratio + half, LARGEST_END)
        return math.expm1(self.log_ratio - half), math.expm1(high)

    def p_slower(self, margin: float) -> float:
        """Of a change at least this bad if the slowdown were `margin` at most."""
        return self._p(self.log_ratio - math.log1p(margin))

    def p_faster(self, margin: float) -> float:
        """The same for the reverse: if new took no less than 1 / (1 + margin) of base."""
        return self._p(-self.log_ratio - math.log1p(margin))

    def p_within(self, margin: float) -> float:
        """Of a change at least this harmless if the slowdown were `margin` at least."""
        return self._p(math.log1p(margin) - self.log_ratio)

    def detectable(self, margin: float, level: float) -> float:
        """The slowdown that a test at this level finds with probability POWER in such noise."""
        threshold = _quantile(1 - level, self.freedom)
        # The test divides by a standard error that is itself uncertain, so its power is that of a
        # noncentral t, here by the normal approximation of Johnson and Welch (Biometrika 31, 1940).
        # The usual sum of two quantiles of t promises 80 % and keeps 66 % with five rounds at a
        # level corrected for 200 rows.
        bias = math.exp(
            math.lgamma((self.freedom + 1) / 2) - math.lgamma(self.freedom / 2)
        ) * math.sqrt(2 / self.freedom)
        spread = math.sqrt(1 + threshold**2 * (1 - bias**2))
        steps = threshold * bias + float(stats.norm.ppf(POWER)) * spread
        return math.expm1(min(math.log1p(margin) + steps * self.error, LARGEST))

    def _p(self, excess: float) -> float:
        if self.error == 0:  # no noise at all: then it is no question of probability
            return 0.0 if excess > 0 else 1.0
        return float(stats.t.sf(excess / self.error, self.freedom))


def change(base: Sequence[float], new: Sequence[float]) -> Change | None:
    """The change from one sample of times to another; None if one of them shows no spread."""
    if min(len(base), len(new)) < 2:
        return None
    trim = TRIM if min(len(base), len(new)) >= TRIM_FROM else 0.0
    before, before_variance, before_kept = _centre(base, trim)
    after, after_variance, after_kept = _centre(new, trim)
    variance = before_variance + after_variance
    if variance == 0:
        return Change(after - before, 0.0, before_kept + after_kept - 2)
    freedom = variance**2 / (
        before_variance**2 / (before_kept - 1) + after_variance**2 / (after_kept - 1)
    )
    return Change(after - before, math.sqrt(variance), freedom)


def _centre(values: Sequence[float], trim: float) -> tuple[float, float, int]:
    """Trimmed mean of the logs, the squared error of it, and how many values it is the mean of."""
    logs = np.sort(np.log(np.asarray(values, dtype=float)))
    cut = int(trim * len(logs))
    kept = logs[cut : len(logs) - cut]
    winsorized = np.clip(logs, kept[0], kept[-1])
    squares = float(np.sum((winsorized - winsorized.mean()) ** 2))
    if kept[-1] - kept[0] < 1e-12:  # the same time again and again; what is left is rounding
        squares = 0.0
    return float(kept.mean()), squares / (len(kept) * (len(kept) - 1)), len(kept)


def _quantile(share: float, freedom: float) -> float:
    return float(stats.t.ppf(share, freedom))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p, in the order given: if all below a level are rejected, the chance of any false
    rejection in the family stays below it (Holm, Scandinavian Journal of Statistics 6, 1979).
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for position, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - position) * p_values[index]))
        adjusted[index] = highest
    return adjusted
