"""The terms of the loss on one chunk: target, divergence and cross-entropy, with their gradients."""

from dataclasses import dataclass

from torch import Tensor

from distill.config import Contexts, Divergence, Operator
from distill.losses.divergences import DIVERGENCES
from distill.perturbation.operators import perturb, perturb_neutral
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

_LOG_ZERO = -1e4
"""Stands for log 0: its exponential is 0 in every float type, and 0 · (log 0 − log 0) stays 0 instead of NaN."""


@dataclass(frozen=True)
class Perturbation:
    """How the teacher's two predictions become the target."""

    operator: Operator
    vocabulary: ReversedVocabulary | None
    contexts: Contexts

    def acts_on(self, kind: PrefixKind) -> bool:
        """Whether the target after such a prefix differs from the factual prediction."""
        if self.operator == "none" or kind == PrefixKind.UNALIGNED:
            return False
        return kind == PrefixKind.REVERSED or (self.contexts == "all" and self.vocabulary is not None)

    def log_target(self, log_p: Tensor, counterfactual: Tensor | None, kind: PrefixKind) -> Tensor:
        """`[C, V]` log p, and after REVERSED prefixes `[C, V]` counterfactual logits -> `[C, V]` log p″ at T = 1."""
        if not self.acts_on(kind):
            return log_p
        if counterfactual is not None:
            return perturb(log_p, counterfactual.log_softmax(-1), self.operator, self.vocabulary)
        assert self.vocabulary is not None
        return perturb_neutral(log_p, self.operator, self.vocabulary)


@dataclass(frozen=True)
class LossTerms:
    """The weights of the terms and what shapes them."""

    kd_weight: float
    lm_weight: float
    temperature: float
    divergence: Divergence
    jsd_beta: float

    def of(self, logits: Tensor, log_target: Tensor | None, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Both terms of some rows, and the gradient of their weighted sum.

        Args:
            logits: `[C, V]` of the student.
            log_target: `[C, V]` log p″ at T = 1, or None without a teacher.
            labels: `[C]`, all valid.

        Returns:
            Sum of the divergence, sum of the cross-entropy, `[C, V]` gradient with respect to the logits.
        """
        log_q = logits.log_softmax(-1)
        labels = labels.unsqueeze(-1)
        lm = -log_q.gather(-1, labels).sum()
        gradient = None
        if self.lm_weight or log_target is None:
            gradient = log_q.exp().mul_(self.lm_weight)
            gradient.scatter_add_(-1, labels, gradient.new_full(labels.shape, -self.lm_weight))
        if log_target is None:
            assert gradient is not None
            return lm.new_zeros(()), lm, gradient
        log_p, log_q = self._tempered(log_target), self._tempered(log_q)
        divergence, kd_gradient = DIVERGENCES[self.divergence](log_p, log_q, self.jsd_beta)
        # T² from the loss and 1/T from the chain rule leave T.
        kd_gradient.mul_(self.kd_weight * self.temperature)
        return divergence.sum(), lm, kd_gradient if gradient is None else kd_gradient.add_(gradient)

    def _tempered(self, log_p: Tensor) -> Tensor:
        tempered = log_p if self.temperature == 1 else (log_p / self.temperature).log_softmax(-1)
        return tempered.clamp(min=_LOG_ZERO)
