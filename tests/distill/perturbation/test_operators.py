"""Operators against their definition, and the equivariant teacher's symmetry as a property."""

import math
from typing import get_args

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor

from distill.config import Operator
from distill.perturbation.operators import perturb, perturb_neutral
from distill.perturbation.reversed_vocabulary import ReversedVocabulary
from tests.distill.perturbation.predictions import GROUPS, PI, VOCABULARY, log_probabilities

OPERATORS = ("none", "mean", "expmean", "max", "swap")


def group_masses(log_p: Tensor) -> Tensor:
    """Probability of every group, in pairs, and of every token outside."""
    p = log_p.exp()
    grouped = [p[list(side)].sum() for pair in GROUPS for side in pair]
    return torch.stack([*grouped, *p[10:]])


def exchanged(masses: Tensor) -> Tensor:
    order = [index ^ 1 for index in range(2 * len(GROUPS))] + list(range(2 * len(GROUPS), len(masses)))
    return masses[order]


@pytest.mark.parametrize("operator", get_args(Operator))
@given(log_p=log_probabilities())
def test_every_operator_keeps_a_prediction_that_equals_its_counterfactual(operator, log_p):
    """What `perturb_neutral` assumes about the tokens outside the vocabulary."""
    torch.testing.assert_close(perturb(log_p, log_p, operator), log_p, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("operator", get_args(Operator))
@given(log_p=log_probabilities(), counterfactual_log_p=log_probabilities(), seed=st.integers(0, 2**16))
def test_every_operator_acts_token_by_token(operator, log_p, counterfactual_log_p, seed):
    order = torch.randperm(VOCABULARY, generator=torch.Generator().manual_seed(seed))
    permuted = perturb(log_p[order], counterfactual_log_p[order], operator)
    torch.testing.assert_close(permuted, perturb(log_p, counterfactual_log_p, operator)[order], rtol=1e-9, atol=1e-9)


@given(log_probabilities(), log_probabilities(), st.sampled_from([1.0, 2.0]))
def test_the_equivariant_teacher_is_symmetric(log_p, counterfactual_log_p, temperature):
    there = perturb(log_p, counterfactual_log_p, "expmean", PI)
    back = perturb(counterfactual_log_p, log_p, "expmean", PI)
    # What a student that matches the tempered target predicts at temperature 1: its logits are T · log p″_T.
    there, back = ((temperature * (target / temperature).log_softmax(-1)).log_softmax(-1) for target in (there, back))
    torch.testing.assert_close(group_masses(there), exchanged(group_masses(back)), rtol=1e-6, atol=1e-12)


@given(log_probabilities())
def test_after_a_neutral_prefix_both_genders_are_equally_likely(log_p):
    masses = group_masses(perturb_neutral(log_p, "expmean", PI))
    torch.testing.assert_close(masses, exchanged(masses), rtol=1e-6, atol=1e-12)


@given(log_probabilities(), log_probabilities(), st.sampled_from(OPERATORS), st.sampled_from([None, PI]))
def test_targets_are_normalised_and_no_nan(log_p, counterfactual_log_p, operator, vocabulary):
    target = perturb(log_p, counterfactual_log_p, operator, vocabulary)
    assert not target.isnan().any()
    assert target.logsumexp(-1).abs() < 1e-6


@given(log_probabilities(), st.sampled_from(OPERATORS))
def test_the_neutral_shortcut_changes_nothing(log_p, operator):
    torch.testing.assert_close(perturb_neutral(log_p, operator, PI).exp(), perturb(log_p, log_p, operator, PI).exp())


@given(log_probabilities(), log_probabilities(), st.sampled_from(OPERATORS), st.floats(0.01, 0.99))
def test_the_strength_equals_its_definition(log_p, counterfactual_log_p, operator, strength):
    full = perturb(log_p, counterfactual_log_p, operator, PI)
    moved = ((1 - strength) * log_p + strength * full).softmax(-1)
    if moved.isnan().any():  # disjoint supports
        moved = log_p.exp()
    actual = perturb(log_p, counterfactual_log_p, operator, PI, strength=strength)
    torch.testing.assert_close(actual.exp(), moved, rtol=1e-9, atol=1e-12)
    assert torch.equal(perturb(log_p, counterfactual_log_p, operator, PI, strength=0), log_p)
    assert torch.equal(perturb(log_p, counterfactual_log_p, operator, PI, strength=1), full)


@given(log_probabilities(), log_probabilities(), st.sampled_from(OPERATORS), st.floats(0.01, 1))
def test_gendered_tokens_move_within_their_factual_sum(log_p, counterfactual_log_p, operator, strength):
    target = perturb(log_p, counterfactual_log_p, operator, PI, strength=strength, tokens="gendered")
    assert torch.equal(target[10:], log_p[10:])
    torch.testing.assert_close(target[:10].exp().sum(), log_p[:10].exp().sum(), rtol=1e-9, atol=1e-12)
    full = perturb(log_p, counterfactual_log_p, operator, PI, strength=strength)
    if min(full[:10].max(), log_p[:10].max()) > -math.inf:
        torch.testing.assert_close(target[:10].softmax(-1), full[:10].softmax(-1), rtol=1e-6, atol=1e-12)


@given(log_probabilities(), st.sampled_from(OPERATORS), st.floats(0, 1), st.sampled_from(["all", "gendered"]))
def test_the_neutral_shortcut_has_the_same_limits(log_p, operator, strength, tokens):
    expected = perturb(log_p, log_p, operator, PI, strength=strength, tokens=tokens)
    actual = perturb_neutral(log_p, operator, PI, strength=strength, tokens=tokens)
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


def test_wrong_limits_are_refused():
    log_p = torch.zeros(VOCABULARY).log_softmax(-1)
    with pytest.raises(ValueError, match="strength is 2"):
        perturb(log_p, log_p, "mean", PI, strength=2)
    with pytest.raises(ValueError, match="a role-reversed vocabulary is needed"):
        perturb(log_p, log_p, "mean", tokens="gendered")


@given(log_probabilities(), log_probabilities())
def test_reading_through_the_vocabulary_moves_whole_groups(log_p, counterfactual_log_p):
    read = counterfactual_log_p.index_copy(-1, PI.tokens, PI.read(log_p, counterfactual_log_p))
    torch.testing.assert_close(group_masses(read), exchanged(group_masses(counterfactual_log_p)), rtol=1e-6, atol=1e-12)
    p, q = log_p.exp(), read.exp()
    for side in (side for pair in GROUPS for side in pair):
        side = list(side)
        if p[side].sum() > 1e-9 and q[side].sum() > 1e-9:
            torch.testing.assert_close(q[side] / q[side].sum(), p[side] / p[side].sum(), rtol=1e-6, atol=1e-9)


@given(log_probabilities(), log_probabilities())
def test_operators_equal_their_definition(log_p, counterfactual_log_p):
    p, q = log_p.exp(), counterfactual_log_p.exp()
    definitions = {"none": p, "expmean": (p + q) / 2, "max": torch.maximum(p, q), "swap": q, "mean": (p * q).sqrt()}
    for operator, unnormalised in definitions.items():
        torch.testing.assert_close(
            perturb(log_p, counterfactual_log_p, operator).exp(),
            unnormalised / unnormalised.sum(),
            rtol=1e-6,
            atol=1e-9,
        )


def test_a_batch_is_its_rows():
    rows = torch.randn(2, 3, VOCABULARY, dtype=torch.float64).log_softmax(-1)
    other = torch.randn(2, 3, VOCABULARY, dtype=torch.float64).log_softmax(-1)
    whole = perturb(rows, other, "mean", PI)
    for index in ((0, 0), (1, 2)):
        torch.testing.assert_close(whole[index], perturb(rows[index], other[index], "mean", PI))


def test_an_impossible_group_shares_evenly():
    log_p = torch.tensor([-math.inf, -math.inf, 0.0])
    through = ReversedVocabulary.from_pairs([((0, 1), (2,))]).read(log_p, log_p)
    torch.testing.assert_close(through.exp(), torch.tensor([0.5, 0.5, 0.0]))


def test_predictions_that_exclude_each_other_keep_the_factual_one():
    log_p = torch.tensor([0.0, -math.inf])
    assert torch.equal(perturb(log_p, log_p.flip(0), "mean"), log_p)


def test_an_unknown_operator_is_refused():
    with pytest.raises(ValueError, match="unknown operator 'median'"):
        perturb(torch.zeros(2), torch.zeros(2), "median")  # type: ignore[arg-type]


def test_a_token_in_two_groups_is_refused():
    with pytest.raises(ValueError, match="two groups"):
        ReversedVocabulary.from_pairs([((0,), (1,)), ((1,), (2,))])
