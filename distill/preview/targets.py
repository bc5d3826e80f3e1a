"""−log p″ of a text's tokens under every target, from one factual and one counterfactual pass of the teacher."""

from collections.abc import Iterator
from typing import get_args

import torch
from torch import Tensor
from transformers import PreTrainedModel

from distill.config import Contexts, Operator, PerturbationConfig
from distill.data.blocks import Batch
from distill.losses.terms import IGNORED_LABEL
from distill.models.output_head import last_hidden_states
from distill.perturbation.operators import perturb, perturb_neutral
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

FACTUAL = PerturbationConfig()
"""The teacher's own prediction."""

OPERATORS = tuple(operator for operator in get_args(Operator) if operator != FACTUAL.operator)

DISTINCT_TARGETS = (
    FACTUAL,
    *(PerturbationConfig(operator, "identity", "reversed") for operator in OPERATORS),
    *(PerturbationConfig(operator, "reversed", "reversed") for operator in OPERATORS),
    *(PerturbationConfig(operator, "reversed", "all") for operator in OPERATORS),
)
"""One setting for each target that differs from all others, the factual one first."""

_LOGITS = 2**24
"""Most logits of one prediction in memory at a time: 64 MiB in fp32."""


def canonical_setting(setting: PerturbationConfig) -> PerturbationConfig:
    """The member of `DISTINCT_TARGETS` with the same target as this setting.

    Without an operator the other fields have no effect. With the identity vocabulary a neutral prefix, which is its own
    reversal, keeps its prediction, so that both `contexts` give the same target.

    Example:
        >>> canonical_setting(PerturbationConfig("max", "identity", "all"))
        PerturbationConfig(operator='max', vocabulary='identity', contexts='reversed')
    """
    if setting.operator == FACTUAL.operator:
        return FACTUAL
    if setting.vocabulary == "identity":
        return PerturbationConfig(setting.operator)
    return setting


@torch.inference_mode()
def target_nlls(teacher: PreTrainedModel, head_weight: Tensor, vocabulary: ReversedVocabulary, batch: Batch) -> Tensor:
    """−log p″ of each label under every target, at T = 1, in nats.

    Args:
        teacher: The model, on the batch's device.
        head_weight: `[V, D]` fp32 weights of its head.
        vocabulary: The role-reversed vocabulary π, for the settings that use it.
        batch: Blocks of one length; positions with the label −100 are not scored.

    Returns:
        `[settings, batch, length]` fp32, in the order of `DISTINCT_TARGETS`; 0 where nothing is scored.
    """
    hidden = _hidden_states(teacher, batch.inputs, batch.position_ids)
    counterfactual_hidden = hidden[:0]
    if len(batch.gather):
        states = _hidden_states(teacher, batch.counterfactual, batch.counterfactual_position_ids)
        counterfactual_hidden = states[batch.gather]
    labels, prefix = batch.labels.flatten(), batch.prefix.flatten()
    slot = (prefix == PrefixKind.REVERSED).cumsum(0) - 1

    nlls = torch.zeros(len(DISTINCT_TARGETS), len(labels), device=labels.device)
    for rows in (labels != IGNORED_LABEL).nonzero().squeeze(-1).split(max(1, _LOGITS // len(head_weight))):
        log_p = _log_softmax(hidden[rows], head_weight)
        nlls[:, rows] = _nll(log_p, labels[rows])
        selected = (prefix[rows] == PrefixKind.REVERSED).nonzero().squeeze(-1)
        if len(selected):
            chosen = rows[selected]
            counterfactual_log_p = _log_softmax(counterfactual_hidden[slot[chosen]], head_weight)
            for settings, target in _after_reversed(log_p[selected], counterfactual_log_p, vocabulary):
                nlls[settings, chosen] = _nll(target, labels[chosen])
        selected = (prefix[rows] == PrefixKind.NEUTRAL).nonzero().squeeze(-1)
        if len(selected):
            chosen = rows[selected]
            for settings, target in _after_neutral(log_p[selected], vocabulary):
                nlls[settings, chosen] = _nll(target, labels[chosen])
    return nlls.unflatten(1, batch.labels.shape)


_Targets = Iterator[tuple[Tensor, Tensor]]
"""`[settings, 1]` indices of the settings that share a target, and its `[N, V]` log-probabilities."""


def _after_reversed(log_p: Tensor, counterfactual_log_p: Tensor, vocabulary: ReversedVocabulary) -> _Targets:
    for operator in OPERATORS:
        identity = PerturbationConfig(operator, "identity", "reversed")
        yield _indices(identity), perturb(log_p, counterfactual_log_p, operator)
        reversed_reading = (PerturbationConfig(operator, "reversed", contexts) for contexts in get_args(Contexts))
        yield _indices(*reversed_reading), perturb(log_p, counterfactual_log_p, operator, vocabulary)


def _after_neutral(log_p: Tensor, vocabulary: ReversedVocabulary) -> _Targets:
    for operator in OPERATORS:
        setting = PerturbationConfig(operator, "reversed", "all")
        yield _indices(setting), perturb_neutral(log_p, operator, vocabulary)


def _indices(*settings: PerturbationConfig) -> Tensor:
    return torch.tensor([[DISTINCT_TARGETS.index(setting)] for setting in settings])


def _hidden_states(teacher: PreTrainedModel, ids: Tensor, position_ids: Tensor | None) -> Tensor:
    """`[batch, length]` -> `[batch · length, D]` fp32; equal rows, as of “he” and “she”, are computed once."""
    if position_ids is not None:
        return last_hidden_states(teacher, ids, position_ids).flatten(0, 1).float()
    rows, row_of = ids.unique(dim=0, return_inverse=True)
    return last_hidden_states(teacher, rows)[row_of].flatten(0, 1).float()


def _log_softmax(hidden: Tensor, head_weight: Tensor) -> Tensor:
    return (hidden @ head_weight.T).log_softmax(-1)


def _nll(log_p: Tensor, labels: Tensor) -> Tensor:
    return -log_p.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
