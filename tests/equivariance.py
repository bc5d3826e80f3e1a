"""The equivariance gap by its definition: full distributions in float64, loops, and π as a plain dictionary."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from distill.perturbation.reversed_vocabulary import ReversedVocabulary

Groups = dict[tuple[int, ...], tuple[int, ...]]
"""Each group of tokens, and the group that it exchanges its mass with."""


def groups_of(vocabulary: ReversedVocabulary) -> Groups:
    """π as a dictionary."""
    tokens, group_of = vocabulary.tokens.tolist(), vocabulary.group_of.tolist()
    members = [
        tuple(t for t, g in zip(tokens, group_of, strict=True) if g == group) for group in range(max(group_of) + 1)
    ]
    return {members[group]: members[other] for group, other in enumerate(vocabulary.counterpart.tolist())}


def gap_by_definition(p: Sequence[float], counterfactual_p: Sequence[float], groups: Groups) -> float:
    """Jensen–Shannon divergence, in nats, of p and of the role-reversed reading of the counterfactual prediction."""
    read = list(counterfactual_p)
    for group, counterpart in groups.items():
        mass, own = sum(counterfactual_p[token] for token in counterpart), sum(p[token] for token in group)
        for token in group:
            read[token] = mass * (p[token] / own if own else 1 / len(group))
    total = 0.0
    for one, other in zip(p, read, strict=True):
        middle = (one + other) / 2
        total += sum(0.5 * each * math.log(each / middle) for each in (one, other) if each)
    return total


def probabilities(model: torch.nn.Module, ids: Sequence[int]) -> list[float]:
    """What a float64 model expects after these tokens, which it reads alone."""
    with torch.no_grad():
        logits: Tensor = model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0, -1]
    return logits.softmax(-1).tolist()
