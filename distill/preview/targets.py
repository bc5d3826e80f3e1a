"""What every target p″ says about a text's tokens, from one factual and one counterfactual pass of the teacher."""

from collections.abc import Iterator
from typing import get_args

import torch
from torch import Tensor
from transformers import PreTrainedModel

from distill.config import Contexts, Operator, PerturbationConfig
from distill.data.blocks import Batch
from distill.models.output_head import backbone
from distill.perturbation.operators import perturb, perturb_neutral
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

FACTUAL = PerturbationConfig()
"""The teacher's own prediction."""

OPERATORS = tuple(operator for operator in get_args(Operator) if operator != FACTUAL.operator)

SETTINGS = (
    FACTUAL,
    *(PerturbationConfig(operator, "identity", "reversed") for operator in OPERATORS),
    *(PerturbationConfig(operator, "reversed", "reversed") for operator in OPERATORS),
    *(PerturbationConfig(operator, "reversed", "all") for operator in OPERATORS),
)
"""The settings whose targets differ, the factual one first."""

_LOGITS = 2**24
"""How many logits of one prediction exist at a time: 64 MiB."""


def same_target(setting: PerturbationConfig) -> PerturbationConfig:
    """The one of `SETTINGS` that has this setting's target.

    Without an operator the rest is idle; and over the identity vocabulary a neutral prefix, being its own reversal,
    keeps its prediction, so that both contexts are one.

    Example:
        >>> same_target(PerturbationConfig("max", "identity", "all"))
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
        teacher: the model that is asked, on the batch's device.
        head_weight: `[V, D]` fp32 weights of its head.
        vocabulary: π, for the settings that read through it.
        batch: blocks of one length; what is labelled −100 is not scored.

    Returns:
        `[settings, batch, length]` fp32, in the order of `SETTINGS`; 0 where nothing is scored.
    """
    hidden = _ask(teacher, batch.inputs)
    counterfactual_hidden = _ask(teacher, batch.counterfactual)[batch.gather] if len(batch.gather) else hidden[:0]
    labels, prefix = batch.labels.flatten(), batch.prefix.flatten()
    slot = (prefix == PrefixKind.REVERSED).cumsum(0) - 1

    nlls = torch.zeros(len(SETTINGS), len(labels), device=labels.device)
    for rows in (labels != -100).nonzero().squeeze(-1).split(max(1, _LOGITS // len(head_weight))):
        log_p = _log_softmax(hidden[rows], head_weight)
        nlls[:, rows] = _nll(log_p, labels[rows])
        here = (prefix[rows] == PrefixKind.REVERSED).nonzero().squeeze(-1)
        if len(here):
            chosen = rows[here]
            counterfactual_log_p = _log_softmax(counterfactual_hidden[slot[chosen]], head_weight)
            for settings, target in _after_reversed(log_p[here], counterfactual_log_p, vocabulary):
                nlls[settings, chosen] = _nll(target, labels[chosen])
        here = (prefix[rows] == PrefixKind.NEUTRAL).nonzero().squeeze(-1)
        if len(here):
            chosen = rows[here]
            for settings, target in _after_neutral(log_p[here], vocabulary):
                nlls[settings, chosen] = _nll(target, labels[chosen])
    return nlls.unflatten(1, batch.labels.shape)


_Targets = Iterator[tuple[Tensor, Tensor]]
"""`[settings, 1]` indices of the settings that share a target, and its `[N, V]` log-probabilities."""


def _after_reversed(log_p: Tensor, counterfactual_log_p: Tensor, vocabulary: ReversedVocabulary) -> _Targets:
    for operator in OPERATORS:
        identity = PerturbationConfig(operator, "identity", "reversed")
        yield _indices(identity), perturb(log_p, counterfactual_log_p, operator)
        through = (PerturbationConfig(operator, "reversed", contexts) for contexts in get_args(Contexts))
        yield _indices(*through), perturb(log_p, counterfactual_log_p, operator, vocabulary)


def _after_neutral(log_p: Tensor, vocabulary: ReversedVocabulary) -> _Targets:
    for operator in OPERATORS:
        setting = PerturbationConfig(operator, "reversed", "all")
        yield _indices(setting), perturb_neutral(log_p, operator, vocabulary)


def _indices(*settings: PerturbationConfig) -> Tensor:
    return torch.tensor([[SETTINGS.index(setting)] for setting in settings])


def _ask(teacher: PreTrainedModel, ids: Tensor) -> Tensor:
    """`[batch, length]` -> `[batch · length, D]` fp32 hidden states; equal rows, as of he and she, are asked once."""
    rows, place = ids.unique(dim=0, return_inverse=True)
    return backbone(teacher)(input_ids=rows, use_cache=False).last_hidden_state[place].flatten(0, 1).float()


def _log_softmax(hidden: Tensor, head_weight: Tensor) -> Tensor:
    return (hidden @ head_weight.T).log_softmax(-1)


def _nll(log_p: Tensor, labels: Tensor) -> Tensor:
    return -log_p.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
