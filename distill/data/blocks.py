"""Blocks of a packed text, each with its reversal, and the batches made of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from distill.data.encoding import TokenFlag
from distill.data.packed_text import NO_BOUNDARY, PackedText
from distill.data.sampler import EMPTY
from distill.perturbation.prefix_kinds import PrefixKind, prefix_kinds


@dataclass(frozen=True)
class Block:
    """One block, and the reversal of what the teacher sees of it.

    Attributes:
        inputs: `[length]` token ids.
        labels: `[length]` next token ids, −100 in an empty block.
        prefix: `[length]` int8 of `PrefixKind`.
        counterfactual: `[counterfactual_length]` token ids of the reversal; empty if no prefix is REVERSED.
        positions: `[reversed]` a(t) of the REVERSED prefixes, in order: positions in `counterfactual`.
    """

    inputs: np.ndarray
    labels: np.ndarray
    prefix: np.ndarray
    counterfactual: np.ndarray
    positions: np.ndarray


class Batch(NamedTuple):
    """Blocks as tensors; only rows with a reversed word need a counterfactual pass of the teacher.

    Attributes:
        inputs: `[batch, length]` int64.
        labels: `[batch, length]` int64; those of −100 count nowhere.
        prefix: `[batch, length]` int8 of `PrefixKind`.
        counterfactual: `[rows, longest]` int64, padded on the right: the rows with a REVERSED prefix, at most `batch`.
        gather: `[reversed]` int64, for each REVERSED prefix of the batch, in order, its position in the flattened
            `counterfactual`.
    """

    inputs: Tensor
    labels: Tensor
    prefix: Tensor
    counterfactual: Tensor
    gather: Tensor


class Blocks(Dataset[Block]):
    """Fixed-length blocks of a packed text: block i starts at token i · length.

    Args:
        packed: The streams.
        length: Tokens of a block.
        counterfactual_limit: The most tokens that the teacher can read; beyond it, the prefixes of a longer reversal
            are UNALIGNED. None: no limit.
    """

    def __init__(self, packed: PackedText, length: int, counterfactual_limit: int | None) -> None:
        self.packed = packed
        self._length = length
        self._limit = counterfactual_limit

    def __len__(self) -> int:
        return max(0, self.packed.tokens - 1) // self._length

    @cached_property
    def _tokens(self) -> np.ndarray:
        return self.packed.array("tokens")

    @cached_property
    def _counterfactual(self) -> np.ndarray:
        return self.packed.array("counterfactual")

    @cached_property
    def _shift(self) -> np.ndarray:
        return self.packed.array("shift")

    def _boundary(self, start: int, end: int) -> np.ndarray:
        """Positions in the counterfactual stream that end where the tokens end; −1 inside reversed words."""
        shift = self._shift[start:end]
        return np.where(shift == NO_BOUNDARY, -1, np.arange(start, end) + shift)

    @cached_property
    def _flags(self) -> np.ndarray:
        return self.packed.array("flags")

    def __getstate__(self) -> dict[str, object]:
        """The state without the memory maps: a worker process opens its own."""
        return {name: value for name, value in vars(self).items() if not isinstance(value, np.memmap)}

    def __getitem__(self, index: int) -> Block:
        if index == EMPTY:
            return _empty(self._length)
        start, end = index * self._length, (index + 1) * self._length
        tokens = self._tokens[start : end + 1].astype(np.int64)
        flags = self._flags[start:end]
        boundary = self._boundary(start, end)
        aligned = (flags & TokenFlag.UNALIGNED) == 0
        reversed_word = (flags & TokenFlag.REVERSED_WORD) != 0
        gender_cue = (flags & TokenFlag.GENDER_CUE) != 0

        first, fragment = self._counterfactual_start(start, boundary)
        if fragment:
            # The block starts inside a reversed word: the rest of it has no reversal, stays, and may be a cue.
            aligned[:fragment] = False
            reversed_word[:fragment] = False
            gender_cue[0] = True
        positions = boundary - first + fragment
        if self._limit is not None:
            aligned &= positions < self._limit
        kinds = prefix_kinds(aligned, reversed_word, gender_cue)

        is_reversed = kinds == PrefixKind.REVERSED
        positions = positions[is_reversed]
        counterfactual = np.empty(0, dtype=np.int64)
        if len(positions):
            rest = self._counterfactual[first : first + positions.max() + 1 - fragment]
            counterfactual = np.concatenate([tokens[:fragment], rest]).astype(np.int64)
        return Block(tokens[:-1], tokens[1:], kinds, counterfactual, positions)

    def _counterfactual_start(self, start: int, boundary: np.ndarray) -> tuple[int, int]:
        """Where the block's reversal starts in its stream, and how many tokens of the block come before that place."""
        before = self._boundary(start - 1, start)[0] if start else -1
        if start == 0 or before >= 0:
            return int(before) + 1, 0
        ends = np.flatnonzero(boundary >= 0)
        if len(ends) == 0:
            return 0, len(boundary)
        return int(boundary[ends[0]]) + 1, int(ends[0]) + 1


def _empty(length: int) -> Block:
    zeros = np.zeros(length, dtype=np.int64)
    none = np.empty(0, dtype=np.int64)
    return Block(zeros, np.full(length, -100), np.zeros(length, dtype=np.int8), none, none)


def collate(blocks: list[Block]) -> Batch:
    """Stack blocks of the same length into a batch."""
    with_reversal = [block for block in blocks if len(block.positions)]
    longest = max((len(block.counterfactual) for block in with_reversal), default=0)
    counterfactual = np.zeros((len(with_reversal), longest), dtype=np.int64)
    gather = [np.empty(0, dtype=np.int64)]
    for row, block in enumerate(with_reversal):
        counterfactual[row, : len(block.counterfactual)] = block.counterfactual
        gather.append(block.positions + row * longest)
    return Batch(
        inputs=torch.from_numpy(np.stack([block.inputs for block in blocks])),
        labels=torch.from_numpy(np.stack([block.labels for block in blocks])),
        prefix=torch.from_numpy(np.stack([block.prefix for block in blocks])),
        counterfactual=torch.from_numpy(counterfactual),
        gather=torch.from_numpy(np.concatenate(gather)),
    )
