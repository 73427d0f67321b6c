# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from change import change, holm
from scipy import stats


def sample(seed: int, n: int, centre: float = 0.0, spread: float = 0.03) -> np.ndarray:
    return np.exp(np.random.default_rng(seed).normal(centre, spread, n))


@pytest.mark.parametrize(
    ("n", "m", "trim"), [(5, 5, 0.0), (3, 9, 0.0), (10, 10, 0.2), (12, 20, 0.2), (40, 11, 0.2)]
)
def test_it_is_welchs_or_yuens_test_as_scipy_has_it(n: int, m: int, trim: float) -> None:
    base, new = sample(1, n), sample(2, m, 0.02, 0.05)
    made = change(base, new)
    assert made is not None
    reference = stats.ttest_ind(
        np.log(new), np.log(base), equal_var=False, trim=trim, alternative="greater"
    )
    assert made.p_slower(0.0) == pytest.approx(float(reference.pvalue), rel=1e-9)


def test_a_margin_shifts_the_null_hypothesis() -> None:
    base, new = sample(1, 6), sample(2, 6, 0.1)
    made, shifted = change(base, new), change(base * 1.05, new)
    assert made is not None and shifted is not None
    assert made.p_slower(0.05) == pytest.approx(shifted.p_slower(0.0))


def test_only_the_ratio_matters() -> None:
    base, new = sample(1, 7), sample(2, 7)
    made, scaled = change(base, new), change(base * 1e6, new * 1e6)
    assert made is not None and scaled is not None
    assert made.share == pytest.approx(scaled.share) and made.error == pytest.approx(scaled.error)


def test_the_order_of_rounds_does_not_matter() -> None:
    base, new = sample(1, 7), sample(2, 7)
    made, reversed_ = change(base, new), change(base[::-1], new[::-1])
    assert made is not None and reversed_ is not None
    assert astuple(made) == pytest.approx(astuple(reversed_))


def test_slower_one_way_is_faster_the_other_way() -> None:
    base, new = sample(1, 6), sample(2, 6, 0.1)
    there, back = change(base, new), change(new, base)
    assert there is not None and back is not None
    assert there.p_slower(0.05) == pytest.approx(back.p_faster(0.05))


def test_regressed_and_ruled_out_exclude_each_other() -> None:
    for seed in range(50):
        made = change(sample(seed, 5), sample(seed + 1000, 5, 0.05))
        assert made is not None
        assert made.p_slower(0.05) + made.p_within(0.05) == pytest.approx(1.0)


def test_ruled_out_means_that_the_interval_ends_below_the_margin() -> None:
    for seed in range(50):
        made = change(sample(seed, 5), sample(seed + 1000, 5, 0.02))
        assert made is not None
        assert (made.p_within(0.05) < 0.05) == (made.interval()[1] < 0.05)


def test_one_value_shows_no_spread() -> None:
    assert change([1.0], [1.0, 2.0]) is None
    assert change([1.0, 2.0], [1.0]) is None
    assert change([], [1.0, 2.0]) is None


def test_without_any_noise_the_figures_speak_for_themselves() -> None:
    slower, same = change([10.0] * 5, [10.6] * 5), change([10.0] * 5, [10.0] * 5)
    assert slower is not None and same is not None
    assert slower.p_slower(0.05) == 0 and slower.p_within(0.05) == 1
    assert same.p_slower(0.05) == 1 and same.p_within(0.05) == 0
    assert slower.detectable(0.05, 0.01) == pytest.approx(0.05)
    assert slower.interval() == pytest.approx((0.06, 0.06))


def test_noise_on_one_side_only_is_enough() -> None:
    made = change([10.0] * 5, [10.0, 10.1, 9.9, 10.2, 9.8])
    assert made is not None and made.error > 0 and made.freedom == pytest.approx(4)


@pytest.mark.parametrize("n", [5, 20])
def test_one_disturbed_round_in_many_does_not_move_the_estimate_of_the_trimmed(n: int) -> None:
    base, new = sample(1, n), sample(2, n)
    spoilt = new.copy()
    spoilt[np.argmax(new)] *= 3
    before, after = change(base, new), change(base, spoilt)
    assert before is not None and after is not None
    assert (after.share == pytest.approx(before.share)) == (n == 20)


@pytest.mark.parametrize(("n", "level"), [(5, 0.05), (5, 0.05 / 200), (10, 0.05 / 20)])
def test_the_detectable_slowdown_is_found_with_the_probability_that_it_names(
    n: int, level: float
) -> None:
    random = np.random.default_rng(3)
    spread = 0.03
    # What the typical of many experiments says, put to the test in as many others.
    trials = [
        change(np.exp(random.normal(0, spread, n)), np.exp(random.normal(0, spread, n)))
        for _ in range(600)
    ]
    detectable = float(
        np.median([each.detectable(0.05, level) for each in trials if each is not None])
    )
    found = 0
    for _ in range(600):
        made = change(
            np.exp(random.normal(0, spread, n)),
            np.exp(random.normal(math.log1p(detectable), spread, n)),
        )
        found += made is not None and made.p_slower(0.05) < level
    assert 0.72 <= found / 600 <= 0.88


def test_holm_is_as_worked_out_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.2]) == [0.2]
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_holm_never_adjusts_downwards_and_keeps_the_order() -> None:
    p_values = list(np.random.default_rng(5).random(50))
    adjusted = holm(p_values)
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    by_value = sorted(range(50), key=lambda index: p_values[index])
    assert [adjusted[index] for index in by_value] == sorted(adjusted)


@pytest.mark.parametrize("n", [5, 10])
def test_at_the_margin_itself_false_alarms_are_as_rare_as_the_level(n: int) -> None:
    """A slowdown of just the margin is the null hypothesis at its worst; nominal 5 % of 1,000."""
    random = np.random.default_rng(11)
    alarms = 0
    for _ in range(1000):
        base, new = random.normal(0, 0.02, n), random.normal(math.log(1.05), 0.02, n)
        disturbed = random.random((2, n)) < 0.05
        base, new = (
            values + hit * random.exponential(0.15, n)
            for values, hit in zip((base, new), disturbed, strict=True)
        )
        made = change(np.exp(base), np.exp(new))
        alarms += made is not None and made.p_slower(0.05) < 0.05
    assert alarms <= 70
