import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from distill.evaluation.statistics.two_way import two_way_reach

TABLES = arrays(
    np.float64, st.tuples(st.integers(2, 6), st.integers(2, 6)), elements=st.floats(-9, 9, allow_subnormal=False)
)


@given(TABLES)
def test_rows_and_columns_are_treated_alike(values: np.ndarray) -> None:
    assert two_way_reach(values) == pytest.approx(two_way_reach(values.T), abs=1e-9)


@given(TABLES, st.floats(-5, 5), st.floats(0.1, 5))
def test_it_moves_with_no_shift_and_scales(values: np.ndarray, shift: float, scale: float) -> None:
    assert two_way_reach(values * scale + shift) == pytest.approx(scale * two_way_reach(values), abs=1e-5)


def test_a_single_column_is_students_interval() -> None:
    values = np.array([[1.0], [2.0], [4.0], [8.0]])
    low, _ = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values[:, 0]))
    assert two_way_reach(values) == pytest.approx(values.mean() - low, rel=1e-3)


def test_columns_that_agree_leave_students_interval_of_the_rows() -> None:
    rows = np.array([1.0, 2.0, 4.0, 8.0])
    assert two_way_reach(np.tile(rows[:, None], 5)) == pytest.approx(two_way_reach(rows[:, None]))


def test_the_variance_is_the_sum_over_both_ways_less_that_of_single_values() -> None:
    """Hand-made: effects that add up, so that nothing is left over; degrees of freedom by Satterthwaite."""
    rows, columns = np.array([0.0, 1, 2, 3, 4]), np.array([0.0, 2, 4])
    by_rows, by_columns = rows.var(ddof=1) / 5, columns.var(ddof=1) / 3
    freedom = (by_rows + by_columns) ** 2 / (by_rows**2 / 4 + by_columns**2 / 2)
    expected = stats.t.ppf(0.975, freedom) * np.sqrt(by_rows + by_columns)
    assert two_way_reach(rows[:, None] + columns) == pytest.approx(expected, rel=0.02)
