"""The fused distillation loss: gradient in the forward pass, a chunk of tokens at a time, from hidden states.

No `[tokens, vocabulary]` tensor exists beyond one chunk's: neither the student's logits, nor the teacher's, nor the
counterfactual's. The gradient with respect to the logits is known in closed form as soon as they are, so the
products that give the gradients of hidden states and head weights are made at once, and nothing is computed twice.

Two sizes shape the work. A *chunk* of rows goes through the head products, whose results stay in buffers made once; a
*block* of rows goes through everything between two products, so small that its temporaries cost next to nothing.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, get_args

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from distill.config import Contexts, Divergence, Operator
from distill.losses.chunk_sizes import block_rows, chunk_rows
from distill.losses.divergences import DIVERGENCES
from distill.losses.lm_head import Head
from distill.perturbation.operators import perturb, perturb_neutral
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

__all__ = ["DistillationLoss", "Divergence", "distillation_loss"]

_IGNORED = -100
_LOG_ZERO = -1e4
"""Stands for log 0: its exponential is 0 in every float type, and 0 · (log 0 − log 0) stays 0 instead of NaN."""


class DistillationLoss(NamedTuple):
    """The terms of the loss, scalars in nats per valid token.

    Attributes:
        total: `kd_weight · T² · kd + lm_weight · lm`; carries the gradient.
        kd: divergence between the tempered target and the tempered student; detached, unweighted, without T².
        lm: cross-entropy of the student; detached, unweighted.
    """

    total: Tensor
    kd: Tensor
    lm: Tensor


@dataclass(frozen=True)
class _Perturbation:
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
class _Terms:
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


class _Chunk(NamedTuple):
    """Rows that go through the head products together, after prefixes of one kind.

    Attributes:
        kind: of their prefixes.
        rows: `[C]` indices of tokens.
        slots: `[C]` their indices in the counterfactual hidden states, where the perturbation asks for these.
    """

    kind: PrefixKind
    rows: Tensor
    slots: Tensor | None


class _Teacher(NamedTuple):
    """The teacher's head `[V, D]`, and what it takes: `[N, D]` factual, `[M, D]` counterfactual hidden states."""

    weight: Tensor
    hidden: Tensor
    counterfactual_hidden: Tensor | None


class _Predictions(NamedTuple):
    """`[C, V]` logits of the student, of the teacher, and of the teacher after the reversed prefixes."""

    student: Tensor
    teacher: Tensor | None
    counterfactual: Tensor | None

    def block(self, start: int, end: int) -> "_Predictions":
        """The same for some of the rows."""
        return _Predictions(*(None if logits is None else logits[start:end] for logits in self))


class _Predictor:
    """The predictions of one chunk at a time, in buffers that all chunks share."""

    def __init__(self, student: Head, student_hidden: Tensor, teacher: _Teacher | None, chunks: list[_Chunk]) -> None:
        self._student = student
        self._student_hidden = student_hidden
        self._teacher = teacher
        rows = max((len(chunk.rows) for chunk in chunks), default=0)
        self._buffer = student.buffer(rows)
        if teacher is not None:
            self._head = Head(teacher.weight, teacher.hidden)
            self._teacher_buffer = self._head.buffer(rows)
            reversed_rows = max((len(chunk.slots) for chunk in chunks if chunk.slots is not None), default=0)
            self._counterfactual_buffer = self._head.buffer(reversed_rows)

    def __call__(self, chunk: _Chunk) -> _Predictions:
        student = self._student.logits(self._student_hidden[chunk.rows], self._buffer)
        if self._teacher is None:
            return _Predictions(student, None, None)
        teacher = self._head.logits(self._teacher.hidden[chunk.rows], self._teacher_buffer)
        if chunk.slots is None:
            return _Predictions(student, teacher, None)
        assert self._teacher.counterfactual_hidden is not None
        hidden = self._teacher.counterfactual_hidden[chunk.slots]
        return _Predictions(student, teacher, self._head.logits(hidden, self._counterfactual_buffer))


def _between_products(
    logits: _Predictions, labels: Tensor, kind: PrefixKind, perturbation: _Perturbation, terms: _Terms
) -> tuple[Tensor, Tensor]:
    """Sums of divergence and cross-entropy; the gradient takes the place of the student's logits."""
    log_target = None
    if logits.teacher is not None:
        log_p = logits.teacher.log_softmax(-1)
        log_target = perturbation.log_target(log_p, logits.counterfactual, kind)
    kd, lm, gradient = terms.of(logits.student, log_target, labels)
    logits.student.copy_(gradient)
    return kd, lm


@functools.cache
def _compiled() -> Callable[..., tuple[Tensor, Tensor]]:
    return torch.compile(_between_products)


