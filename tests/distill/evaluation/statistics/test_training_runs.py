import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from distill.evaluation.statistics.training_runs import difference_over_runs, mean_over_runs

runs = st.lists(st.integers(-50, 50).map(lambda value: value / 10), min_size=2, max_size=8, unique=True)


@given(runs)
def test_the_mean_is_students(values: list[float]) -> None:
    found = mean_over_runs(values)
    freedom, error = len(values) - 1, np.std(values, ddof=1) / np.sqrt(len(values))
    assert found.value == pytest.approx(np.mean(values))
    assert found.ci95 == pytest.approx(found.value + error * stats.t.ppf([0.025, 0.975], freedom))
    assert [found.lower, found.upper] == pytest.approx(found.value + error * stats.t.ppf([0.05, 0.95], freedom))


@given(runs, runs)
def test_the_difference_of_unpaired_runs_is_welchs(first: list[float], second: list[float]) -> None:
    found = difference_over_runs(first, second)
    oracle = stats.ttest_ind(second, first, equal_var=False).confidence_interval()
    assert found.ci95 == pytest.approx((oracle.low, oracle.high), abs=1e-9)


def test_runs_that_agree_have_no_spread() -> None:
    assert mean_over_runs([2.0, 2.0]).ci95 == (2.0, 2.0)
    assert difference_over_runs([2.0, 2.0], [3.0, 3.0, 3.0]).ci95 == (1.0, 1.0)


def test_two_runs_say_little() -> None:
    low, high = mean_over_runs([0.1, 0.2]).ci95
    assert low < 0 < high


@pytest.mark.parametrize("call", [lambda: mean_over_runs([1.0]), lambda: difference_over_runs([1.0], [1.0, 2.0])])
def test_one_run_has_no_interval(call: object) -> None:
    with pytest.raises(ValueError, match="at least two"):
        call()  # type: ignore[operator]
