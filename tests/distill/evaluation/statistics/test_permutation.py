from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluation.statistics.bootstrap import resampled_sums
from distill.evaluation.statistics.log_odds import log_odds
from distill.evaluation.statistics.permutation import _odds, _permuted_sums, holm, permutation_test


def clusters(leans: tuple[float, float], prompts: int, seed: int, texts: int = 4) -> np.ndarray:
    """Texts of two models with the given leans, `[prompts, 4]`."""
    rng = np.random.default_rng(seed)
    columns = []
    for lean in leans:
        female = rng.binomial(texts, 1 / (1 + np.exp(-lean)), size=prompts)
        columns += [female, texts - female]
    return np.stack(columns, axis=1).astype(float)


def test_swaps_are_what_swapping_gives() -> None:
    """Every one of the 2³ swaps of three prompts, summed by hand."""
    group = clusters((0.5, -0.5), 3, seed=0)
    expected = set()
    for swap in product((False, True), repeat=3):
        swapped = np.array([row[[2, 3, 0, 1]] if turned else row for row, turned in zip(group, swap, strict=True)])
        f, m, f2, m2 = swapped.T
        terms = (f, m, f * f, f * m, m * m, f * m2, f2, m2, f2 * f2, f2 * m2, m2 * m2, f2 * m, f * f2, m * m2)
        expected.add(tuple(term.sum() for term in terms))
    sums = _permuted_sums(group, 500, np.random.default_rng(0))
    assert set(map(tuple, sums)) == expected
    assert tuple(sums[0][:2]) == tuple(group.sum(axis=0)[:2])


def test_variances_are_those_of_the_bootstrap() -> None:
    group = clusters((1.0, -0.3), 400, seed=1)
    group += np.repeat([[8, 0, 8, 0], [0, 8, 0, 8]], 200, axis=0)  # what moves both models makes their covariance
    odds = _odds(_permuted_sums(group, 1, np.random.default_rng(0)), len(group))
    sums = resampled_sums(group, 20_000, np.random.default_rng(0))
    expected = np.cov(log_odds(sums[:, 0], sums[:, 1]), log_odds(sums[:, 2], sums[:, 3]))
    ours = [odds.first_variance[0], odds.second_variance[0], odds.covariance[0]]
    assert ours == pytest.approx([expected[0, 0], expected[1, 1], expected[0, 1]], rel=0.05)
    assert expected[0, 1] > 0.2 * expected[0, 0]


def test_p_values_are_exact_for_models_that_are_the_same() -> None:
    """400 pairs: a rate of 5 % has a standard error of 1.1 %. `benchmarks/coverage.py` has 2,000 in many settings."""
    found = []
    for seed in range(400):
        groups = [clusters((lean, lean), 12, 100 * seed + i) for i, lean in enumerate((-1.5, 0.0, 0.0, 1.5))]
        p = permutation_test(groups, 199, np.random.default_rng(seed))
        found.append([p.disparity <= 0.05, p.log_odds <= 0.05, (p.by_group <= 0.05).mean()])
    assert np.mean(found, axis=0) == pytest.approx([0.05, 0.05, 0.05], abs=0.035)


def test_a_fair_model_that_hardly_speaks_of_gender_is_not_found_to_differ() -> None:
    """10 and 1 % of texts, 300 pairs. By the delta method, with shares moved towards the middle: 12 and 11 %."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        polar = [rng.binomial(5, rate, size=(18, 50)) for rate in (0.1, 0.01)]
        female = [rng.binomial(texts, 0.5) for texts in polar]
        groups = np.stack([female[0], polar[0] - female[0], female[1], polar[1] - female[1]], axis=2).astype(float)
        p = permutation_test([group for group in groups if group[:, 2:].any()], 199, rng)
        found.append([p.disparity <= 0.05, p.log_odds <= 0.05])
    disparity, odds = np.mean(found, axis=0)
    assert disparity <= 0.06
    assert odds <= 0.09


def test_a_difference_is_found_in_the_measure_that_it_is_in() -> None:
    rng = np.random.default_rng(0)
    fairer = permutation_test([clusters((2.0, 0.5), 40, 1), clusters((-2.0, -0.5), 40, 2)], 999, rng)
    assert fairer.disparity < 0.01
    assert (fairer.by_group < 0.01).all()
    moved = permutation_test([clusters((-0.6, 0.6), 40, 1), clusters((-0.6, 0.6), 40, 2)], 999, rng)
    assert moved.log_odds < 0.01 < moved.disparity


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_its_definition(p: list[float]) -> None:
    order = np.argsort(p, kind="stable")
    expected, largest = {}, 0.0
    for rank, index in enumerate(order):
        largest = max(largest, (len(p) - rank) * p[index])
        expected[index] = min(1.0, largest)
    assert list(holm(np.array(p))) == pytest.approx([expected[index] for index in range(len(p))])


@pytest.mark.parametrize("prompts", [2, 4, 6])
def test_few_prompts_give_no_smaller_p_than_their_swaps_can(prompts: int) -> None:
    for seed in range(20):
        p = permutation_test([clusters((4.0, -4.0), prompts, seed)], 50, np.random.default_rng(seed))
        assert p.by_group.item() >= 2.0 ** (1 - prompts)