class _FusedLoss(torch.autograd.Function):
    """(student_hidden `[N, D]`, student_weight `[V, D]`, …) -> (total, kd, lm); only `total` has a gradient."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        student_hidden: Tensor,
        student_weight: Tensor,
        teacher: _Teacher | None,
        labels: Tensor,
        valid_tokens: Tensor,
        chunks: list[_Chunk],
        perturbation: _Perturbation,
        terms: _Terms,
        compiled: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        student = Head(student_weight, student_hidden)
        predict = _Predictor(student, student_hidden, teacher, chunks)
        between_products = _compiled() if compiled else _between_products
        block = block_rows(student.width, labels.device)
        grad_hidden = torch.zeros_like(student_hidden) if needs_hidden else None
        grad_weight = student.weight_gradient() if needs_weight else None
        kd = torch.zeros((), dtype=student.accumulator, device=labels.device)
        lm = torch.zeros_like(kd)

        with torch.autocast(labels.device.type, enabled=False):
            for chunk in chunks:
                logits = predict(chunk)
                chunk_labels = labels[chunk.rows]
                for start in range(0, len(chunk.rows), block):
                    end = start + block
                    kd_sum, lm_sum = between_products(
                        logits.block(start, end), chunk_labels[start:end], chunk.kind, perturbation, terms
                    )
                    kd += kd_sum
                    lm += lm_sum
                gradient = student.operand(logits.student)
                if grad_hidden is not None:
                    grad_hidden[chunk.rows] = student.hidden_gradient(gradient).to(grad_hidden.dtype)
                if grad_weight is not None:
                    student.add_weight_gradient_(grad_weight, gradient, student_hidden[chunk.rows])

        # Not divided by the number of tokens yet: in 16 bits that would vanish before a loss scale is multiplied in.
        if grad_weight is not None:
            grad_weight = grad_weight[: len(student_weight)].to(student_weight.dtype)
        ctx.save_for_backward(grad_hidden, grad_weight, valid_tokens)
        kd /= valid_tokens
        lm /= valid_tokens
        ctx.mark_non_differentiable(kd, lm)
        return terms.kd_weight * terms.temperature**2 * kd + terms.lm_weight * lm, kd, lm

    @staticmethod
    def backward(ctx: FunctionCtx, grad_total: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        *gradients, valid_tokens = ctx.saved_tensors
        factor = grad_total / valid_tokens
        # In place: the gradient of the head weights is as large as they are. A second pass is refused by autograd.
        scaled = (None if gradient is None else gradient.mul_(factor) for gradient in gradients)
        return *scaled, None, None, None, None, None, None, None


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
) -> DistillationLoss:
    """`kd_weight · T² · D(p″ ‖ q_T) + lm_weight · CE(q, next token)`, mean over valid tokens.

    Products take the type of the hidden states (or autocast's); logits, losses and the gradient of the head weights
    are accumulated in fp32 (float64 for float64 inputs). The gradient is that of a single backward pass.

    Args:
        student_hidden: `[N, D]` hidden states as the head takes them (after the final norm).
        student_weight: `[V, D]` weights of the student's head.
        teacher_hidden: `[N, D_teacher]`, after the factual prefixes; None without a teacher (then `kd_weight` is 0).
        teacher_weight: `[V, D_teacher]`.
        labels: `[N]` int64 next tokens; −100 counts nowhere.
        prefix: `[N]` int8 of `PrefixKind`; needed by every operator but `none`.
        counterfactual_hidden: `[M, D_teacher]`, after the counterfactual prefixes of all REVERSED rows (labelled −100
            or not), in order; None where there is no such row.
        valid_tokens: the normaliser: valid tokens of the whole optimiser step; None: of this call.
        operator: how the two predictions are combined, see `distill.perturbation.operators.perturb`.
        vocabulary: the role-reversed vocabulary to read counterfactual predictions through; None: as they are.
        contexts: `reversed`: the operator acts on REVERSED rows; `all`: on NEUTRAL ones too.
        temperature: T, tempers the perturbed target and the student.
        kd_weight: weight of the divergence.
        lm_weight: weight of the cross-entropy.
        divergence: `forward_kl` KL(p″ ‖ q), `reverse_kl` KL(q ‖ p″), or `jsd`, the generalised Jensen–Shannon
            divergence β KL(p″ ‖ m) + (1 − β) KL(q ‖ m) with m = β p″ + (1 − β) q.
        jsd_beta: β, between 0 and 1, both excluded.
        chunk_size: rows whose logits exist at a time; None: as many as the device's memory suggests
            (`distill.losses.chunk_sizes.chunk_rows`).
        compiled: let `torch.compile` fuse what happens between two products.

    Raises:
        ValueError: unknown names, shapes that don't belong together, or a missing argument; the message says which.

    Example:
        >>> hidden, weight = torch.randn(6, 8, requires_grad=True), torch.randn(10, 8)
        >>> labels = torch.tensor([1, 2, 3, 4, -100, -100])
        >>> loss = distillation_loss(hidden, weight, hidden.detach(), weight, labels)
        >>> loss.total.backward()
        >>> abs(loss.kd.item()) < 1e-6, hidden.grad.abs().max().item() < 1e-6
        (True, True)
    """
    _check_choice("operator", operator, get_args(Operator))
    _check_choice("contexts", contexts, get_args(Contexts))
    _check_choice("divergence", divergence, get_args(Divergence))
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}: it must be positive")
    if not 0 < jsd_beta < 1:
        raise ValueError(f"jsd_beta is {jsd_beta}: it must lie between 0 and 1; the ends are forward_kl and reverse_kl")
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"chunk_size is {chunk_size}: it must be at least 1")
    if len(labels) != len(student_hidden):
        raise ValueError(f"student_hidden has {len(student_hidden)} rows and labels has {len(labels)}")
    if prefix is not None and len(prefix) != len(labels):
        raise ValueError(f"prefix has {len(prefix)} rows and labels has {len(labels)}")

    vocabulary = None if vocabulary is None else vocabulary.to(labels.device)
    perturbation = _Perturbation(operator, vocabulary, contexts)
    teacher = None
    if teacher_hidden is not None and teacher_weight is not None:
        if len(teacher_hidden) != len(labels):
            raise ValueError(f"teacher_hidden has {len(teacher_hidden)} rows and labels has {len(labels)}")
        if len(teacher_weight) != len(student_weight):
            raise ValueError(
                f"the heads differ: {len(teacher_weight)} tokens (teacher), {len(student_weight)} (student)"
            )
        teacher = _Teacher(teacher_weight, teacher_hidden, counterfactual_hidden)
    elif kd_weight:
        raise ValueError("kd_weight is not 0, so teacher_hidden and teacher_weight are needed")

    if valid_tokens is None:
        valid_tokens = (labels != _IGNORED).sum()
    valid_tokens = torch.as_tensor(valid_tokens, device=labels.device).clamp(min=1)
    chunks = _chunks(
        labels,
        None if teacher is None else _effective_kinds(perturbation, prefix, counterfactual_hidden),
        chunk_size or chunk_rows(len(student_weight), labels.device),
    )
    terms = _Terms(kd_weight, lm_weight, temperature, divergence, jsd_beta)
    return DistillationLoss(
        *_FusedLoss.apply(
            student_hidden, student_weight, teacher, labels, valid_tokens, chunks, perturbation, terms, compiled
        )
    )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"unknown {name} {value!r}: use one of {', '.join(choices)}")


def _effective_kinds(
    perturbation: _Perturbation, prefix: Tensor | None, counterfactual_hidden: Tensor | None
) -> Tensor | None:
    """`[N]` kinds, UNALIGNED where the target is the factual prediction anyway; None where it is everywhere."""
    if perturbation.operator == "none":
        return None
    if prefix is None:
        raise ValueError("the operator needs `prefix`: only operator 'none' does without")
    rows = 0 if counterfactual_hidden is None else len(counterfactual_hidden)
    if (expected := int((prefix == PrefixKind.REVERSED).sum())) != rows:
        raise ValueError(f"prefix marks {expected} REVERSED rows and counterfactual_hidden has {rows}")
    if perturbation.acts_on(PrefixKind.NEUTRAL):
        return prefix
    return torch.where(prefix == PrefixKind.NEUTRAL, PrefixKind.UNALIGNED, prefix)


def _chunks(labels: Tensor, kinds: Tensor | None, chunk_size: int) -> list[_Chunk]:
    """The valid rows kind by kind: all rows of a chunk need the second prediction, or none does."""
    if kinds is None:
        kinds = torch.full_like(labels, PrefixKind.UNALIGNED)
    slots = (kinds == PrefixKind.REVERSED).cumsum(0) - 1
    key = torch.where(labels == _IGNORED, len(PrefixKind), kinds)
    rows_of_kinds = key.argsort(stable=True).split(key.bincount(minlength=len(PrefixKind) + 1).tolist())
    return [
        _Chunk(kind, rows, slots[rows] if kind == PrefixKind.REVERSED else None)
        for kind, rows_of_kind in zip(PrefixKind, rows_of_kinds, strict=False)
        for rows in rows_of_kind.split(chunk_size)
        if len(rows)
    ]
