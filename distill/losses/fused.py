"""The autograd function of the fused loss: chunk by chunk through the head, with the gradient in the forward pass."""

import functools
from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from distill.losses.chunk_sizes import tile_rows
from distill.losses.head_products import Head
from distill.losses.terms import IGNORED_LABEL, LossTerms, TargetRule
from distill.perturbation.prefix_kinds import PrefixKind

__all__ = ["FusedLoss", "Normaliser", "TeacherStates", "split_chunks"]


class _Chunk(NamedTuple):
    """Tokens that go through the head products together, all after prefixes of one kind.

    Attributes:
        kind: Of their prefixes.
        rows: `[C]` indices of the tokens.
        slots: `[C]` their indices in the counterfactual hidden states; None unless `kind` is REVERSED.
    """

    kind: PrefixKind
    rows: Tensor
    slots: Tensor | None


class TeacherStates(NamedTuple):
    """The teacher's head and its hidden states.

    Attributes:
        weight: `[V, D]` weights of the head.
        hidden: `[N, D]` after the factual prefixes.
        counterfactual_hidden: `[M, D]` after the reversed prefixes; None where there are none.
    """

    weight: Tensor
    hidden: Tensor
    counterfactual_hidden: Tensor | None


class Normaliser(NamedTuple):
    """What the sums are divided by, scalars.

    Attributes:
        valid_tokens: Of all terms but the cross-entropy.
        hard_tokens: Of the cross-entropy.
    """

    valid_tokens: Tensor
    hard_tokens: Tensor


class _Predictions(NamedTuple):
    """The logits of some tokens.

    Attributes:
        student: `[C, V]`.
        teacher: `[C, V]` after the factual prefixes; None without a teacher.
        counterfactual: `[C, V]` of the teacher after the reversed prefixes; None where these are not used.
    """

    student: Tensor
    teacher: Tensor | None
    counterfactual: Tensor | None

    def tile(self, start: int, end: int) -> "_Predictions":
        """The rows from `start` up to `end`."""
        return _Predictions(
            self.student[start:end],
            None if self.teacher is None else self.teacher[start:end],
            None if self.counterfactual is None else self.counterfactual[start:end],
        )


class _Predictor:
    """Computes the logits of one chunk at a time, in buffers that all chunks share."""

    def __init__(
        self, student: Head, student_hidden: Tensor, teacher: TeacherStates | None, chunks: list[_Chunk]
    ) -> None:
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
    logits: _Predictions,
    labels: Tensor,
    kind: PrefixKind,
    rule: TargetRule,
    terms: LossTerms,
    odds_weight: Tensor,
    lm_scale: Tensor,
    weights: Tensor | None,
) -> Tensor:
    """`[3]` sums of divergence, cross-entropy and odds over a tile; the gradient overwrites the student's logits."""
    log_target = None
    if logits.teacher is not None:
        log_p = logits.teacher.log_softmax(-1)
        counterfactual_log_p = None if logits.counterfactual is None else logits.counterfactual.log_softmax(-1)
        log_target = rule.log_target(log_p, counterfactual_log_p, kind)
    *sums, gradient = terms.sums(logits.student, log_target, labels, odds_weight, lm_scale, weights)
    logits.student.copy_(gradient)
    return torch.stack(sums)


@functools.cache
def _compiled() -> Callable[..., Tensor]:
    return torch.compile(_between_products)


