"""When a run ends as fair: by the definition, for any course of its two figures."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.callbacks.stop_when_fair import StopWhenFair
from distill.errors import UserError

FIGURES = st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 1)), min_size=1, max_size=12)


def trainer(step: int, gap: float, kd: float, early: bool = True):
    return SimpleNamespace(
        state=SimpleNamespace(fn="fit"), sanity_checking=False, global_step=step, should_stop=False,
        is_global_zero=True, checkpoint_callbacks=[], fit_loop=SimpleNamespace(_can_stop_early=early),
        callback_metrics={"val/equivariance": gap, "val/kd": kd},
    )  # fmt: skip


def ended_at(callback: StopWhenFair, figures, first: int = 0, continued: bool = False) -> int | None:
    """The number of the validation at which the run ended; `continued` loads the state anew before each."""
    for number, (gap, kd) in enumerate(figures, first):
        if continued:
            state, callback = callback.state_dict(), StopWhenFair(callback._target, callback._margin)
            callback.load_state_dict(state)
        run = trainer(number, gap, kd)
        callback.on_validation_end(run, None)
        if run.should_stop:
            assert callback.reason(number)
            return number
        assert callback.reason(number) is None
    return None


@given(figures=FIGURES, target=st.floats(0.01, 1), margin=st.floats(0, 1), continued=st.booleans())
def test_it_ends_at_the_first_fair_validation_that_costs_nothing(figures, target, margin, continued):
    kds = [kd for _, kd in figures]
    fair = (
        number
        for number, (gap, kd) in enumerate(figures)
        if gap <= target and kd <= (1 + margin) * min(kds[: number + 1])
    )
    assert ended_at(StopWhenFair(target, margin), figures, continued=continued) == next(fair, None)


@given(figures=FIGURES)
def test_without_a_target_it_never_ends(figures):
    callback = StopWhenFair()
    assert ended_at(callback, figures) is None
    assert not callback.state_dict()


def test_a_run_that_continues_elsewhere_does_not_end_by_old_figures():
    """… but one that continues from where it ended does."""
    callback = StopWhenFair(0.5)
    callback.on_validation_end(trainer(4, 0.3, 0.1), None)
    for step, ends in ((4, True), (5, False)):
        run = trainer(step, 0.3, 0.1)
        callback.on_train_start(run, None)
        assert run.should_stop == ends
    stricter = StopWhenFair(0.2)
    stricter.load_state_dict(callback.state_dict())
    run = trainer(4, 0.3, 0.1)
    stricter.on_train_start(run, None)
    assert not run.should_stop


def test_it_does_not_end_before_the_first_steps_that_the_trainer_asks_for():
    run = trainer(4, 0.3, 0.1, early=False)
    StopWhenFair(0.5).on_validation_end(run, None)
    assert not run.should_stop


def test_a_validation_without_a_gap_is_refused():
    run = trainer(4, 0.3, 0.1)
    del run.callback_metrics["val/equivariance"]
    with pytest.raises(UserError, match=r"the gap cannot be measured on data\.validation"):
        StopWhenFair(0.5).on_validation_end(run, None)
    StopWhenFair().on_validation_end(run, None)
