import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluation.paired.ratios import paired_difference
from distill.evaluation.statistics.bootstrap import ratio_interval, student_quantile


def _documents(count: int, change: float = 0.02, seed: int = 0) -> np.ndarray:
    """Documents that differ far more from each other than the models do on each of them."""
    rng = np.random.default_rng(seed)
    tokens = rng.integers(50, 500, count).astype(float)
    nats = tokens * rng.normal(3, 0.5, count)
    return np.column_stack([nats, tokens, nats + tokens * rng.normal(change, 0.01, count), tokens])


def test_ratios_are_those_of_the_sums() -> None:
    values = _documents(30)
    difference = paired_difference(values)
    assert difference is not None
    sums = values.sum(axis=0)
    assert difference.baseline == pytest.approx(sums[0] / sums[1])
    assert difference.value == pytest.approx(sums[2] / sums[3])
    assert difference.clusters == 30
    assert difference.low < difference.value - difference.baseline < difference.high


def test_what_documents_share_cancels() -> None:
    values = _documents(200)
    difference = paired_difference(values)
    alone = ratio_interval(values[:, 0], values[:, 1], 0)
    assert difference is not None
    assert alone is not None
    assert difference.low > 0
    assert difference.high - difference.low < (alone[1] - alone[0]) / 20


def test_the_interval_of_equally_long_documents_is_students_of_their_differences() -> None:
    differences = np.array([-1.5, -0.9, -0.3, -0.1, 0.1, 0.3, 0.9, 1.5]) + 0.2
    level = np.random.default_rng(0).normal(3, 1, 8)
    values = np.column_stack([level, np.ones(8), level + differences, np.ones(8)])
    reach = student_quantile(7) * differences.std(ddof=1) / np.sqrt(8)
    low, high = paired_difference(values)[2:4]  # type: ignore[index]
    assert low == pytest.approx(differences.mean() - reach)
    assert high == pytest.approx(differences.mean() + reach)


def test_skewed_differences_move_the_bound_on_their_long_side() -> None:
    """As Johnson's t interval of 1978 does, by the third moment of the differences."""
    differences = np.array([0.0] * 9 + [1.0])
    values = np.column_stack([np.ones(10), np.ones(10), 1 + differences, np.ones(10)])
    low, high = paired_difference(values)[2:4]  # type: ignore[index]
    reach = student_quantile(9) * differences.std(ddof=1) / np.sqrt(10)
    third = ((differences - 0.1) ** 3).mean()
    shift = third / (6 * differences.var(ddof=1) * 10) * (1 + 2 * 1.96**2)
    assert low == pytest.approx(0.1 - reach)
    # The long tail of resamples: three of nine documents that differ.
    assert high == pytest.approx(max(0.1 + reach, 3 / 9) + shift, rel=1e-4)


def test_differences_between_strata_are_no_noise() -> None:
    rng = np.random.default_rng(0)
    level = np.repeat([0.0, 5.0], 50)
    values = np.column_stack([rng.normal(0, 0.1, 100), np.ones(100), level + rng.normal(0, 0.1, 100), np.ones(100)])
    within, over_all = paired_difference(values, np.repeat([3, 7], 50)), paired_difference(values)
    assert within is not None
    assert over_all is not None
    assert within.value == over_all.value
    assert within.high - within.low < (over_all.high - over_all.low) / 10


def test_strata_of_one_cluster_count_together() -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(0, 1, 9), np.ones(9), rng.normal(0, 1, 9), np.ones(9)])
    assert paired_difference(values, np.arange(9)) == paired_difference(values)
    alone = paired_difference(values, np.array([0, 1, 1, 1, 1, 2, 2, 2, 2]))
    joined = paired_difference(values, np.array([1, 1, 1, 1, 1, 2, 2, 2, 2]))
    assert alone is not None
    assert joined is not None
    assert alone[:2] == joined[:2]


def test_shares_without_a_case_have_an_interval() -> None:
    """Resamples of 100 texts of which none is mixed show no spread."""
    none = np.tile([0.0, 10, 0, 10], (10, 1))
    assert paired_difference(none)[2:4] == (0, 0)  # type: ignore[index]
    low, high = paired_difference(none, counts=True)[2:4]  # type: ignore[index]
    assert high == -low == pytest.approx(3.84 / 100, rel=1e-3)


def test_logarithms_of_a_ratio_are_those_of_the_inverse_ratio_negated() -> None:
    values = _documents(40, change=0.3)
    one = paired_difference(values, logarithmic=True)
    inverse = paired_difference(values[:, [1, 0, 3, 2]], logarithmic=True)
    assert one is not None
    assert inverse is not None
    assert (one.low, one.high) == pytest.approx((-inverse.high, -inverse.low))
    assert one.low < np.log(one.value / one.baseline) < one.high


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        (np.ones((1, 4)), False),
        (np.zeros((5, 4)), False),
        (np.array([[1.0, 1, 0, 0], [1, 1, 0, 0]]), False),
        (np.array([[1.0, 1, 0, 1], [1, 1, 0, 1]]), True),
    ],
)
def test_too_few_clusters_or_an_undefined_ratio_have_no_difference(values: np.ndarray, logarithmic: bool) -> None:
    assert paired_difference(values, logarithmic=logarithmic) is None


@given(seed=st.integers(0, 1000), count=st.integers(2, 30), scale=st.floats(0.01, 100))
def test_order_and_unit_do_not_matter(seed: int, count: int, scale: float) -> None:
    values = _documents(count, seed=seed)
    one = paired_difference(values, draws=200)
    scaled = paired_difference(values * scale, draws=200)
    swapped = paired_difference(values[:, [2, 3, 0, 1]], draws=200)
    assert one is not None
    assert scaled is not None
    assert swapped is not None
    assert scaled[:4] == pytest.approx(one[:4], rel=1e-6, abs=1e-9)
    assert (swapped.low, swapped.high) == pytest.approx((-one.high, -one.low), rel=1e-6, abs=1e-9)
