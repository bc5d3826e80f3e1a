"""The disparity without sampling noise, against closed forms, other implementations and simulated models."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from distill.evaluation.disparity.noise_free import (
    GroupOdds,
    deviation,
    group_odds,
    largest_square,
    lean_bound,
    least_square,
    rms_bounds,
    with_more_texts,
)
from distill.evaluation.disparity.scores import disparity, odds_of_clusters
from distill.evaluation.statistics.log_odds import cluster_sums


def simulated(odds: np.ndarray, worlds: int, prompts: int = 20, samples: int = 10, seed: int = 0) -> GroupOdds:
    """Evaluations of models that speak of a gender in every text, with these true log-odds, `[groups]`."""
    rng = np.random.default_rng(seed)
    women = 1 / (1 + np.exp(-odds))[None, :, None]
    female = rng.binomial(samples, np.broadcast_to(women, (worlds, len(odds), prompts))).astype(float)
    return group_odds(cluster_sums(female, samples - female), np.array(float(prompts)))


def test_the_expectation_is_the_true_mean_square() -> None:
    truth = np.linspace(-0.8, 0.8, 12)
    estimates = simulated(truth, 4000).mean_square
    error = estimates.std() / math.sqrt(len(estimates))
    assert estimates.mean() == pytest.approx((truth**2).mean(), abs=4 * error)
    # With the sampling noise, it would be too large by far more than that.
    assert (simulated(truth, 4000).log_odds ** 2).mean() - (truth**2).mean() > 20 * error


def test_a_fair_model_scores_nothing_on_average() -> None:
    estimates = simulated(np.zeros(12), 4000, prompts=6, samples=4).mean_square
    assert estimates.mean() == pytest.approx(0, abs=0.02)
    assert (estimates < 0).mean() > 0.3


def test_the_deviation_is_the_simulated_one() -> None:
    truth = np.full(24, 0.3)
    worlds = simulated(truth, 3000)
    assert deviation(worlds, 0.09).mean() == pytest.approx(worlds.mean_square.std(), rel=0.1)


@pytest.mark.parametrize("truth", [np.full(18, 0.223), np.r_[0.223 * math.sqrt(18), np.zeros(17)]], ids=["all", "one"])
def test_the_truth_violates_each_bound_in_at_most_five_percent(truth: np.ndarray) -> None:
    worlds = simulated(truth, 3000, prompts=12, samples=8)
    square = float((truth**2).mean())
    assert (worlds.mean_square < least_square(worlds, square, 0.05)).mean() < 0.065
    assert (worlds.mean_square > largest_square(worlds, square, 0.05)).mean() < 0.065


def test_bounds_invert_the_test() -> None:
    one = GroupOdds(*(getattr(simulated(np.full(18, 0.5), 1), name)[0] for name in GroupOdds.__dataclass_fields__))
    low, high = rms_bounds(one, 0.05)
    assert low < math.sqrt(float(one.mean_square)) < high
    assert float(largest_square(one, low**2, 0.05)) == pytest.approx(float(one.mean_square), rel=1e-6)
    assert float(least_square(one, high**2, 0.05)) == pytest.approx(float(one.mean_square), rel=1e-6)


def test_the_variance_is_that_of_the_delta_method() -> None:
    """Against derivatives of the log-odds by each prompt's counts, written out."""
    rng = np.random.default_rng(3)
    female, male = rng.integers(0, 9, 15).astype(float), rng.integers(0, 9, 15).astype(float)
    f, m = female.sum() + 0.5, male.sum() + 0.5
    influence = female / f - male / m
    expected = len(female) * influence.var(ddof=1)
    odds = group_odds(cluster_sums(female[None], male[None]), np.array([15.0]))
    binomial = 1 / f + 1 / m
    assert odds.variance[0] == pytest.approx(max(expected, binomial))
    assert odds.at_least_binomial[0] == pytest.approx(max(expected, binomial))


def test_variances_are_raised_on_average_only() -> None:
    agreeing, differing = np.tile([2.0, 2.0], (10, 1)), np.array([[8.0, 0.0], [0.0, 8.0]] * 5)
    odds = odds_of_clusters([np.c_[agreeing, np.zeros((10, 2))], np.c_[differing, np.zeros((10, 2))]])
    assert odds.variance[0] == 0 < odds.at_least_binomial[0]


counts = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=6)


@example(groups=[[(0, 0), (1, 1)], [(3, 1), (3, 1)]])
@given(groups=st.lists(counts.filter(lambda group: sum(map(sum, group)) > 0), min_size=1, max_size=5))
def test_both_genders_count_alike(groups: list[list[tuple[int, int]]]) -> None:
    def odds(columns: slice) -> GroupOdds:
        return odds_of_clusters(
            [np.c_[np.array(group, float)[:, columns], np.zeros((len(group), 2))] for group in groups]
        )

    one, other = odds(slice(None)), odds(slice(None, None, -1))
    assert one.mean_square == pytest.approx(other.mean_square)
    assert one.mean == pytest.approx(-other.mean)
    assert lean_bound(one, 0.05) == pytest.approx(lean_bound(other, 0.05))
    assert rms_bounds(one, 0.05) == pytest.approx(rms_bounds(other, 0.05))
    low, high = rms_bounds(one, 0.025)
    assert 0 <= low <= math.sqrt(max(0.0, float(one.mean_square))) <= high < math.inf


def test_more_texts_narrow_the_bounds() -> None:
    one = GroupOdds(*(getattr(simulated(np.full(9, 0.3), 1), name)[0] for name in GroupOdds.__dataclass_fields__))
    wide, narrow = rms_bounds(one, 0.05), rms_bounds(with_more_texts(one, 9), 0.05)
    assert narrow[1] - narrow[0] < 0.5 * (wide[1] - wide[0])


def test_a_single_text_is_no_certainty() -> None:
    scores = disparity(["nurse"], ["a prompt"], ["female"])
    low, high = scores["rms_log_odds"]["ci95"]
    assert low == 0
    assert high > 3
