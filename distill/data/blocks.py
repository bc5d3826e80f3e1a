"""Blocks of a packed text, each with its reversal, and the batches made of them."""

from dataclasses import dataclass, replace
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

IGNORED_LABEL = -100
"""The label of tokens that count nowhere."""


@dataclass(frozen=True)
class Block:
    """One block, and the reversal of what the teacher sees of it.

    Attributes:
        inputs: `[length]` token ids.
        labels: `[length]` next token ids, −100 in an empty block.
        prefix: `[length]` int8 of `PrefixKind`.
        counterfactual: `[counterfactual_length]` token ids of the reversal, of documents that are apart only those with
            a REVERSED prefix; empty if there is none.
        positions: `[reversed]` a(t) of the REVERSED prefixes, in order: indices into `counterfactual`.
        position_ids: `[length]` positions that begin anew with each document, so that a model keeps documents apart;
            None if documents see one another.
        counterfactual_position_ids: `[counterfactual_length]` the same for `counterfactual`.
        number: Of the block in its text; `EMPTY` for one that only fills a batch, None for one of no packed text.
        weight: Factor of its loss.
    """

    inputs: np.ndarray
    labels: np.ndarray
    prefix: np.ndarray
    counterfactual: np.ndarray
    positions: np.ndarray
    position_ids: np.ndarray | None = None
    counterfactual_position_ids: np.ndarray | None = None
    number: int | None = None
    weight: float = 1.0


class Batch(NamedTuple):
    """Blocks as tensors; only rows with a reversed word need a counterfactual pass of the teacher.

    Attributes:
        inputs: `[batch, length]` int64.
        labels: `[batch, length]` int64; those of −100 count nowhere.
        prefix: `[batch, length]` int8 of `PrefixKind`.
        counterfactual: `[rows, longest]` int64, padded on the right: the rows with a REVERSED prefix, at most `batch`.
        gather: `[reversed]` int64, for each REVERSED prefix of the batch, in order, its position in the flattened
            `counterfactual`.
        position_ids: `[batch, length]` int64, beginning anew with each document; None if documents see one another.
        counterfactual_position_ids: `[rows, longest]` int64, the same for `counterfactual`.
        weights: `[batch]` fp32 factors of the rows' losses; None: 1.
        numbers: `[batch]` int64 numbers of the blocks in their text; None if any row is of no packed text.
    """

    inputs: Tensor
    labels: Tensor
    prefix: Tensor
    counterfactual: Tensor
    gather: Tensor
    position_ids: Tensor | None = None
    counterfactual_position_ids: Tensor | None = None
    numbers: Tensor | None = None
    weights: Tensor | None = None

    @property
    def token_weights(self) -> Tensor | None:
        """`[batch · length]` factors of the tokens' losses; None: 1."""
        return None if self.weights is None else self.weights.repeat_interleave(self.inputs.shape[1])

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device, copied asynchronously from pinned memory."""
        present = {name: tensor for name, tensor in self._asdict().items() if tensor is not None}
        return self._replace(**{name: tensor.to(device, non_blocking=True) for name, tensor in present.items()})


class Blocks(Dataset[Block]):
    """Fixed-length blocks of a packed text: block i starts at token i · length.

    Args:
        packed: The streams.
        length: Tokens of a block.
        counterfactual_limit: The most tokens that the teacher can read; beyond it, the prefixes of a longer reversal
            are UNALIGNED. None: no limit.
        lead: Keep documents apart: the number of tokens before a document in the stream that belong to it, 1 if the
            end-of-text token before it is its opening, else 0. None: documents see one another.
    """

    def __init__(
        self,
        packed: PackedText,
        length: int,
        counterfactual_limit: int | None,
        lead: int | None = None,
    ) -> None:
        self.packed = packed
        self.length = length
        self._limit = counterfactual_limit
        self._lead = lead
        self.weights: np.ndarray | None = None
        """`[blocks]` factors of the blocks' losses; None: 1."""

    @property
    def description(self) -> str:
        """Equal for blocks with the same tokens, prefixes and reversals."""
        documents = "see one another" if self._lead is None else f"are apart, {self._lead} token before each"
        limit = self._limit or "any number of"
        return (
            f"{len(self):,} blocks of {self.length} tokens of {self.packed.folder.name}, whose documents {documents}; "
            f"{limit} tokens of a reversal"
        )

    def __len__(self) -> int:
        return max(0, self.packed.tokens - 1) // self.length

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

    @cached_property
    def _starts(self) -> np.ndarray:
        return self.packed.array("starts")

    def _begin(self, start: int, end: int) -> np.ndarray:
        """`[length]` where what each token of a block sees begins: with its document, or with the block."""
        begin = np.zeros(end - start, dtype=np.int64)
        if self._lead is not None:
            first, last = np.searchsorted(self._starts, [start + self._lead, end + self._lead])
            openings = self._starts[first:last] - self._lead - start
            begin[openings] = openings
        return np.maximum.accumulate(begin)

    def __getstate__(self) -> dict[str, object]:
        """The state without the memory maps: a worker process opens its own."""
        return {name: value for name, value in vars(self).items() if not isinstance(value, np.memmap)}

    def __getitem__(self, index: int) -> Block:
        if index == EMPTY:
            return _empty(self.length, apart=self._lead is not None)
        start, end = index * self.length, (index + 1) * self.length
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
        begin = self._begin(start, end)
        kinds = prefix_kinds(aligned, reversed_word, gender_cue, begin)

        selected = kinds == PrefixKind.REVERSED
        # The opening of a document has a counterpart; the token that a block begins with may have none.
        counterfactual_begin = np.where(begin > 0, positions[begin], 0)
        kept, position_ids, positions = _select_documents(positions[selected], counterfactual_begin[selected])
        rest = self._counterfactual[first : first + max(0, kept.max(initial=-1) + 1 - fragment)]
        counterfactual = np.concatenate([tokens[:fragment], rest])[kept].astype(np.int64)
        weight = 1.0 if self.weights is None else float(self.weights[index])
        block = Block(tokens[:-1], tokens[1:], kinds, counterfactual, positions, number=index, weight=weight)
        if self._lead is None:
            return block
        return replace(block, position_ids=np.arange(self.length) - begin, counterfactual_position_ids=position_ids)

    def _counterfactual_start(self, start: int, boundary: np.ndarray) -> tuple[int, int]:
        """Where the block's reversal starts in its stream, and how many tokens of the block come before that place."""
        before = self._boundary(start - 1, start)[0] if start else -1
        if start == 0 or before >= 0:
            return int(before) + 1, 0
        ends = np.flatnonzero(boundary >= 0)
        if len(ends) == 0:
            return 0, len(boundary)
        return int(boundary[ends[0]]) + 1, int(ends[0]) + 1


