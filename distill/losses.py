"""The fused distillation loss: gradient in the forward pass, a chunk of tokens at a time, from hidden states.

No `[tokens, vocabulary]` tensor exists beyond one chunk's: neither the student's logits, nor the teacher's, nor the
counterfactual's. The gradient with respect to the logits is known in closed form as soon as they are, so the
products that give the gradients of hidden states and head weights are made at once, and nothing is computed twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from distill.perturbation import Contexts, Operator, ReversedVocabulary, perturb, perturb_neutral
from distill.prefix import PrefixKind

__all__ = ["DistillationLoss", "Divergence", "distillation_loss"]

Divergence = Literal["forward_kl", "reverse_kl", "jsd"]

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
class _Target:
    """Where the target distribution of a row comes from."""

    hidden: Tensor
    weight: Tensor
    prefix: Tensor | None
    counterfactual_hidden: Tensor | None
    counterfactual_slot: Tensor | None
    operator: Operator
    vocabulary: ReversedVocabulary | None
    contexts: Contexts

    def log_p(self, rows: Tensor, temperature: float) -> Tensor:
        """Log target p″_T of the given rows: `[len(rows), V]`. The perturbation happens at T = 1."""
        log_p = self._log_softmax(self.hidden[rows])
        if self.operator != "none":
            kinds = self.prefix[rows]
            self._perturb_reversed_(log_p, rows, kinds)
            if self.contexts == "all" and self.vocabulary is not None:
                neutral = (kinds == PrefixKind.NEUTRAL).nonzero().squeeze(-1)
                log_p[neutral] = perturb_neutral(log_p[neutral], self.operator, self.vocabulary)
        return log_p if temperature == 1 else log_p.div_(temperature).log_softmax(-1)

    def _log_softmax(self, hidden: Tensor) -> Tensor:
        return _product(hidden.to(self.weight.dtype), self.weight.T).log_softmax(-1)

    def _perturb_reversed_(self, log_p: Tensor, rows: Tensor, kinds: Tensor) -> None:
        reversed_rows = (kinds == PrefixKind.REVERSED).nonzero().squeeze(-1)
        if len(reversed_rows) == 0:
            return
        slots = self.counterfactual_slot[rows[reversed_rows]]
        counterfactual_log_p = self._log_softmax(self.counterfactual_hidden[slots])
        log_p[reversed_rows] = perturb(log_p[reversed_rows], counterfactual_log_p, self.operator, self.vocabulary)


def _product_dtype(tensor: Tensor) -> torch.dtype:
    """The type of the head products' operands: autocast's or the tensor's own; on a CPU, which has no product of bf16
    into fp32, fp32."""
    if not tensor.is_cuda:
        return torch.promote_types(tensor.dtype, torch.float32)
    return torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else tensor.dtype


def _product(left: Tensor, right: Tensor) -> Tensor:
    """`left @ right`, never rounded below fp32: rounded logits make KL gradients 4–23 % wrong."""
    if left.dtype in (torch.float32, torch.float64):
        return left @ right
    return torch.mm(left, right, out_dtype=torch.float32)


# Divergences: of log target and log student, each [C, V], the value per row [C] and its gradient with respect to the
# tempered student logits [C, V]. For a loss with derivative u with respect to q, that gradient is q · (u − ⟨q, u⟩).


def _forward_kl(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    p = log_p.exp()
    divergence = (p * (log_p - log_q)).sum(-1)
    return divergence, log_q.exp().sub_(p)


def _reverse_kl(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    q = log_q.exp()
    surprise = log_q - log_p
    divergence = (q * surprise).sum(-1)
    return divergence, q.mul_(surprise.sub_(divergence.unsqueeze(-1)))


def _jsd(log_p: Tensor, log_q: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    beta_ = log_p.new_tensor(beta)
    log_m = torch.logaddexp(log_p + beta_.log(), log_q + torch.log1p(-beta_))
    q = log_q.exp()
    against_mixture = log_q - log_m
    of_student = (q * against_mixture).sum(-1)
    of_target = (log_p.exp() * (log_p - log_m)).sum(-1)
    gradient = q.mul_(against_mixture.sub_(of_student.unsqueeze(-1))).mul_(1 - beta)
    return beta * of_target + (1 - beta) * of_student, gradient


_DIVERGENCES: dict[str, Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]] = {
    "forward_kl": _forward_kl,
    "reverse_kl": _reverse_kl,
    "jsd": _jsd,
}


@dataclass(frozen=True)
class _Terms:
    """The weights of the terms and what shapes them."""

    kd_weight: float
    lm_weight: float
    temperature: float
    divergence: Divergence
    jsd_beta: float

    def of_chunk(self, logits: Tensor, log_target: Tensor | None, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sums over one chunk and the gradient of its total with respect to the logits.

        Args:
            logits: `[C, V]` of the student.
            log_target: `[C, V]` tempered log target, or None without a teacher; destroyed.
            labels: `[C]`, all valid.

        Returns:
            Sum of the divergence, sum of the cross-entropy, `[C, V]` gradient.
        """
        rows = torch.arange(len(labels), device=labels.device)
        log_q = logits.log_softmax(-1)
        lm = -log_q[rows, labels].sum()
        if self.lm_weight:
            gradient = log_q.exp().mul_(self.lm_weight)
            gradient[rows, labels] -= self.lm_weight
        else:
            gradient = None
        if log_target is None:
            return lm.new_zeros(()), lm, torch.zeros_like(log_q) if gradient is None else gradient
        if self.temperature != 1:
            log_q = log_q.div_(self.temperature).log_softmax(-1)
        divergence, kd_gradient = _DIVERGENCES[self.divergence](
            log_target.clamp_(min=_LOG_ZERO), log_q.clamp_(min=_LOG_ZERO), self.jsd_beta
        )
        # T² from the loss and 1/T from the chain rule leave T.
        kd_gradient.mul_(self.kd_weight * self.temperature)
        return divergence.sum(), lm, kd_gradient if gradient is None else kd_gradient.add_(gradient)


