"""The equivariance gap: how far a model's predictions are from following a role reversal of their context.

An equivariant model gives “he” after a context the probability that it gives “she” after the reversed context, and
every other token the same probability after both. The gap at a position is the Jensen–Shannon divergence, in nats, of
q(· | x) and q(· | x̂) read through the role-reversed vocabulary π: 0 for the equivariant teacher, at most log 2. It is
symmetric: exchanging x and x̂ leaves it as it is, because a group's mass is divided among its tokens in the factual
proportions, so that only the masses of whole groups matter.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

__all__ = ["gap_after_neutral", "gap_after_reversed", "position_gaps"]

_LOGITS = 2**23
"""Most logits of one prediction in memory at a time: 32 MiB in fp32."""

_SATURATED = 50.0
"""Half a difference of log-probabilities from which on exp(−2 · half) is 0 in comparison with 1."""


def gap_after_reversed(log_p: Tensor, counterfactual_log_p: Tensor, vocabulary: ReversedVocabulary) -> Tensor:
    """The gap where a reversed word precedes.

    Args:
        log_p: `[..., V]` log-probabilities (in nats) after the factual prefix.
        counterfactual_log_p: `[..., V]` log-probabilities after the role-reversed prefix.
        vocabulary: π, on the same device.

    Returns:
        `[...]` in nats, between 0 and log 2.
    """
    through = vocabulary.read(log_p, counterfactual_log_p)
    return _jensen_shannon(log_p, counterfactual_log_p.index_copy(-1, vocabulary.tokens, through))


def gap_after_neutral(log_p: Tensor, vocabulary: ReversedVocabulary) -> Tensor:
    """The gap where nothing reveals a gender: `gap_after_reversed(log_p, log_p, vocabulary)`, from π's columns only.

    Args:
        log_p: `[..., V]` log-probabilities (in nats) after the prefix, which is its own reversal.
        vocabulary: π, on the same device.

    Returns:
        `[...]` in nats, between 0 and log 2.
    """
    return _jensen_shannon(log_p.index_select(-1, vocabulary.tokens), vocabulary.read(log_p, log_p))


def position_gaps(
    hidden: Tensor,
    prefix: Tensor,
    counterfactual_hidden: Tensor,
    logits: Callable[[Tensor], Tensor],
    width: int,
    vocabulary: ReversedVocabulary,
) -> Tensor:
    """The gap at every position of some text, from hidden states; logits exist for some positions at a time.

    Args:
        hidden: `[N, D]` hidden states after the factual prefixes.
        prefix: `[N]` int8 of `PrefixKind`.
        counterfactual_hidden: `[M, D]` hidden states after the role-reversed prefixes of the REVERSED rows, in order.
        logits: The output head, `[rows, D]` -> `[rows, V]`.
        width: V.
        vocabulary: π, on the same device.

    Returns:
        `[N]` in nats; 0 at UNALIGNED positions, which have no gap.

    Raises:
        ValueError: If the number of REVERSED positions is not M.
    """
    reversed_rows = (prefix == PrefixKind.REVERSED).nonzero().squeeze(-1)
    if (marked := len(reversed_rows)) != (rows_given := len(counterfactual_hidden)):
        raise ValueError(f"prefix marks {marked} REVERSED rows and counterfactual_hidden has {rows_given}")
    gaps = torch.zeros(len(hidden), device=hidden.device)
    at_once = max(1, _LOGITS // width)
    for rows in (prefix == PrefixKind.NEUTRAL).nonzero().squeeze(-1).split(at_once):
        gaps[rows] = gap_after_neutral(logits(hidden[rows]).log_softmax(-1), vocabulary).float()
    for rows, counterfactual in zip(reversed_rows.split(at_once), counterfactual_hidden.split(at_once), strict=True):
        log_p, counterfactual_log_p = (logits(states).log_softmax(-1) for states in (hidden[rows], counterfactual))
        gaps[rows] = gap_after_reversed(log_p, counterfactual_log_p, vocabulary).float()
    return gaps


def _jensen_shannon(log_p: Tensor, log_q: Tensor) -> Tensor:
    """½ KL(p ‖ m) + ½ KL(q ‖ m) with m = (p + q) / 2, summed over the last dimension.

    With d = log q − log p, the term of a token is (p + q) / 2 · (d/2 · tanh(d/2) − log cosh(d/2)): never negative, and
    without the cancellation of KL's terms of the first order, which in fp32 would exceed a small divergence.
    """
    # Where both are −∞ their difference is NaN, and its weight 0; a NaN among the predictions survives in the weight.
    half = ((log_q - log_p) / 2).abs_().nan_to_num_(nan=0.0).clamp_(max=_SATURATED)
    decay = torch.exp(-2 * half)
    spread = math.log(2) - decay.log1p() - 2 * half * decay / (1 + decay)
    return ((log_p.exp() + log_q.exp()) / 2 * spread).sum(-1).clamp(min=0)