class FusedLoss(torch.autograd.Function):
    """(student_hidden `[N, D]`, student_weight `[V, D]`, …) -> (total, kd, lm, odds); only `total` has a gradient.

    Gradients are computed together with the values and only scaled in the backward pass.
    """

    @staticmethod
    def forward(
        ctx: BackwardCFunction,
        student_hidden: Tensor,
        student_weight: Tensor,
        teacher: TeacherStates | None,
        hard_labels: Tensor,
        normaliser: Normaliser,
        chunks: list[_Chunk],
        rule: TargetRule,
        terms: LossTerms,
        odds_weight: float,
        compiled: bool,
        weights: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Compute the values, and the gradients before they are divided by the number of tokens.

        Args:
            ctx: Saves the gradients for the backward pass.
            student_hidden: `[N, D]` hidden states as the head takes them.
            student_weight: `[V, D]` weights of the student's head.
            teacher: The teacher's head and hidden states; None without a teacher.
            hard_labels: `[N]` next tokens, for the cross-entropy, which does not count those of −100.
            normaliser: What the sums are divided by.
            chunks: The valid tokens, see `split_chunks`.
            rule: Makes the target out of the teacher's predictions.
            terms: The weighted terms.
            odds_weight: The weight of the odds at this step.
            compiled: Let `torch.compile` fuse the operations between two head products.
            weights: `[N]` factors of the tokens; None: 1.

        Returns:
            Scalars: total loss, divergence, cross-entropy, odds.
        """
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]  # type: ignore[misc] # the stub has a tuple of one
        student = Head(student_weight, student_hidden)
        predict = _Predictor(student, student_hidden, teacher, chunks)
        between_products = _compiled() if compiled else _between_products
        tile = tile_rows(student.width, hard_labels.device)
        grad_hidden = torch.zeros_like(student_hidden) if needs_hidden else None
        grad_weight = student.weight_gradient() if needs_weight else None
        # A tensor: torch.compile would compile for each value of a number.
        weight_of_odds = torch.full((), odds_weight, dtype=student.accumulator, device=hard_labels.device)
        valid_tokens = normaliser.valid_tokens
        lm_scale = (valid_tokens / normaliser.hard_tokens).to(student.accumulator)
        sums = torch.zeros(3, dtype=student.accumulator, device=hard_labels.device)

        with torch.autocast(hard_labels.device.type, enabled=False):
            for chunk in chunks:
                logits = predict(chunk)
                chunk_labels = hard_labels[chunk.rows]
                chunk_weights = None if weights is None else weights[chunk.rows]
                for start in range(0, len(chunk.rows), tile):
                    end = start + tile
                    sums += between_products(
                        logits.tile(start, end),
                        chunk_labels[start:end],
                        chunk.kind,
                        rule,
                        terms,
                        weight_of_odds,
                        lm_scale,
                        None if chunk_weights is None else chunk_weights[start:end],
                    )
                gradient = student.operand(logits.student)
                if grad_hidden is not None:
                    grad_hidden[chunk.rows] = student.hidden_gradient(gradient).to(grad_hidden.dtype)
                if grad_weight is not None:
                    student.add_weight_gradient_(grad_weight, gradient, student_hidden[chunk.rows])

        # Not divided by the number of tokens yet: in 16 bits the quotient underflows before the loss scale is applied.
        if grad_weight is not None:
            grad_weight = grad_weight[: len(student_weight)].to(student_weight.dtype)
        ctx.save_for_backward(grad_hidden, grad_weight, valid_tokens)  # type: ignore[arg-type] # None may be saved, too
        kd, lm, odds = (sums / valid_tokens).unbind()
        ctx.mark_non_differentiable(kd, lm, odds)
        return terms.total(kd, lm, odds, weight_of_odds), kd, lm, odds

    @staticmethod
    def backward(ctx: BackwardCFunction, grad_total: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the gradients of the forward pass by the incoming gradient."""
        *gradients, valid_tokens = cast(tuple[Tensor | None, ...], ctx.saved_tensors)
        assert valid_tokens is not None
        factor = grad_total / valid_tokens
        # In place: the gradient of the head weights is as large as the weights. Autograd refuses a second pass.
        scaled = (None if gradient is None else gradient.mul_(factor) for gradient in gradients)
        return *scaled, None, None, None, None, None, None, None, None, None


def split_chunks(labels: Tensor, kinds: Tensor | None, chunk_size: int) -> list[_Chunk]:
    """Group the valid tokens by the kind of their prefix: either all tokens of a chunk need the counterfactual or none.

    Args:
        labels: `[N]`; tokens with the label −100 are in no chunk.
        kinds: `[N]` of `PrefixKind`; None: UNALIGNED everywhere.
        chunk_size: Most tokens of a chunk.

    Returns:
        The chunks, none of them empty.
    """
    if kinds is None:
        kinds = torch.full_like(labels, PrefixKind.UNALIGNED)
    slots = (kinds == PrefixKind.REVERSED).cumsum(0) - 1
    key = torch.where(labels == IGNORED_LABEL, len(PrefixKind), kinds)
    rows_of_kinds = key.argsort(stable=True).split(key.bincount(minlength=len(PrefixKind) + 1).tolist())
    return [
        _Chunk(kind, rows, slots[rows] if kind == PrefixKind.REVERSED else None)
        for kind, rows_of_kind in zip(PrefixKind, rows_of_kinds, strict=False)
        for rows in rows_of_kind.split(chunk_size)
        if len(rows)
    ]
