"""The fused distillation loss: gradient in the forward pass, a chunk of tokens at a time, from hidden states.

No `[tokens, vocabulary]` tensor exists beyond one chunk's: neither the student's logits, nor the teacher's, nor the
counterfactual's. The gradient with respect to the logits is known in closed form as soon as they are, so the
products that give the gradients of hidden states and head weights are made at once, and nothing is computed twice.

Two sizes shape the work. A *chunk* of rows goes through the head products, whose results stay in buffers made once; a
*block* of rows goes through everything between two products, so small that its temporaries cost next to nothing.
"""

from typing import NamedTuple, get_args

import torch
from torch import Tensor

from distill.config import Contexts, Divergence, Operator
from distill.losses.chunk_sizes import chunk_rows
from distill.losses.fused import IGNORED_LABEL, FusedLoss, TeacherStates, split_chunks
from distill.losses.terms import LossTerms, Perturbation
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

__all__ = ["DistillationLoss", "Divergence", "distillation_loss"]


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
    perturbation = Perturbation(operator, vocabulary, contexts)
    teacher = None
    if teacher_hidden is not None and teacher_weight is not None:
        if len(teacher_hidden) != len(labels):
            raise ValueError(f"teacher_hidden has {len(teacher_hidden)} rows and labels has {len(labels)}")
        if len(teacher_weight) != len(student_weight):
            raise ValueError(
                f"the heads differ: {len(teacher_weight)} tokens (teacher), {len(student_weight)} (student)"
            )
        teacher = TeacherStates(teacher_weight, teacher_hidden, counterfactual_hidden)
    elif kd_weight:
        raise ValueError("kd_weight is not 0, so teacher_hidden and teacher_weight are needed")

    if valid_tokens is None:
        valid_tokens = (labels != IGNORED_LABEL).sum()
    valid_tokens = torch.as_tensor(valid_tokens, device=labels.device).clamp(min=1)
    chunks = split_chunks(
        labels,
        None if teacher is None else _effective_kinds(perturbation, prefix, counterfactual_hidden),
        chunk_size or chunk_rows(len(student_weight), labels.device),
    )
    terms = LossTerms(kd_weight, lm_weight, temperature, divergence, jsd_beta)
    return DistillationLoss(
        *FusedLoss.apply(
            student_hidden, student_weight, teacher, labels, valid_tokens, chunks, perturbation, terms, compiled
        )
    )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"unknown {name} {value!r}: use one of {', '.join(choices)}")


def _effective_kinds(
    perturbation: Perturbation, prefix: Tensor | None, counterfactual_hidden: Tensor | None
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