def _select_documents(positions: np.ndarray, begin: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the teacher has to read of a reversal: each document of a REVERSED prefix, up to the last of them.

    Args:
        positions: `[reversed]` a(t) of the REVERSED prefixes.
        begin: `[reversed]` where their documents begin in the reversal, in order.

    Returns:
        The positions to keep; the same, counted from the beginning of their documents; and a(t) in what is kept.
    """
    documents, first, counts = np.unique(begin, return_index=True, return_counts=True)
    lengths = np.maximum.reduceat(positions, first) + 1 - documents if len(documents) else documents
    before = np.cumsum(lengths) - lengths
    within = np.arange(lengths.sum()) - np.repeat(before, lengths)
    return np.repeat(documents, lengths) + within, within, positions + np.repeat(before - documents, counts)


def _empty(length: int, apart: bool) -> Block:
    zeros = np.zeros(length, dtype=np.int64)
    none = np.empty(0, dtype=np.int64)
    block = Block(zeros, np.full(length, IGNORED_LABEL), np.zeros(length, dtype=np.int8), none, none, number=EMPTY)
    return replace(block, position_ids=np.arange(length), counterfactual_position_ids=none) if apart else block


def collate(blocks: list[Block]) -> Batch:
    """Stack blocks of the same length into a batch."""
    with_reversal = [block for block in blocks if len(block.positions)]
    longest = max((len(block.counterfactual) for block in with_reversal), default=0)
    gather = [np.empty(0, dtype=np.int64)]
    gather += [block.positions + row * longest for row, block in enumerate(with_reversal)]
    apart = [ids for block in blocks if (ids := block.position_ids) is not None]
    numbers = [number for block in blocks if (number := block.number) is not None]
    weights = [block.weight for block in blocks]
    counterfactual_apart = [ids for block in with_reversal if (ids := block.counterfactual_position_ids) is not None]
    return Batch(
        inputs=torch.from_numpy(np.stack([block.inputs for block in blocks])),
        labels=torch.from_numpy(np.stack([block.labels for block in blocks])),
        prefix=torch.from_numpy(np.stack([block.prefix for block in blocks])),
        counterfactual=_padded([block.counterfactual for block in with_reversal], longest),
        gather=torch.from_numpy(np.concatenate(gather)),
        position_ids=torch.from_numpy(np.stack(apart)) if apart else None,
        counterfactual_position_ids=_padded(counterfactual_apart, longest) if apart else None,
        numbers=torch.tensor(numbers) if len(numbers) == len(blocks) else None,
        weights=None if set(weights) == {1.0} else torch.tensor(weights),
    )


def _padded(rows: list[np.ndarray], longest: int) -> Tensor:
    padded = np.zeros((len(rows), longest), dtype=np.int64)
    for line, row in zip(padded, rows, strict=True):
        line[: len(row)] = row
    return torch.from_numpy(padded)
