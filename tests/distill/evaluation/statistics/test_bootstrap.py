import numpy as np
import pytest
from numpy.typing import NDArray

from distill.evaluation.statistics import bootstrap
from distill.evaluation.statistics.bootstrap import (
    interval,
    ratio_interval,
    resampled_sums,
    student_quantile,
    student_t_floor,
)


def test_the_variance_of_a_sum_is_unbiased() -> None:
    """Two clusters are the hard case: drawing two of two would halve the variance."""
    values = np.array([[1.0], [3.0]])
    sums = resampled_sums(values, 40_000, np.random.default_rng(0))
    # n · s², with s² the sample variance 2.
    assert sums.var() == pytest.approx(4.0, rel=0.03)
    assert sums.mean() == pytest.approx(4.0, rel=0.01)


def test_memory_is_bounded_by_working_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(size=(50, 2))
    whole = resampled_sums(values, 1000, np.random.default_rng(0))
    monkeypatch.setattr(bootstrap, "_CHUNK", 750)
    held, resampled_counts = [], bootstrap._resampled_counts

    def recorded(clusters: int, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
        held.append(clusters * draws)
        return resampled_counts(clusters, draws, rng)

    monkeypatch.setattr(bootstrap, "_resampled_counts", recorded)
    pieces = resampled_sums(values, 1000, np.random.default_rng(0))
    assert max(held) <= 750
    assert sum(held) == 1000 * 50
    assert pieces.shape == whole.shape == (1000, 2)
    assert pieces == pytest.approx(whole)


def test_one_cluster_tells_nothing() -> None:
    assert ratio_interval(np.array([2.0]), np.array([4.0]), seed=0) is None
    assert ratio_interval(np.array([2.0, 0.0]), np.array([4.0, 0.0]), seed=0) is None
    with pytest.raises(ValueError, match="two clusters"):
        resampled_sums(np.ones((1, 1)), 10, np.random.default_rng(0))


def test_a_ratio_interval_matches_the_normal_one() -> None:
    values = np.random.default_rng(2).normal(5, 1, size=400)
    low, high = ratio_interval(values, np.ones(400), seed=0, draws=4000)
    error = 1.96 * values.std(ddof=1) / 20
    assert (low, high) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.02)
    assert ratio_interval(values, np.ones(400), seed=0) == ratio_interval(values, np.ones(400), seed=0)


@pytest.mark.parametrize("clusters", [2, 3, 5])
def test_few_clusters_leave_the_truth_inside(clusters: int) -> None:
    """Without Student's t: 50, 76 and 86 %."""
    rng = np.random.default_rng(4)
    held = 0
    for seed in range(300):
        tokens = rng.integers(100, 800, clusters).astype(float)
        low, high = ratio_interval(tokens * rng.normal(3, 0.3, clusters), tokens, seed, np.exp, draws=300)
        held += low <= np.exp(3) <= high
    assert 0.92 <= held / 300 <= 0.98


def test_student_quantiles_are_the_published_ones() -> None:
    published = {1: 12.706, 2: 4.303, 5: 2.571, 9: 2.262, 25: 2.060, 40: 2.021, 200: 1.972, 1e9: 1.960}
    assert [student_quantile(freedom) for freedom in published] == pytest.approx(list(published.values()), abs=0.002)


def test_a_mean_of_many_groups_of_two_clusters_has_many_degrees_of_freedom() -> None:
    variances, clusters = np.full(18, 4.0), np.full(18, 2)
    low, high = student_t_floor([-0.1, 0.1], 0.0, variances, clusters)
    assert (low, high) == pytest.approx((-2.101 * 2 / 18**0.5, 2.101 * 2 / 18**0.5), rel=0.01)
    assert student_t_floor([-2.0, 2.0], 0.0, variances, clusters) == [-2.0, 2.0]
    assert student_t_floor([-2.0, 2.0], 0.0, np.zeros(1), np.ones(1)) == [-2.0, 2.0]


def test_interval_is_the_central_95_percent() -> None:
    assert interval(np.arange(1001.0)) == [25.0, 975.0]
