"""The equivariance gap of the student on a batch of a validation."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from distill.data.blocks import Batch
from distill.models.output_head import block_limit, last_hidden_states, output_head
from distill.perturbation.equivariance_gap import position_gaps
from distill.perturbation.prefix_kinds import PrefixKind
from distill.perturbation.reversed_vocabulary import ReversedVocabulary


@torch.no_grad()
def gap_sum(student: PreTrainedModel, batch: Batch, student_hidden: Tensor, vocabulary: ReversedVocabulary) -> Tensor:
    """The sum of the student's equivariance gaps, in nats, and the number of positions that have one.

    Pooled over the positions where the equivariant teacher differs from the factual one, REVERSED and NEUTRAL ones:
    the ones alone would miss a student that is equivariant after gendered words and biased before them, or the
    reverse.

    Args:
        student: The model.
        batch: The batch.
        student_hidden: `[batch · length, D]` the student's hidden states on its inputs.
        vocabulary: π, on the same device.

    Returns:
        `[2]` fp32.
    """
    prefix = batch.prefix.flatten()
    counterfactual_hidden = student_hidden[:0]
    if len(batch.gather):
        # A reversal may be longer than its block, and than the positions of a student smaller than its teacher.
        ids, position_ids = batch.counterfactual, batch.counterfactual_position_ids
        row, column = batch.gather // ids.shape[1], batch.gather % ids.shape[1]
        limit = min(ids.shape[1], block_limit(student.config) or ids.shape[1])
        within = column < limit
        readable = None if position_ids is None else position_ids[:, :limit]
        states = last_hidden_states(student, ids[:, :limit], readable)
        counterfactual_hidden = states[row[within], column[within]]
        reversed_positions = (prefix == PrefixKind.REVERSED).nonzero().squeeze(-1)
        prefix = prefix.index_fill(0, reversed_positions[~within], PrefixKind.UNALIGNED)
    head = output_head(student)
    # Autocast would round the logits.
    with torch.autocast(student_hidden.device.type, enabled=False):
        gaps = position_gaps(student_hidden, prefix, counterfactual_hidden, head.logits, len(head.weight), vocabulary)
    return torch.stack([gaps.sum(), (prefix != PrefixKind.UNALIGNED).sum()])