class _FusedLoss(torch.autograd.Function):
    """(student_hidden `[N, D]`, student_weight `[V, D]`, …) -> (total, kd, lm); only `total` has a gradient."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        student_hidden: Tensor,
        student_weight: Tensor,
        labels: Tensor,
        valid_tokens: Tensor,
        target: _Target | None,
        terms: _Terms,
        chunk_size: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        device = student_hidden.device
        weight = student_weight.to(_product_dtype(student_hidden))
        accumulator = torch.promote_types(weight.dtype, torch.float32)
        grad_hidden = torch.zeros_like(student_hidden) if needs_hidden else None
        grad_weight = torch.zeros_like(weight, dtype=accumulator) if needs_weight else None
        kd = torch.zeros((), dtype=accumulator, device=device)
        lm = torch.zeros_like(kd)

        with torch.autocast(device.type, enabled=False):
            for rows in (labels != _IGNORED).nonzero().squeeze(-1).split(chunk_size):
                chunk = student_hidden[rows].to(weight.dtype)
                log_target = None if target is None else target.log_p(rows, terms.temperature)
                kd_sum, lm_sum, gradient = terms.of_chunk(_product(chunk, weight.T), log_target, labels[rows])
                kd += kd_sum
                lm += lm_sum
                gradient = gradient.to(chunk.dtype)
                if grad_hidden is not None:
                    grad_hidden[rows] = _product(gradient, weight).to(grad_hidden.dtype)
                if grad_weight is not None:
                    grad_weight += _product(gradient.T, chunk)

        # Not divided by the number of tokens yet: in 16 bits that would vanish before a loss scale is multiplied in.
        ctx.save_for_backward(
            grad_hidden, None if grad_weight is None else grad_weight.to(student_weight.dtype), valid_tokens
        )
        kd /= valid_tokens
        lm /= valid_tokens
        ctx.mark_non_differentiable(kd, lm)
        return terms.kd_weight * terms.temperature**2 * kd + terms.lm_weight * lm, kd, lm

    @staticmethod
    def backward(ctx: FunctionCtx, grad_total: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        *gradients, valid_tokens = ctx.saved_tensors
        factor = grad_total / valid_tokens
        scaled = (None if gradient is None else gradient * factor for gradient in gradients)
        return *scaled, None, None, None, None, None


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
    chunk_size: int = 2048,
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
        operator: how the two predictions are combined, see `distill.perturbation.perturb`.
        vocabulary: the role-reversed vocabulary to read counterfactual predictions through; None: as they are.
        contexts: `reversed`: the operator acts on REVERSED rows; `all`: on NEUTRAL ones too.
        temperature: T, tempers the perturbed target and the student.
        kd_weight: weight of the divergence.
        lm_weight: weight of the cross-entropy.
        divergence: `forward_kl` KL(p″ ‖ q), `reverse_kl` KL(q ‖ p″), or `jsd`, the generalised Jensen–Shannon
            divergence β KL(p″ ‖ m) + (1 − β) KL(q ‖ m) with m = β p″ + (1 − β) q.
        jsd_beta: β, between 0 and 1, both excluded.
        chunk_size: rows whose logits exist at a time.

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
    if chunk_size < 1:
        raise ValueError(f"chunk_size is {chunk_size}: it must be at least 1")
    if len(labels) != len(student_hidden):
        raise ValueError(f"student_hidden has {len(student_hidden)} rows and labels has {len(labels)}")

    target = None
    if teacher_hidden is not None and teacher_weight is not None:
        if len(teacher_hidden) != len(labels):
            raise ValueError(f"teacher_hidden has {len(teacher_hidden)} rows and labels has {len(labels)}")
        if len(teacher_weight) != len(student_weight):
            raise ValueError(
                f"the heads differ: {len(teacher_weight)} tokens (teacher), {len(student_weight)} (student)"
            )
        target = _Target(
            hidden=teacher_hidden.detach(),
            weight=teacher_weight.detach().to(_product_dtype(teacher_hidden)),
            prefix=prefix,
            counterfactual_hidden=None if counterfactual_hidden is None else counterfactual_hidden.detach(),
            counterfactual_slot=None if operator == "none" else _slots(prefix, counterfactual_hidden),
            operator=operator,
            vocabulary=None if vocabulary is None else vocabulary.to(labels.device),
            contexts=contexts,
        )
    elif kd_weight:
        raise ValueError("kd_weight is not 0, so teacher_hidden and teacher_weight are needed")

    if valid_tokens is None:
        valid_tokens = (labels != _IGNORED).sum()
    valid_tokens = torch.as_tensor(valid_tokens, device=labels.device).clamp(min=1)
    terms = _Terms(kd_weight, lm_weight, temperature, divergence, jsd_beta)
    return DistillationLoss(
        *_FusedLoss.apply(student_hidden, student_weight, labels, valid_tokens, target, terms, chunk_size)
    )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"unknown {name} {value!r}: use one of {', '.join(choices)}")


def _slots(prefix: Tensor | None, counterfactual_hidden: Tensor | None) -> Tensor:
    """`[N]`: the row of `counterfactual_hidden` that belongs to each REVERSED row."""
    if prefix is None:
        raise ValueError("the operator needs `prefix`: only operator 'none' does without")
    is_reversed = prefix == PrefixKind.REVERSED
    rows = 0 if counterfactual_hidden is None else len(counterfactual_hidden)
    if (expected := int(is_reversed.sum())) != rows:
        raise ValueError(f"prefix marks {expected} REVERSED rows and counterfactual_hidden has {rows}")
    return is_reversed.cumsum(0) - 1
