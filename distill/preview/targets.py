"""−log p″ of a text's tokens under every target, from one factual and one counterfactual pass of the teacher."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor
from transformers import PreTrainedModel

from distill.config import Operator, PerturbationConfig
from distill.data.blocks import Batch
from distill.losses.terms import IGNORED_LABEL, TargetRule
from distill.models.output_head import last_hidden_states
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

FACTUAL = PerturbationConfig()
"""The teacher's own prediction."""

OPERATORS = tuple(operator for operator in get_args(Operator) if operator != FACTUAL.operator)

_FULL_TARGETS = (
    FACTUAL,
    *(PerturbationConfig(operator, "identity", "reversed") for operator in OPERATORS),
    *(PerturbationConfig(operator, "reversed", "reversed") for operator in OPERATORS),
    *(PerturbationConfig(operator, "reversed", "all") for operator in OPERATORS),
)
"""One setting for each target at full strength that differs from all others, the factual one first."""

_STRENGTHS = (0.25, 0.5, 0.75)

_LOGITS = 2**24
"""Most logits of one prediction in memory at a time: 64 MiB in fp32."""


def canonical_setting(setting: PerturbationConfig) -> PerturbationConfig:
    """The setting that `distinct_targets` lists for the target that this setting gives.

    Without an operator or strength the other fields have no effect. With the identity vocabulary a neutral prefix,
    which is its own reversal, keeps its prediction, so that both `contexts` give the same target.

    Example:
        >>> canonical_setting(PerturbationConfig("max", "identity", "all")).contexts
        'reversed'
    """
    if not setting.changes_target:
        return FACTUAL
    return replace(setting, contexts="reversed") if setting.vocabulary == "identity" else setting


def distinct_targets(configured: PerturbationConfig) -> tuple[PerturbationConfig, ...]:
    """One setting for each target to score: the factual one first, and the configured one also at other strengths."""
    own = canonical_setting(configured)
    partial = (replace(own, strength=strength) for strength in _STRENGTHS) if own.changes_target else ()
    return tuple(dict.fromkeys((*_FULL_TARGETS, *partial, own)))


@torch.inference_mode()
def target_nlls(
    teacher: PreTrainedModel,
    head_weight: Tensor,
    vocabulary: ReversedVocabulary,
    targets: Sequence[PerturbationConfig],
    batch: Batch,
) -> Tensor:
    """−log p″ of each label under every target, at T = 1, in nats.

    Args:
        teacher: The model, on the batch's device.
        head_weight: `[V, D]` fp32 weights of its head.
        vocabulary: The role-reversed vocabulary π, for the settings that use it.
        targets: The settings of the targets, see `distinct_targets`.
        batch: Blocks of one length; positions with the label −100 are not scored.

    Returns:
        `[settings, batch, length]` fp32, in the order of `targets`; 0 where nothing is scored.
    """
    nlls = torch.zeros(len(targets), batch.labels.numel(), device=batch.labels.device)
    labels = batch.labels.flatten()
    for settings, rows, log_target, _ in _targets_of(teacher, head_weight, vocabulary, targets, batch):
        nlls[settings, rows] = _nll(log_target, labels[rows])
    return nlls.unflatten(1, batch.labels.shape)


@torch.inference_mode()
def target_divergence(
    teacher: PreTrainedModel,
    head_weight: Tensor,
    vocabulary: ReversedVocabulary,
    setting: PerturbationConfig,
    batch: Batch,
) -> Tensor:
    """KL(p″ ‖ p), how far a target lies from the factual prediction, in nats.

    Args:
        teacher: The model, on the batch's device.
        head_weight: `[V, D]` fp32 weights of its head.
        vocabulary: The role-reversed vocabulary π, for a setting that uses it.
        setting: That of the target.
        batch: Blocks of one length.

    Returns:
        `[batch, length]` fp32.
    """
    divergence = torch.zeros(batch.labels.numel(), device=batch.labels.device)
    for _, rows, log_target, log_p in _targets_of(teacher, head_weight, vocabulary, [setting], batch):
        divergence[rows] = (log_target.exp() * (log_target - log_p)).sum(-1)
    return divergence.unflatten(0, batch.labels.shape)


def _targets_of(
    teacher: PreTrainedModel,
    head_weight: Tensor,
    vocabulary: ReversedVocabulary,
    targets: Sequence[PerturbationConfig],
    batch: Batch,
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Yield which settings have which target: first every setting the factual one, then those that change it theirs.

    Yields:
        `[settings, 1]` indices of the settings; `[N]` of the positions; `[N, V]` log p″ and log p.
    """
    hidden = _hidden_states(teacher, batch.inputs, batch.position_ids)
    counterfactual_hidden = hidden[:0]
    if len(batch.gather):
        states = _hidden_states(teacher, batch.counterfactual, batch.counterfactual_position_ids)
        counterfactual_hidden = states[batch.gather]
    labels, prefix = batch.labels.flatten(), batch.prefix.flatten()
    slot = (prefix == PrefixKind.REVERSED).cumsum(0) - 1

    for rows in (labels != IGNORED_LABEL).nonzero().squeeze(-1).split(max(1, _LOGITS // len(head_weight))):
        log_p = _log_softmax(hidden[rows], head_weight)
        yield torch.arange(len(targets)).unsqueeze(-1), rows, log_p, log_p
        for kind in (PrefixKind.REVERSED, PrefixKind.NEUTRAL):
            selected = (prefix[rows] == kind).nonzero().squeeze(-1)
            if not len(selected):
                continue
            chosen, factual, counterfactual_log_p, here = rows[selected], log_p[selected], None, list(targets)
            if kind == PrefixKind.REVERSED:
                counterfactual_log_p = _log_softmax(counterfactual_hidden[slot[chosen]], head_weight)
                # There, the contexts make no difference: settings that differ in them have one target.
                here = [replace(target, contexts="reversed") for target in targets]
            for target in dict.fromkeys(here):
                rule = TargetRule(target, vocabulary if target.vocabulary == "reversed" else None)
                if rule.acts_on(kind):
                    yield _indices(here, target), chosen, rule.log_target(factual, counterfactual_log_p, kind), factual


def _indices(targets: Sequence[PerturbationConfig], target: PerturbationConfig) -> Tensor:
    return torch.tensor([[index] for index, each in enumerate(targets) if each == target])


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
