import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from distill.evaluation.generation.templates import OCCUPATIONS
from distill.evaluation.probes.pronoun_gap import pronoun_gap, pronoun_log_probabilities, pronoun_mass
from distill.evaluation.scored_model import ScoredModel


@torch.no_grad()
def _log_p(scored_model: ScoredModel, opening: str, pronoun: str) -> float:
    """Sum over the tokens of the pronoun, after those of the opening."""
    given = scored_model.encode(opening)
    whole = scored_model.encode(opening + pronoun)
    assert whole[: len(given)] == given
    log_p = scored_model.model(torch.tensor([whole])).logits[0].double().log_softmax(-1)
    return sum(float(log_p[i - 1, whole[i]]) for i in range(len(given), len(whole)))


def test_log_probabilities_sum_the_variants_of_each_pronoun(scored_model: ScoredModel) -> None:
    occupations, templates = ("nurse", "bus driver"), ("The {} said that", "When the {} came,", "It was")
    found = pronoun_log_probabilities(scored_model, 96, occupations, templates)
    assert found.shape == (2, 3, 3)
    for row, occupation in enumerate(occupations):
        for column, template in enumerate(templates):
            for place, pronoun in enumerate(("he", "she", "they")):
                variants = [
                    _log_p(scored_model, template.format(occupation), f" {each}")
                    for each in (pronoun, pronoun.capitalize())
                ]
                assert found[row, column, place] == pytest.approx(np.logaddexp(*variants), abs=1e-4)


def test_the_sum_over_occupations() -> None:
    odds = np.zeros((len(OCCUPATIONS), 2))
    odds[0] = [-1.0, -3.0]
    odds[1] = [1.0, -1.0]
    result = pronoun_gap(odds, OCCUPATIONS)
    assert result["mean_abs_log_odds"] == pytest.approx(2 / len(OCCUPATIONS))
    assert result["groups"][OCCUPATIONS[0]] == -2
    assert result["groups"][OCCUPATIONS[1]] == 0
    assert result["ci95"][0] <= result["mean_abs_log_odds"] <= result["ci95"][1]


def test_the_interval_of_two_occupations_is_wide_and_of_no_gap_below_none() -> None:
    low, high = pronoun_gap(np.array([[0.5], [1.5]]), ["nurse", "pilot"])["ci95"]
    assert low == 0
    assert high == pytest.approx(1 + 12.7 * 0.5, rel=0.05)


_TABLES = arrays(
    np.float64,
    st.tuples(st.integers(2, 8), st.integers(1, 5)),
    elements=st.floats(-5, 5, allow_subnormal=False),
)


@given(_TABLES)
def test_the_interval_holds_the_value_and_knows_no_gender(odds: np.ndarray) -> None:
    names = [str(row) for row in range(len(odds))]
    result, swapped = pronoun_gap(odds, names), pronoun_gap(-odds, names)
    low, high = result["ci95"]
    assert 0 <= low <= result["mean_abs_log_odds"] + 1e-9
    assert result["mean_abs_log_odds"] <= high + 1e-9
    if np.all(odds.mean(axis=1)):  # at exactly 0 a sign has to be chosen
        assert swapped["ci95"] == pytest.approx(result["ci95"])


def test_templates_that_disagree_widen_the_interval() -> None:
    """Every occupation is the same to the model, so that only the templates tell how far the figure may move."""
    agree, disagree = np.full((30, 6), 1.0), np.tile([0.0, 0.5, 0.8, 1.2, 1.5, 2.0], (30, 1))
    names = [str(row) for row in range(30)]
    assert pronoun_gap(agree, names)["ci95"] == pytest.approx([1, 1])
    low, high = pronoun_gap(disagree, names)["ci95"]
    # Student's interval of the six templates
    assert high - 1 == pytest.approx(2.571 * np.std([0, 0.5, 0.8, 1.2, 1.5, 2], ddof=1) / np.sqrt(6), rel=0.01)
    assert low < 2 - high + 1e-9


def test_the_noise_of_templates_is_no_gap() -> None:
    """A model without any gap, seen through templates that each lean by chance."""
    odds = np.random.default_rng(3).normal(0, 1, (48, 6))
    result = pronoun_gap(odds, [str(row) for row in range(48)])
    assert result["mean_abs_log_odds"] > 0.2
    assert result["ci95"][0] == 0


def test_the_mass_is_the_mean_probability_and_its_parts_add_up() -> None:
    p = np.array([[[0.1, 0.2, 0.3], [0.1, 0.0, 0.1]], [[0.2, 0.2, 0.0], [0.4, 0.1, 0.1]]])
    with np.errstate(divide="ignore"):
        found = pronoun_mass(np.log(p))
    assert found["value"] == pytest.approx((0.6 + 0.2 + 0.4 + 0.6) / 4)
    assert [found[name] for name in ("he", "she", "they")] == pytest.approx([0.2, 0.125, 0.125])
    assert found["ci95"][0] <= found["value"] <= found["ci95"][1] <= 1
    assert pronoun_mass(np.log(np.full((1, 2, 3), 0.1)))["ci95"] is None
