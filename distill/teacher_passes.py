"""The teacher's two passes over a batch, or what earlier runs over the same blocks left in `data.teacher_cache`."""

from typing import NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel

from distill.data.blocks import Batch
from distill.data.sampler import EMPTY
from distill.models.output_head import last_hidden_states
from distill.models.teacher_cache import TeacherCache
from distill.perturbation.prefix_kinds import PrefixKind

_FACTUAL, _REVERSED = 0, 1


class TeacherPasses(NamedTuple):
    """The teacher's hidden states, as its head takes them.

    Attributes:
        hidden: `[batch · length, D]` after the factual prefixes.
        counterfactual_hidden: `[reversed, D]` after the reversed prefixes, in order; None if the batch has none, or the
            target needs none.
    """

    hidden: Tensor
    counterfactual_hidden: Tensor | None


@torch.no_grad()
def run_teacher(teacher: PreTrainedModel, batch: Batch, counterfactual: bool) -> TeacherPasses:
    """Run the teacher over a batch, and again over the reversals in it.

    Args:
        teacher: The model.
        batch: The batch.
        counterfactual: Whether the target needs the second pass.
    """
    hidden = last_hidden_states(teacher, batch.inputs, batch.position_ids).flatten(0, 1)
    if not (counterfactual and len(batch.counterfactual)):
        return TeacherPasses(hidden, None)
    states = last_hidden_states(teacher, batch.counterfactual, batch.counterfactual_position_ids)
    return TeacherPasses(hidden, states.flatten(0, 1)[batch.gather])


def ask_teacher(
    teacher: PreTrainedModel, batch: Batch, counterfactual: bool, cache: TeacherCache | None
) -> TeacherPasses:
    """Read the teacher's states of a batch from a cache, or run the teacher and keep them there.

    Both give the same: states that have just been computed are rounded as the cache rounds them.

    Args:
        teacher: The model.
        batch: The batch.
        counterfactual: Whether the target needs the second pass.
        cache: Of the batch's text; None: run the teacher.

    Raises:
        UserError: If the cache cannot be written.
    """
    if cache is None or batch.numbers is None:
        return run_teacher(teacher, batch, counterfactual)
    records = _records(batch, counterfactual)
    # An empty block has no labels, so that its states are never looked at.
    states = [cache.empty(size) if block == EMPTY else cache.read(block, part, size) for block, part, size in records]
    if any(kept is None for kept in states):
        computed = torch.cat([part for part in run_teacher(teacher, batch, counterfactual) if part is not None])
        parts = computed.split([size for _, _, size in records])
        # What is there already stays: a run that continues must read what it read before.
        for place, (block, part, _) in enumerate(records):
            if states[place] is None:
                cache.write(block, part, parts[place])
                states[place] = cache.rounded(parts[place])
    present = [kept.to(batch.inputs.device) for kept in states if kept is not None]
    rows = len(batch.inputs)
    return TeacherPasses(torch.cat(present[:rows]), torch.cat(present[rows:]) if len(present) > rows else None)


def _records(batch: Batch, counterfactual: bool) -> list[tuple[int, int, int]]:
    """Block, part and number of states of each record of a batch: all rows first, then those with a reversal."""
    assert batch.numbers is not None
    length = batch.inputs.shape[1]
    blocks = batch.numbers.tolist()
    reversed_positions = (batch.prefix == PrefixKind.REVERSED).sum(1).tolist() if counterfactual else []
    return [(block, _FACTUAL, length) for block in blocks] + [
        (block, _REVERSED, size) for block, size in zip(blocks, reversed_positions, strict=False) if size
    ]
