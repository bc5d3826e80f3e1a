"""The fused distillation loss: gradient in the forward pass, a chunk of tokens at a time, from hidden states.

No `[tokens, vocabulary]` tensor exists beyond one chunk's: neither the student's logits, nor the teacher's, nor the
counterfactual's. The gradient with respect to the logits is known in closed form as soon as they are, so the products
that give the gradients of hidden states and head weights follow at once, and nothing is computed twice.

Rows are processed at two sizes. A *chunk* goes through the head products, whose results stay in buffers that are
allocated once; a *tile*, a part of a chunk, goes through everything between two products, small enough for its
temporaries to cost next to nothing.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from distill.config import Contexts, Divergence, LossConfig, MovedTokens, Operator, PerturbationConfig
from distill.losses.chunk_sizes import chunk_rows
from distill.losses.fused import FusedLoss, Normaliser, TeacherStates, split_chunks
from distill.losses.terms import IGNORED_LABEL, LossTerms, TargetRule
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

__all__ = ["DistillationLoss", "DistillationObjective", "distillation_loss"]


class DistillationLoss(NamedTuple):
    """The terms of the loss, scalars in nats per valid token.

    Attributes:
        total: `kd_weight · T² · kd + lm_weight · lm + odds_weight · odds`; carries the gradient.
        kd: Divergence between the tempered target and the tempered student; detached, unweighted, without T².
        lm: Cross-entropy of the student; detached, unweighted.
        odds: Divergence within the gendered tokens (`distill.losses.odds`); detached, unweighted; 0 unless
            `odds_weight` is above 0.
    """

    total: Tensor
    kd: Tensor
    lm: Tensor
    odds: Tensor


@dataclass(frozen=True)
class DistillationObjective:
    """The loss that the settings describe, built once and called at every step with tensors only.

    Matrix products are computed in the dtype of the hidden states (or autocast's); logits, losses and the gradient of
    the head weights are accumulated in fp32 (float64 for float64 inputs). The gradient is good for one backward pass.

    Args:
        loss: Weights and parameters of the terms. The hidden-state term is not part of this objective, see
            `distill.losses.terms.hidden_distance`.
        perturbation: How the teacher's two predictions become the target.
        vocabulary: The role-reversed vocabulary, on the training device; None unless
            `perturbation.vocabulary` is `reversed`.

    Raises:
        ValueError: If `vocabulary` does not match `perturbation.vocabulary`, or there is none and `loss.odds_weight`
            is not 0.

    Example:
        >>> objective = DistillationObjective(LossConfig(temperature=2.0), PerturbationConfig("mean"))
        >>> hidden, weight, labels = torch.randn(6, 8), torch.randn(10, 8), torch.randint(10, (6,))
        >>> prefix = torch.full((6,), PrefixKind.REVERSED)
        >>> loss = objective(hidden, weight, hidden, weight, labels, prefix, hidden)
        >>> abs(loss.kd.item()) < 1e-6
        True
    """

    loss: LossConfig
    perturbation: PerturbationConfig = PerturbationConfig()
    vocabulary: ReversedVocabulary | None = None

    def __post_init__(self) -> None:
        if (self.perturbation.vocabulary == "reversed") != (self.vocabulary is not None):
            given = "none is given" if self.vocabulary is None else "a role-reversed vocabulary is given"
            raise ValueError(f"perturbation.vocabulary is {self.perturbation.vocabulary!r} and {given}")
        if self.loss.odds_weight and self.vocabulary is None:
            raise ValueError("odds_weight is not 0, so a role-reversed vocabulary is needed")

    @cached_property
    def _rule(self) -> TargetRule:
        return TargetRule(self.perturbation, self.vocabulary)

    @cached_property
    def _terms(self) -> LossTerms:
        return LossTerms.from_settings(self.loss, self.vocabulary)

    def __call__(
        self,
        student_hidden: Tensor,
        student_weight: Tensor,
        teacher_hidden: Tensor | None,
        teacher_weight: Tensor | None,
        labels: Tensor,
        prefix: Tensor | None = None,
        counterfactual_hidden: Tensor | None = None,
        valid_tokens: float | Tensor | None = None,
        odds_weight: float | None = None,
        hard_labels: Tensor | None = None,
        hard_tokens: float | Tensor | None = None,
        weights: Tensor | None = None,
    ) -> DistillationLoss:
        """The loss of some tokens, mean over the valid ones.

        Args:
            student_hidden: `[N, D]` hidden states as the head takes them (after the final norm).
            student_weight: `[V, D]` weights of the student's head.
            teacher_hidden: `[N, D_teacher]`, after the factual prefixes; None without a teacher (`kd_weight` must be
                0 then).
            teacher_weight: `[V, D_teacher]`; None without a teacher.
            labels: `[N]` int64 next tokens; those of −100 count nowhere.
            prefix: `[N]` int8 of `PrefixKind`; needed by every operator but `none`.
            counterfactual_hidden: `[M, D_teacher]`, after the counterfactual prefixes of all REVERSED rows (labelled
                −100 or not), in order; None where there is no such row.
            valid_tokens: The normaliser, the valid tokens of the whole optimiser step; None: of this call.
            odds_weight: Weight of the odds at this step, where it changes over the run; None: that of the settings.
            hard_labels: `[N]` int64 labels of the cross-entropy alone, −100 for none; None: `labels`.
            hard_tokens: Their normaliser, as `valid_tokens`; None: `valid_tokens` without `hard_labels`, else of this
                call.
            weights: `[N]` factors of the tokens' losses, which the normaliser does not count; None: 1.

        Returns:
            The total, which carries the gradient, and its terms.

        Raises:
            ValueError: If shapes do not match, or an argument that the settings need is missing; the message names it.
        """
        if len(labels) != len(student_hidden):
            raise ValueError(f"student_hidden has {len(student_hidden)} rows and labels has {len(labels)}")
        if prefix is not None and len(prefix) != len(labels):
            raise ValueError(f"prefix has {len(prefix)} rows and labels has {len(labels)}")
        teacher = kinds = None
        if teacher_hidden is not None and teacher_weight is not None:
            if len(teacher_hidden) != len(labels):
                raise ValueError(f"teacher_hidden has {len(teacher_hidden)} rows and labels has {len(labels)}")
            if len(teacher_weight) != len(student_weight):
                raise ValueError(
                    f"the heads differ: {len(teacher_weight)} tokens (teacher), {len(student_weight)} (student)"
                )
            teacher = TeacherStates(teacher_weight, teacher_hidden, counterfactual_hidden)
            kinds = self._effective_kinds(prefix, counterfactual_hidden)
        elif self.loss.kd_weight or self.loss.odds_weight:
            name = "kd_weight" if self.loss.kd_weight else "odds_weight"
            raise ValueError(f"{name} is not 0, so teacher_hidden and teacher_weight are needed")

        if hard_labels is not None and bool(((labels == IGNORED_LABEL) & (hard_labels != IGNORED_LABEL)).any()):
            raise ValueError("hard_labels has labels where labels has −100: such tokens count nowhere")
        if valid_tokens is None:
            valid_tokens = (labels != IGNORED_LABEL).sum()
        if hard_tokens is None:
            hard_tokens = valid_tokens if hard_labels is None else (hard_labels != IGNORED_LABEL).sum()
        normaliser = Normaliser(
            *(torch.as_tensor(count, device=labels.device).clamp(min=1) for count in (valid_tokens, hard_tokens))
        )
        chunks = split_chunks(labels, kinds, self.loss.chunk_size or chunk_rows(len(student_weight), labels.device))
        return DistillationLoss(
            *FusedLoss.apply(  # type: ignore[no-untyped-call] # in torch's stubs
                student_hidden,
                student_weight,
                teacher,
                labels if hard_labels is None else hard_labels,
                normaliser,
                chunks,
                self._rule,
                self._terms,
                self.loss.odds_weight if odds_weight is None else odds_weight,
                self.loss.compile,
                weights,
            )
        )

    def _effective_kinds(self, prefix: Tensor | None, counterfactual_hidden: Tensor | None) -> Tensor | None:
        """`[N]` kinds, UNALIGNED where the target is the factual prediction anyway; None where it is everywhere."""
        if not self.perturbation.changes_target:
            return None
        if prefix is None:
            raise ValueError("`prefix` is missing: every operator but 'none' needs it")
        rows = 0 if counterfactual_hidden is None else len(counterfactual_hidden)
        if (expected := int((prefix == PrefixKind.REVERSED).sum())) != rows:
            raise ValueError(f"prefix marks {expected} REVERSED rows and counterfactual_hidden has {rows}")
        if self._rule.acts_on(PrefixKind.NEUTRAL):
            return prefix
        return torch.where(prefix == PrefixKind.NEUTRAL, PrefixKind.UNALIGNED, prefix)


def distillation_loss(
    student_hidden: Tensor,
    student_weight: Tensor,
    teacher_hidden: Tensor | None,
    teacher_weight: Tensor | None,
    labels: Tensor,
    prefix: Tensor | None = None,
    counterfactual_hidden: Tensor | None = None,
    valid_tokens: int | Tensor | None = None,
    operator: Operator = "none",
    vocabulary: ReversedVocabulary | None = None,
    contexts: Contexts = "reversed",
    temperature: float = 1.0,
    kd_weight: float = 1.0,
    lm_weight: float = 0.0,
    divergence: Divergence = "forward_kl",
    jsd_beta: float = 0.5,
    chunk_size: int | None = 2048,
    compiled: bool = False,
    strength: float = 1.0,
    tokens: MovedTokens = "all",
    odds_weight: float = 0.0,
    hard_labels: Tensor | None = None,
) -> DistillationLoss:
    """`kd_weight · T² · D(p″ ‖ q_T) + lm_weight · CE(q, next token) + odds_weight · odds`, mean over the valid tokens.

    For a single call; a training loop builds a `DistillationObjective` once.

    Args:
        student_hidden: `[N, D]` hidden states as the head takes them (after the final norm).
        student_weight: `[V, D]` weights of the student's head.
        teacher_hidden: `[N, D_teacher]`, after the factual prefixes; None without a teacher (`kd_weight` must be 0
            then).
        teacher_weight: `[V, D_teacher]`; None without a teacher.
        labels: `[N]` int64 next tokens; those of −100 count nowhere.
        prefix: `[N]` int8 of `PrefixKind`; needed by every operator but `none`.
        counterfactual_hidden: `[M, D_teacher]`, after the counterfactual prefixes of all REVERSED rows (labelled −100
            or not), in order; None where there is no such row.
        valid_tokens: The normaliser, the valid tokens of the whole optimiser step; None: of this call.
        operator: How the two predictions are combined, see `distill.perturbation.perturb`.
        vocabulary: The role-reversed vocabulary to read counterfactual predictions through; None: as they are.
        contexts: `reversed`: the operator acts on REVERSED rows; `all`: on NEUTRAL ones, too.
        temperature: T, the softmax temperature of the perturbed target and the student.
        kd_weight: Weight of the divergence.
        lm_weight: Weight of the cross-entropy.
        divergence: `forward_kl` KL(p″ ‖ q), `reverse_kl` KL(q ‖ p″), or `jsd`, the generalised Jensen–Shannon
            divergence β KL(p″ ‖ m) + (1 − β) KL(q ‖ m) with m = β p″ + (1 − β) q.
        jsd_beta: β, strictly between 0 and 1.
        chunk_size: Rows whose logits are in memory at a time; None: chosen by the device's memory
            (`distill.losses.chunk_sizes.chunk_rows`).
        compiled: Let `torch.compile` fuse the operations between two head products.
        strength: How far the target moves from the factual prediction (0) to the operator's result (1).
        tokens: `gendered`: the operator changes only the probabilities of the vocabulary's tokens.
        odds_weight: Weight of the divergence within the vocabulary's tokens, see `distill.losses.odds`.
        hard_labels: `[N]` int64 labels of the cross-entropy alone, which is divided by their own number; −100: none.
            None: `labels`.

    Returns:
        The total, which carries the gradient, and its terms.

    Raises:
        ValueError: If a name is unknown, a value is out of range, an argument is missing, or shapes do not match; the
            message names it.

    Example:
        >>> hidden, weight = torch.randn(6, 8, requires_grad=True), torch.randn(10, 8)
        >>> labels = torch.tensor([1, 2, 3, 4, -100, -100])
        >>> loss = distillation_loss(hidden, weight, hidden.detach(), weight, labels)
        >>> loss.total.backward()
        >>> abs(loss.kd.item()) < 1e-6, hidden.grad.abs().max().item() < 1e-6
        (True, True)
    """
    objective = DistillationObjective(
        LossConfig(
            kd_weight=kd_weight,
            lm_weight=lm_weight,
            temperature=temperature,
            divergence=divergence,
            jsd_beta=jsd_beta,
            chunk_size=chunk_size,
            compile=compiled,
            odds_weight=odds_weight,
        ),
        PerturbationConfig(operator, "identity" if vocabulary is None else "reversed", contexts, strength, tokens),
        None if vocabulary is None else vocabulary.to(labels.device),
    )
    return objective(
        student_hidden,
        student_weight,
        teacher_hidden,
        teacher_weight,
        labels,
        prefix,
        counterfactual_hidden,
        valid_tokens,
        hard_labels=hard_labels,
    )
