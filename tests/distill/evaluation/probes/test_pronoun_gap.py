import numpy as np
import pytest
import torch

from distill.evaluation.generation.templates import OCCUPATIONS
from distill.evaluation.probes.pronoun_gap import pronoun_gap, pronoun_log_odds
from distill.evaluation.scored_model import ScoredModel


@torch.no_grad()
def _log_p(scored_model: ScoredModel, opening: str, pronoun: str) -> float:
    """Sum over the tokens of the pronoun, after those of the opening."""
    given = scored_model.encode(opening)
    whole = scored_model.encode(opening + pronoun)
    assert whole[: len(given)] == given
    log_p = scored_model.model(torch.tensor([whole])).logits[0].double().log_softmax(-1)
    return sum(float(log_p[i - 1, whole[i]]) for i in range(len(given), len(whole)))


def test_log_odds_sum_the_variants_of_each_pronoun(scored_model: ScoredModel) -> None:
    occupations, templates = ("nurse", "bus driver"), ("The {} said that", "When the {} came,")
    odds = pronoun_log_odds(scored_model, 96, occupations, templates)
    for row, occupation in enumerate(occupations):
        for column, template in enumerate(templates):
            opening = template.format(occupation)
            he = np.logaddexp(_log_p(scored_model, opening, " he"), _log_p(scored_model, opening, " He"))
            she = np.logaddexp(_log_p(scored_model, opening, " she"), _log_p(scored_model, opening, " She"))
            assert odds[row, column] == pytest.approx(he - she, abs=1e-4)


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
