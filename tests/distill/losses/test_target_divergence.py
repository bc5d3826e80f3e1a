"""The target of rounded hidden states, against its definition."""

import torch

from distill.config import PerturbationConfig
from distill.losses.fused import TeacherStates
from distill.losses.target_divergence import target_divergence
from distill.losses.terms import IGNORED_LABEL, TargetRule
from distill.perturbation.operators import perturb
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary


def test_it_is_the_mean_divergence_of_the_two_targets():
    torch.manual_seed(0)
    tokens, size, width = 6, 8, 5
    vocabulary = ReversedVocabulary.from_pairs([([0, 1], [2]), ([3], [4])])
    rule = TargetRule(PerturbationConfig("expmean", "reversed", "all"), vocabulary)
    weight = torch.randn(size, width, dtype=torch.float64)
    hidden, counterfactual = (torch.randn(n, width, dtype=torch.float64) for n in (tokens, 2))
    prefix = torch.full((tokens,), PrefixKind.NEUTRAL, dtype=torch.int8)
    prefix[[1, 3]] = PrefixKind.REVERSED
    prefix[4] = PrefixKind.UNALIGNED
    labels = torch.zeros(tokens, dtype=torch.int64)
    labels[5] = IGNORED_LABEL

    def targets(hidden, counterfactual):
        log_p = (hidden @ weight.T).log_softmax(-1)
        other = log_p.clone()
        other[[1, 3]] = (counterfactual @ weight.T).log_softmax(-1)
        target = perturb(log_p, other, "expmean", vocabulary)
        target[4] = log_p[4]
        return target[:5]

    exact = TeacherStates(weight, hidden, counterfactual)
    rounded = TeacherStates(weight, *(states.bfloat16().double() for states in (hidden, counterfactual)))
    p, q = targets(*exact[1:]), targets(*rounded[1:])
    expected = (p.exp() * (p - q)).sum(-1).mean()
    assert expected > 1e-7
    assert abs(target_divergence(rule, exact, rounded, labels, prefix) - expected) < 1e-12
    assert target_divergence(rule, exact, exact, labels, prefix) == 0
