"""Documents next to their role reversals, in windows: which prefixes have a counterpart, and where it ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from augment import RoleReverser, align
from augment.token_spans import overlapping
from distill.perturbation.prefix_kinds import PrefixKind, prefix_kinds


@dataclass(frozen=True)
class ReversedWindow:
    """A window of a document and the same stretch of its reversal, each behind the token that begins a text.

    Attributes:
        document: Index of the document.
        tokens: `[read]` int64 ids.
        kinds: `[read]` int8 of `PrefixKind`, for the prefix that ends at each token.
        counterfactual: `[counterfactual_read]` int64 ids of the reversal; empty if no prefix is REVERSED.
        positions: `[reversed]` where the reversals of the REVERSED prefixes end in `counterfactual`, in order.
    """

    document: int
    tokens: NDArray[np.int64]
    kinds: NDArray[np.int8]
    counterfactual: NDArray[np.int64]
    positions: NDArray[np.int64]


@dataclass(frozen=True)
class _Document:
    """The tokens of a document and of its reversal.

    Attributes:
        tokens: `[tokens]` ids.
        counterfactual: `[counterfactual_tokens]` ids of the reversal.
        aligned: `[tokens]` a(t), or −1 where there is none.
        reversed_word: `[tokens]` bool, part of a word that is reversed.
        gender_cue: `[tokens]` bool, part of a gender cue that stays.
    """

    tokens: NDArray[np.int64]
    counterfactual: NDArray[np.int64]
    aligned: NDArray[np.int64]
    reversed_word: NDArray[np.bool_]
    gender_cue: NDArray[np.bool_]


def reversed_windows(
    texts: Sequence[str], reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, opening: int, context: int
) -> list[ReversedWindow]:
    """Reverse documents and cut them into windows, so that every prefix with a gap is in exactly one of them.

    A window ends where a prefix of the document has a counterpart, so that the next one begins at the same place of
    both; text and reversal both fit into the context. As in training, a prefix begins with its window: what was said
    before is unknown. The empty prefix of a document counts once, in its first window.

    Args:
        texts: The documents.
        reverser: Finds the words to exchange.
        tokenizer: A fast tokenizer.
        opening: The token that begins a text.
        context: Window size in tokens, including the opening token.

    Returns:
        The windows that contain a NEUTRAL or REVERSED prefix, cut behind the last one.
    """
    documents = _encode(texts, reverser, tokenizer)
    return [
        window
        for number, document in enumerate(documents)
        for window in _windows(number, document, opening, max(1, context - 1))
    ]


def _encode(texts: Sequence[str], reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase) -> Iterator[_Document]:
    reversals = reverser.reverse_all(list(texts))
    swapped = [reversal.counterfactual for reversal in reversals if reversal.record]
    counterfactuals = iter(zip(*_tokenise(swapped, tokenizer), strict=True))
    for reversal, tokens, offsets in zip(reversals, *_tokenise(list(texts), tokenizer), strict=True):
        characters = np.array(offsets, dtype=np.int64).reshape(-1, 2)
        other, other_offsets = next(counterfactuals) if reversal.record else (tokens, offsets)
        yield _Document(
            tokens=np.array(tokens, dtype=np.int64),
            counterfactual=np.array(other, dtype=np.int64),
            aligned=np.array(align(offsets, other_offsets, reversal.swaps), dtype=np.int64),
            reversed_word=overlapping(characters, [(swap.start, swap.end) for swap in reversal.swaps]),
            gender_cue=overlapping(characters, reversal.tells),
        )


_Offsets = list[tuple[int, int]]


def _tokenise(texts: list[str], tokenizer: PreTrainedTokenizerBase) -> tuple[list[list[int]], list[_Offsets]]:
    """The ids and the character spans of the tokens of each text."""
    if not texts:
        return [], []
    encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return encoded["input_ids"], encoded["offset_mapping"]


def _windows(number: int, document: _Document, opening: int, room: int) -> Iterator[ReversedWindow]:
    ends = np.flatnonzero(document.aligned >= 0)
    other_ends = document.aligned[ends]
    start = other_start = done = 0
    while True:
        fitting = int(min(np.searchsorted(ends, start + room), np.searchsorted(other_ends, other_start + room)))
        last = int(ends[fitting - 1]) if fitting > done else start - 1
        yield from _window(number, document, opening, start, last, other_start)
        # Where no prefix within reach has a counterpart, nothing can be measured until one has.
        done = max(fitting, done + 1)
        if done >= len(ends):
            return
        start, other_start = int(ends[done - 1]) + 1, int(other_ends[done - 1]) + 1


def _window(
    number: int, document: _Document, opening: int, start: int, last: int, other_start: int
) -> Iterator[ReversedWindow]:
    """The window of the tokens from `start` to `last`, unless it has no prefix with a gap."""
    read = slice(start, last + 1)
    kinds = prefix_kinds(
        aligned=np.concatenate([[True], document.aligned[read] >= 0]),
        reversed_word=np.concatenate([[False], document.reversed_word[read]]),
        gender_cue=np.concatenate([[False], document.gender_cue[read]]),
    )
    if start:
        kinds[0] = PrefixKind.UNALIGNED
    measured = np.flatnonzero(kinds != PrefixKind.UNALIGNED)
    if not len(measured):
        return
    length = int(measured[-1]) + 1
    positions = document.aligned[start - 1 + np.flatnonzero(kinds == PrefixKind.REVERSED)] - other_start + 1
    rest = document.counterfactual[other_start : other_start + int(positions.max(initial=0))]
    yield ReversedWindow(
        document=number,
        tokens=np.concatenate([[opening], document.tokens[start : start + length - 1]]),
        kinds=kinds[:length],
        counterfactual=np.concatenate([[opening], rest]) if len(positions) else rest,
        positions=positions,
    )
