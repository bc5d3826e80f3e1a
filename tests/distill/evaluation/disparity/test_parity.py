"""Parity as an equivalence test: what it says of models whose truth is known."""

import math

import numpy as np
import pytest

from distill.evaluation.disparity.noise_free import GroupOdds, group_odds, lean_bound, rms_bounds, with_more_texts
from distill.evaluation.disparity.parity import groups_beyond, parity, refuted, shown, texts_factor
from distill.evaluation.disparity.scores import disparity
from distill.evaluation.margins import Margins
from distill.evaluation.statistics.log_odds import binomial_variance, cluster_sums, log_odds

MARGIN = Margins().parity
WORLDS = 1500


def simulated(
    truth: np.ndarray,
    prompts: int = 20,
    samples: int = 10,
    polar: float = 0.58,
    lean: float = 0.0,
    worlds: int = WORLDS,
) -> GroupOdds:
    """Evaluations `[worlds, groups]` of models with these true log-odds; prompts lean by `lean` around them."""
    rng = np.random.default_rng(7)
    shape = (worlds, len(truth), prompts)
    odds = truth[None, :, None] * math.sqrt(1 + lean**2 / 2.89) + lean * rng.standard_normal(shape)
    texts = rng.binomial(samples, polar, shape)
    female = rng.binomial(texts, 1 / (1 + np.exp(-odds))).astype(float)
    return group_odds(cluster_sums(female, texts - female), np.array(float(prompts)))


def one(odds: GroupOdds, world: int = 0) -> GroupOdds:
    return GroupOdds(*(getattr(odds, name)[world] for name in GroupOdds.__dataclass_fields__))


def sparse(groups: int) -> np.ndarray:
    """One group carries all of a disparity at the margin."""
    return np.r_[MARGIN * math.sqrt(groups), np.zeros(groups - 1)]


@pytest.mark.parametrize("lean", [0.0, 0.7])
@pytest.mark.parametrize("truth", [np.full(31, MARGIN) * np.resize([1, -1], 31), sparse(31)], ids=["dense", "sparse"])
def test_a_model_at_the_margin_is_rarely_said_to_be_fair(truth: np.ndarray, lean: float) -> None:
    odds = simulated(truth, prompts=12, samples=18, polar=0.85, lean=lean)
    assert shown(odds, MARGIN).mean() < 0.065
    if not lean:
        assert refuted(odds, MARGIN).mean() < 0.065


@pytest.mark.parametrize(("lean", "least"), [(0.0, 0.95), (0.7, 0.90)])
def test_a_fair_model_is_shown_to_be_one(lean: float, least: float) -> None:
    odds = simulated(np.zeros(48), lean=lean)
    assert shown(odds, MARGIN).mean() > least
    assert refuted(odds, MARGIN).mean() < 0.01


def test_an_unfair_model_is_refuted() -> None:
    assert refuted(simulated(np.full(48, 0.5) * np.resize([1, -1], 48)), MARGIN).mean() > 0.9


def test_few_texts_decide_nothing() -> None:
    """BOLD's layout and polar rate: the old rule called 47 % of models with a mean ratio of .61 fair."""
    odds = simulated(np.full(18, 0.5) * np.resize([1, -1], 18), prompts=50, samples=5, polar=0.05)
    assert shown(odds, MARGIN).mean() < 0.01


def test_a_lean_is_not_parity() -> None:
    odds = simulated(np.full(40, 0.2), prompts=50, samples=20, polar=0.9)
    assert not shown(odds, 0.15).any()


def test_too_many_groups_for_their_texts_show_nothing() -> None:
    """With 4.5 texts a group, one group of 1,000 could carry a disparity at the margin without being seen."""
    odds = simulated(sparse(1000), prompts=5, samples=1, polar=0.9, worlds=50)
    assert not shown(odds, MARGIN).any()


def test_groups_beyond_the_margin_are_named_whatever_the_verdict() -> None:
    truth = np.zeros(48)
    truth[[3, 30]] = 1.05, -0.9
    odds = one(simulated(truth, prompts=60, samples=10, worlds=1))
    found = parity(odds, [f"group {index}" for index in range(48)], MARGIN, texts=600)
    assert found["verdict"] != "refuted"
    assert sorted(found["groups_beyond"]) == ["group 3", "group 30"]


def test_groups_at_the_margin_are_rarely_named() -> None:
    odds = simulated(np.full(20, MARGIN), worlds=400)
    assert np.mean([bool(groups_beyond(one(odds, world), MARGIN)) for world in range(400)]) < 0.08


def test_the_texts_that_are_asked_for_decide() -> None:
    few = simulated(np.zeros(18), prompts=10, samples=4, worlds=40)
    # What is needed follows from the estimate: the world whose estimate is right asks for as many as are needed.
    world = int(np.abs(few.mean_square).argmin())
    times = texts_factor(one(few, world), MARGIN)
    assert times is not None
    enough = simulated(np.zeros(18), prompts=int(10 * times), samples=4, worlds=400)
    assert 0.6 < shown(enough, MARGIN).mean() < 0.95


def test_a_decided_evaluation_needs_no_more_texts() -> None:
    found = parity(one(simulated(np.zeros(48), worlds=1)), [""] * 48, MARGIN, texts=200)
    assert (found["verdict"], found["texts_needed"]) == ("shown", None)
    assert found["upper"] < MARGIN > found["lean_upper"]


def test_the_margin_is_a_setting() -> None:
    rng = np.random.default_rng(0)
    rows = [("group", f"prompt {number % 50}", "female" if rng.random() < 0.6 else "male") for number in range(2000)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    assert disparity(*columns)["parity"]["verdict"] == "refuted"
    wide = disparity(*columns, margin=1.0)["parity"]
    assert (wide["verdict"], wide["margin"]) == ("shown", 1.0)


def counted(female: list[float], male: list[float], prompts: int = 20) -> GroupOdds:
    """Log-odds of groups with these texts, whose prompts do not lean."""
    texts = np.array(female) + np.array(male)
    variance = binomial_variance(np.array(female), np.array(male))
    odds = log_odds(np.array(female), np.array(male))
    return GroupOdds(odds, variance, variance, np.full(len(texts), float(prompts)), texts)


def test_texts_needed_count_the_lean_and_what_a_single_group_could_hide() -> None:
    leaning = counted([230.0] * 3, [200.0] * 3)
    # The disparity is shown to be small; that the lean is, is not.
    assert rms_bounds(leaning, 0.05)[1] < MARGIN < lean_bound(leaning, 0.05)
    factor = texts_factor(leaning, MARGIN)
    assert factor is not None
    assert lean_bound(with_more_texts(leaning, factor), 0.05) < MARGIN
    hidden = counted([6.0] * 300, [6.0] * 300)
    assert not shown(hidden, MARGIN)
    factor = texts_factor(hidden, MARGIN)
    assert factor is not None
    assert shown(with_more_texts(hidden, factor), MARGIN)
