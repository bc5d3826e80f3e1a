"""The equivariance gap against its definition, and what it is for: 0 for the equivariant teacher only."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import assume, given

from distill.perturbation import ReversedVocabulary, perturb, perturb_neutral
from distill.perturbation.equivariance_gap import gap_after_neutral, gap_after_reversed, position_gaps
from distill.perturbation.prefix_kinds import PrefixKind
from tests.distill.perturbation.predictions import PI, VOCABULARY, log_probabilities
from tests.equivariance import gap_by_definition, groups_of


@given(log_probabilities(), log_probabilities())
def test_it_equals_its_definition(log_p, counterfactual_log_p):
    expected = gap_by_definition(log_p.exp().tolist(), counterfactual_log_p.exp().tolist(), groups_of(PI))
    assert float(gap_after_reversed(log_p, counterfactual_log_p, PI)) == pytest.approx(expected, abs=1e-12)
    single = gap_after_reversed(log_p.float(), counterfactual_log_p.float(), PI)
    assert float(single) == pytest.approx(expected, abs=1e-6)


@given(log_probabilities(), log_probabilities())
def test_it_is_symmetric_and_at_most_log_2(log_p, counterfactual_log_p):
    there, back = (
        float(gap_after_reversed(*pair, PI)) for pair in ((log_p, counterfactual_log_p), (counterfactual_log_p, log_p))
    )
    assert there == pytest.approx(back, abs=1e-12)
    assert 0 <= there <= math.log(2) + 1e-12


def test_it_reaches_log_2_where_nothing_is_shared():
    one, other = torch.full((2, VOCABULARY), -math.inf)
    one[10], other[11] = 0, 0
    assert float(gap_after_reversed(one, other, PI)) == pytest.approx(math.log(2))


@given(log_probabilities(), log_probabilities())
def test_the_equivariant_teacher_has_none(log_p, counterfactual_log_p):
    there = perturb(log_p, counterfactual_log_p, "expmean", PI)
    back = perturb(counterfactual_log_p, log_p, "expmean", PI)
    assert float(gap_after_reversed(there, back, PI)) < 1e-12
    assert float(gap_after_neutral(perturb_neutral(log_p, "expmean", PI), PI)) < 1e-12


@given(log_probabilities())
def test_a_neutral_prefix_is_its_own_reversal(log_p):
    expected = float(gap_after_reversed(log_p, log_p, PI))
    assert float(gap_after_neutral(log_p, PI)) == pytest.approx(expected, abs=1e-12)


@given(log_probabilities(), st.floats(0.5, 20))
def test_a_more_biased_head_has_a_larger_gap(log_p, bias):
    even = perturb_neutral(log_p, "expmean", PI)
    assume(even[0] > -20)
    tilt = torch.zeros(VOCABULARY, dtype=torch.float64)
    tilt[0], tilt[1] = 1, -1
    gaps = [float(gap_after_neutral((even + bias * step * tilt).log_softmax(-1), PI)) for step in (0.0, 0.5, 1.0)]
    assert gaps[0] < gaps[1] < gaps[2]


def test_small_gaps_survive_fp32():
    """KL by its terms of the first order would be lost in their rounding."""
    log_p = torch.linspace(-3, 3, 5000, dtype=torch.float64).log_softmax(-1)
    far = (log_p + 1e-2 * torch.sin(torch.arange(5000.0))).log_softmax(-1)
    exact = float(gap_after_reversed(log_p, far, PI))
    assert 1e-6 < exact < 1e-4
    assert float(gap_after_reversed(log_p.float(), far.float(), PI)) == pytest.approx(exact, abs=1e-7)


def test_rows_with_equal_logits_for_both_genders_can_be_far_from_equivariant():
    """Surgery: “his” and “her” share one row. The pronouns are balanced, but “her” is also what “him” is to “his”."""
    he, she, his, him, her, rest = range(6)
    pi = ReversedVocabulary.from_pairs([((he,), (she,)), ((his, him), (her,))])
    of_her = torch.full((6,), 0.02)
    of_her[her], of_her[rest] = 0.5, 0.42
    of_him = torch.full((6,), 0.02)
    of_him[his], of_him[him], of_him[rest], of_him[her] = 0.01, 0.49, 0.44, 0.02
    before = gap_after_reversed(of_her.log().log_softmax(-1), of_him.log().log_softmax(-1), pi)
    operated = []
    for p in (of_her, of_him):
        logits = p.log()
        for pair in ([he, she], [his, her]):
            logits[pair] = logits[pair].mean()
        operated.append(logits.log_softmax(-1))
    assert float(before) < 0.01
    assert float(gap_after_reversed(*operated, pi)) > 5 * float(before)


@given(st.lists(st.sampled_from(list(PrefixKind)), max_size=8), st.integers(0, 2**16))
def test_positions_are_measured_by_their_kind(kinds, seed):
    generator = torch.Generator().manual_seed(seed)
    head = torch.randn(VOCABULARY, 3, generator=generator)
    hidden = torch.randn(len(kinds), 3, generator=generator)
    other = torch.randn(kinds.count(PrefixKind.REVERSED), 3, generator=generator)
    prefix = torch.tensor(kinds, dtype=torch.int8)
    gaps = position_gaps(hidden, prefix, other, lambda states: states @ head.T, 2**22, PI)
    counterfactuals = iter(other)
    for kind, state, gap in zip(kinds, hidden, gaps, strict=True):
        p = (head @ state).softmax(-1)
        expected = 0.0
        if kind != PrefixKind.UNALIGNED:
            q = (head @ next(counterfactuals)).softmax(-1) if kind == PrefixKind.REVERSED else p
            expected = gap_by_definition(p.tolist(), q.tolist(), groups_of(PI))
        assert float(gap) == pytest.approx(expected, abs=1e-6)


def test_a_reversed_prefix_needs_its_counterpart():
    prefix = torch.tensor([PrefixKind.REVERSED], dtype=torch.int8)
    with pytest.raises(ValueError, match="1 REVERSED rows and counterfactual_hidden has 0"):
        position_gaps(torch.zeros(1, 3), prefix, torch.zeros(0, 3), lambda states: states, 3, PI)
