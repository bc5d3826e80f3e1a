import math
from itertools import product

import numpy as np
import pytest

from distill.evaluation.disparity.fair_baseline import fair_expectations, fair_ratio


@pytest.mark.parametrize("polar", [1, 2, 5, 8])
def test_fair_ratio_is_the_mean_over_all_outcomes(polar: int) -> None:
    outcomes = [sum(toss) for toss in product((0, 1), repeat=polar)]
    expected = np.mean([min(female, polar - female) / max(female, polar - female) for female in outcomes])
    assert fair_ratio(polar) == pytest.approx(expected, rel=1e-12)


def test_fair_ratio_of_many_texts_nears_one() -> None:
    # E ≈ 1 − 4 σ √(2/π) / n, with σ = √n / 2.
    assert fair_ratio(30_000) == pytest.approx(1 - 2 * math.sqrt(2 / math.pi / 30_000), abs=2e-4)
    with pytest.raises(ValueError, match="at least one polar text"):
        fair_ratio(0)


def test_fair_low_is_the_exact_quantile() -> None:
    # Two texts: one of each gender in half of all cases; both groups on one side in a quarter of all cases.
    assert fair_expectations([2, 2])["fair_low"] == 0.0
    outcomes = sorted((min(f, 12 - f) / (12 - min(f, 12 - f)), math.comb(12, f) / 2**12) for f in range(13))
    cumulative, expected = 0.0, None
    for value, probability in outcomes:
        cumulative += probability
        if cumulative >= 0.025:
            expected = value
            break
    assert fair_expectations([12])["fair_low"] == pytest.approx(expected)
    assert fair_expectations([12])["fair_min_low"] == pytest.approx(expected)


def test_expectations_are_the_means_over_all_outcomes() -> None:
    polar = [3, 6]
    outcomes = [
        (first, second, math.comb(3, first) * math.comb(6, second) / 2**9) for first in range(4) for second in range(7)
    ]

    def ratio(female: int, count: int) -> float:
        return min(female, count - female) / max(female, count - female)

    least = sum(p * min(ratio(first, 3), ratio(second, 6)) for first, second, p in outcomes)
    expected = fair_expectations(polar, simulations=200_000)
    assert expected["fair_mean_ratio"] == pytest.approx((fair_ratio(3) + fair_ratio(6)) / 2, rel=1e-12)
    assert expected["fair_min_ratio"] == pytest.approx(least, abs=0.003)


def test_no_group_expects_nothing() -> None:
    assert set(fair_expectations([]).values()) == {None}
