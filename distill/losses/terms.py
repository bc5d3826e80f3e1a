"""The terms of the loss as pure functions with their gradients, and the target that they compare the student with."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from distill.config import LossConfig, PerturbationConfig
from distill.losses.divergences import DIVERGENCES, DivergenceFunction
from distill.losses.odds import odds_divergence
from distill.perturbation.operators import perturb, perturb_neutral
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

IGNORED_LABEL = -100
"""The label of tokens that count nowhere."""

_LOG_ZERO = -1e4
"""Stands for log 0: its exponential is 0 in every float type, and 0 · (log 0 − log 0) stays 0 instead of NaN."""


@dataclass(frozen=True)
class TargetRule:
    """How the teacher's two predictions become the target p″.

    Attributes:
        settings: The operator, and after which prefixes it acts.
        vocabulary: The role-reversed vocabulary that counterfactual predictions are read through; None: as they are.
    """

    settings: PerturbationConfig
    vocabulary: ReversedVocabulary | None

    def acts_on(self, kind: PrefixKind) -> bool:
        """Whether the target after prefixes of this kind differs from the factual prediction."""
        if not self.settings.changes_target or kind == PrefixKind.UNALIGNED:
            return False
        return kind == PrefixKind.REVERSED or (self.settings.contexts == "all" and self.vocabulary is not None)

    def log_target(self, log_p: Tensor, counterfactual_log_p: Tensor | None, kind: PrefixKind) -> Tensor:
        """The target at temperature 1.

        Args:
            log_p: `[C, V]` log-probabilities of the teacher after the factual prefixes.
            counterfactual_log_p: `[C, V]` the same after the reversed prefixes; None unless `kind` is REVERSED.
            kind: Of all the prefixes.

        Returns:
            `[C, V]` log p″.
        """
        if not self.acts_on(kind):
            return log_p
        operator, strength, tokens = self.settings.operator, self.settings.strength, self.settings.tokens
        if counterfactual_log_p is not None:
            return perturb(
                log_p, counterfactual_log_p, operator, self.vocabulary, strength=strength, tokens=tokens
            )  # fmt: skip
        assert self.vocabulary is not None
        return perturb_neutral(log_p, operator, self.vocabulary, strength=strength, tokens=tokens)


@dataclass(frozen=True)
class LossTerms:
    """Divergence, cross-entropy and odds of the student, their gradients, and their weighted sum.

    Attributes:
        settings: Weights and temperature.
        divergence: The divergence that the settings name, with its parameters.
        gendered: `[K]` ids of the gendered tokens; None unless `odds_weight` is above 0.
    """

    settings: LossConfig
    divergence: DivergenceFunction
    gendered: Tensor | None

    @classmethod
    def from_settings(cls, settings: LossConfig, vocabulary: ReversedVocabulary | None) -> "LossTerms":
        """The terms that the settings describe."""
        gendered = vocabulary.words.tokens if settings.odds_weight and vocabulary is not None else None
        return cls(settings, DIVERGENCES[settings.divergence](settings), gendered)

    def sums(
        self,
        logits: Tensor,
        log_target: Tensor | None,
        labels: Tensor,
        odds_weight: Tensor,
        lm_scale: Tensor,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All terms, summed over some tokens, and the gradient of their weighted sum.

        Args:
            logits: `[C, V]` of the student.
            log_target: `[C, V]` log p″ at temperature 1; None without a teacher.
            labels: `[C]` next tokens of the cross-entropy; it does not count those of −100.
            odds_weight: Scalar, the weight of the odds at this step.
            lm_scale: Scalar that the cross-entropy is multiplied by: its normaliser is one of its own.
            weights: `[C]` factors of the tokens; None: 1.

        Returns:
            Sums of the divergence, the cross-entropy and the odds; `[C, V]` gradient with respect to the logits.
        """
        log_q = logits.log_softmax(-1)
        hard, labels = (labels != IGNORED_LABEL).unsqueeze(-1), labels.clamp(min=0).unsqueeze(-1)
        lm = -_weighted_sum(torch.where(hard, log_q.gather(-1, labels), 0).squeeze(-1), weights) * lm_scale
        lm_weight, gradient = self.settings.lm_weight, None
        if lm_weight or log_target is None:
            of_each = hard * (lm_weight * lm_scale)
            gradient = log_q.exp().mul_(of_each)
            gradient.scatter_add_(-1, labels, -of_each)
            _weigh_rows_(gradient, weights)
        if log_target is None:
            assert gradient is not None
            return lm.new_zeros(()), lm, lm.new_zeros(()), gradient
        odds, odds_gradient = lm.new_zeros(()), None
        if self.gendered is not None:
            values, odds_gradient = odds_divergence(log_target, log_q, self.gendered)
            odds = _weighted_sum(values, weights)
            _weigh_rows_(odds_gradient, weights)
        log_p, log_q = self._tempered(log_target), self._tempered(log_q)
        divergence, kd_gradient = self.divergence(log_p, log_q)
        # T² from the loss and 1/T from the chain rule leave T.
        kd_gradient.mul_(self.settings.kd_weight * self.settings.temperature)
        _weigh_rows_(kd_gradient, weights)
        if gradient is not None:
            kd_gradient.add_(gradient)
        if odds_gradient is not None:
            assert self.gendered is not None
            kd_gradient.index_add_(-1, self.gendered, odds_gradient * odds_weight)
        return _weighted_sum(divergence, weights), lm, odds, kd_gradient

    def total(self, kd: Tensor, lm: Tensor, odds: Tensor, odds_weight: Tensor) -> Tensor:
        """The weighted sum of the means of all terms, scalars."""
        settings = self.settings
        total = settings.kd_weight * settings.temperature**2 * kd + settings.lm_weight * lm
        return total if self.gendered is None else total + odds_weight * odds

    def _tempered(self, log_p: Tensor) -> Tensor:
        temperature = self.settings.temperature
        tempered = log_p if temperature == 1 else (log_p / temperature).log_softmax(-1)
        return tempered.clamp(min=_LOG_ZERO)


def _weighted_sum(values: Tensor, weights: Tensor | None) -> Tensor:
    return values.sum() if weights is None else (values * weights).sum()


def _weigh_rows_(gradient: Tensor, weights: Tensor | None) -> None:
    if weights is not None:
        gradient.mul_(weights.unsqueeze(-1))


def hidden_distance(
    student_hidden: Tensor,
    teacher_hidden: Tensor,
    labels: Tensor,
    valid_tokens: Tensor | float | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """1 − cosine similarity of the hidden states of student and teacher, mean over the valid tokens.

    Args:
        student_hidden: `[N, D]`.
        teacher_hidden: `[N, D]`.
        labels: `[N]`; tokens with the label −100 count nowhere.
        valid_tokens: The normaliser; None: the valid tokens of this call.
        weights: `[N]` factors of the tokens; None: 1.

    Returns:
        A scalar; between 0 and 2, if the normaliser is that of this call.
    """
    distance = 1 - functional.cosine_similarity(student_hidden.float(), teacher_hidden.float(), dim=-1)
    valid = labels != IGNORED_LABEL
    return _weighted_sum(distance * valid, weights) / (
        valid.sum().clamp(min=1) if valid_tokens is None else valid_tokens
    )
