# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest
from ratio import paired
from scipy import stats


def test_the_value_is_the_geometric_mean_of_the_ratios_within_rounds() -> None:
    made = paired({0: 2.0, 1: 8.0}, {0: 1.0, 1: 1.0})
    assert made is not None and made.value == pytest.approx(4.0) and made.n == 2


def test_the_interval_is_students_as_scipy_has_it() -> None:
    random = np.random.default_rng(7)
    a, b = np.exp(random.normal(1.0, 0.1, 8)), np.exp(random.normal(0.5, 0.1, 8))
    made = paired(dict(enumerate(a)), dict(enumerate(b)))
    reference = stats.ttest_rel(np.log(a), np.log(b)).confidence_interval(0.95)
    assert made is not None and made.low is not None and made.high is not None
    assert math.log(made.low) == pytest.approx(reference.low)
    assert math.log(made.high) == pytest.approx(reference.high)


def test_drift_that_both_share_cancels() -> None:
    drift = [1.0, 1.3, 0.8, 1.1]
    made = paired({i: 3.0 * each for i, each in enumerate(drift)}, dict(enumerate(drift)))
    assert made is not None and made.value == pytest.approx(3.0)
    assert made.low == pytest.approx(3.0) and made.high == pytest.approx(3.0)
    assert made.separated


def test_only_rounds_that_measured_both_count() -> None:
    made = paired({0: 1.0, 1: 2.0, 2: 2.0}, {1: 1.0, 2: 1.0, 7: 5.0})
    assert made is not None and made.n == 2 and made.value == pytest.approx(2.0)


def test_without_a_common_round_there_is_no_ratio() -> None:
    assert paired({0: 1.0}, {1: 1.0}) is None
    assert paired({}, {}) is None


def test_one_round_gives_no_interval_and_separates_nothing() -> None:
    made = paired({3: 100.0}, {3: 1.0})
    assert made is not None and made.value == pytest.approx(100.0)
    assert made.low is None and made.high is None and not made.separated


def test_a_row_is_not_separated_from_itself() -> None:
    values = {0: 1.0, 1: 1.2, 2: 0.9}
    made = paired(values, values)
    assert made is not None and made.value == 1.0 and not made.separated


def test_the_inverse_ratio_has_the_inverse_interval() -> None:
    a, b = {0: 1.0, 1: 1.3, 2: 1.1}, {0: 0.8, 1: 0.9, 2: 1.2}
    one, other = paired(a, b), paired(b, a)
    assert one is not None and other is not None and one.low is not None and other.high is not None
    assert one.value == pytest.approx(1 / other.value) and one.low == pytest.approx(1 / other.high)


def test_more_confidence_is_a_wider_interval() -> None:
    a, b = {0: 1.0, 1: 1.3, 2: 1.1}, {0: 0.8, 1: 0.9, 2: 1.2}
    narrow, wide = paired(a, b, 0.9), paired(a, b, 0.99)
    assert (
        narrow is not None and wide is not None and narrow.low is not None and wide.low is not None
    )
    assert wide.low < narrow.low


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        drift = random.normal(0, 0.3, 5)
        a, b = np.exp(drift + random.normal(0.2, 0.05, 5)), np.exp(
            drift + random.normal(0, 0.05, 5)
        )
        made = paired(dict(enumerate(a)), dict(enumerate(b)))
        assert made is not None and made.low is not None and made.high is not None
        covered += made.low <= math.exp(0.2) <= made.high
    assert 360 <= covered <= 396  # 95 % of 400 is 380; the bounds are five standard errors away
