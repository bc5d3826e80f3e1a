"""Selects the positions of a text that are scored: blocks spread evenly over it, as training sees them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from augment import RoleReverser
from distill.data.blocks import Block
from distill.data.datamodule import CounterfactualDataModule
from distill.data.encoding import TokenFlag
from distill.data.packed_text import NO_BOUNDARY
from distill.data.packing import Corpus, pack
from distill.errors import UserError
from distill.losses.terms import IGNORED_LABEL


@dataclass(frozen=True)
class ScoredText:
    """Blocks of a text, and which of their positions are scored.

    Attributes:
        blocks: Their labels are −100 right after an ambiguous pronoun.
        gendered: `[blocks, length]` bool, whether a position is scored and its label belongs to a word that role
            reversal exchanges; first names do not count, as in `distill evaluate`.
        after_ambiguous: Number of positions that are left out because they follow an ambiguous pronoun.
    """

    blocks: list[Block]
    gendered: np.ndarray
    after_ambiguous: int


def spread(available: int, wanted: int) -> np.ndarray:
    """Indices of at most `wanted` blocks, spread evenly over `available`.

    Example:
        >>> spread(10, 3).tolist()
        [0, 4, 9]
    """
    return np.linspace(0, available - 1, min(wanted, available)).astype(np.int64)


def scored_text(data: CounterfactualDataModule, sources: Sequence[str], tokens: int) -> ScoredText:
    """Pack a text as training packs it, and select blocks.

    Whether “her” became “his” or “him” was decided by the words that follow, so that a prediction right after it would
    leak the future. These positions, where a text may continue (`shift`) and a(t) does not exist, are left out.

    Args:
        data: Has the recipe's block size, names, column and cache, and whether documents are apart.
        sources: Files, folders or hub ids.
        tokens: Approximate number of positions to score; at least two blocks are.

    Raises:
        augment.documents.DocumentError: If the text cannot be read.
        UserError: If it is shorter than a block.
    """
    corpus = Corpus(tuple(sources), data.field)
    packed = pack(corpus, RoleReverser(names=data.names), data.tokenizer, data.num_proc, data.cache_dir)
    names_kept = pack(corpus, RoleReverser(), data.tokenizer, data.num_proc, data.cache_dir)
    blocks = data.blocks(packed)
    if len(blocks) == 0:
        raise UserError(
            f"{', '.join(sources)}: {packed.tokens:,} tokens, fewer than one block: give more text, or lower "
            f"--data.block_size ({data.block_size})"
        )
    indices = spread(len(blocks), max(2, tokens // data.block_size))
    positions = indices[:, np.newaxis] * data.block_size + np.arange(data.block_size)

    unaligned = packed.array("flags")[positions] & TokenFlag.UNALIGNED
    after_ambiguous = (packed.array("shift")[positions] != NO_BOUNDARY) & (unaligned != 0)
    gendered = names_kept.array("flags")[positions + 1] & TokenFlag.REVERSED_WORD
    return ScoredText(
        blocks=[
            replace(block, labels=np.where(skipped, IGNORED_LABEL, block.labels))
            for block, skipped in zip((blocks[int(index)] for index in indices), after_ambiguous, strict=True)
        ],
        gendered=(gendered != 0) & ~after_ambiguous,
        after_ambiguous=int(after_ambiguous.sum()),
    )
