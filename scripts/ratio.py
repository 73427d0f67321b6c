# SPDX-License-Identifier: Apache-2.0
"""The ratio of two rows that were measured in the same rounds, with its confidence interval.

A round measures every row once, within minutes, in random order; so what slows the machine down for
a while slows both rows, and the ratio within a round is steadier than either time. The sample is
the round (a process invocation), the statistic the mean of log ratios, the interval Student's t, as
for any paired design (Kalibera and Jones, "Rigorous benchmarking in reasonable time", ISMM 2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats


LARGEST = 300.0  # of a log: two rounds and a strict level can ask for more than a float holds


@dataclass(frozen=True)
class Ratio:
    """numerator / denominator; low and high are None where one round alone gives no interval."""

    value: float
    low: float | None
    high: float | None
    n: int

    @property
    def separated(self) -> bool:
        """Whether the interval excludes 1: the data tells the two apart."""
        return (
            self.low is not None and self.high is not None and (self.low > 1.0 or self.high < 1.0)
        )


def paired(
    numerator: dict[int, float], denominator: dict[int, float], confidence: float = 0.95
) -> Ratio | None:
    """The ratio over the rounds that measured both; None if there is no such round."""
    rounds = sorted(numerator.keys() & denominator.keys())
    if not rounds:
        return None
    logs = np.log([numerator[index] / denominator[index] for index in rounds])
    centre = float(np.mean(logs))
    n = len(rounds)
    if n == 1:
        return Ratio(math.exp(centre), None, None, 1)
    half = float(stats.t.ppf(0.5 + confidence / 2, n - 1) * np.std(logs, ddof=1) / math.sqrt(n))
    low, high = max(centre - half, -LARGEST), min(centre + half, LARGEST)
    return Ratio(math.exp(centre), math.exp(low), math.exp(high), n)
