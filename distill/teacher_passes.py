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
    counterfactual = counterfactual and len(batch.counterfactual) > 0
    kept = _read(batch, counterfactual, cache)
    if kept is None:
        exact = run_teacher(teacher, batch, counterfactual)
        kept = TeacherPasses(*(None if states is None else cache.rounded(states) for states in exact))  # type: ignore[arg-type] # the first is there
        _write(batch, kept, cache)
    return kept


def _read(batch: Batch, counterfactual: bool, cache: TeacherCache) -> TeacherPasses | None:
    """The states of a batch, if the records of all its blocks are there."""
    length = batch.inputs.shape[1]
    factual: list[Tensor] = []
    after_reversal: list[Tensor] = []
    for block, reversed_positions in _records(batch):
        # An empty block has no labels, so that its states are never looked at.
        states = cache.empty(length) if block == EMPTY else cache.read(block, _FACTUAL, length)
        others: Tensor | None = cache.empty(0)
        if counterfactual and reversed_positions:
            others = cache.read(block, _REVERSED, reversed_positions)
        if states is None or others is None:
            return None
        factual.append(states)
        after_reversal.append(others)
    device = batch.inputs.device
    return TeacherPasses(
        torch.cat(factual).to(device), torch.cat(after_reversal).to(device) if counterfactual else None
    )


def _write(batch: Batch, passes: TeacherPasses, cache: TeacherCache) -> None:
    records = _records(batch)
    factual = passes.hidden.split(batch.inputs.shape[1])
    for (block, _), states in zip(records, factual, strict=True):
        if block != EMPTY:
            cache.write(block, _FACTUAL, states)
    if passes.counterfactual_hidden is not None:
        parts = passes.counterfactual_hidden.split([positions for _, positions in records])
        for (block, positions), states in zip(records, parts, strict=True):
            if positions:
                cache.write(block, _REVERSED, states)


def _records(batch: Batch) -> list[tuple[int, int]]:
    """For each row the number of its block, and how many REVERSED prefixes it has."""
    assert batch.numbers is not None
    reversed_positions = (batch.prefix == PrefixKind.REVERSED).sum(1)
    return list(zip(batch.numbers.tolist(), reversed_positions.tolist(), strict=True))
