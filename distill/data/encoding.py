"""A document and its reversal as tokens, with the alignment of the two."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntFlag
from itertools import takewhile
from typing import Literal

import numpy as np
from transformers import PreTrainedTokenizerBase

from augment import Reversal, RoleReverser
from augment.alignment import boundaries
from augment.token_spans import ending_in, overlapping

Side = Literal["text", "reversal"]


class TokenFlag(IntFlag):
    """What is known about a token besides its id."""

    REVERSED_WORD = 1
    """It is part of a word that the reversal exchanges."""
    GENDER_CUE = 2
    """It is part of a gender cue that the reversal leaves as it is."""
    UNALIGNED = 4
    """It has no a(t): the prefix that ends here has no reversal, or one that depends on the words that follow."""


@dataclass(frozen=True)
class EncodedDocument:
    """The tokens of a document and of its reversal, and the positions where both end at the same place in the text.

    Attributes:
        tokens: `[length]` ids; opening tokens first, the end-of-text token last.
        counterfactual: `[counterfactual_length]` ids of the reversal, with the same first and last tokens.
        boundary: `[length]` for each token the position in `counterfactual` that ends where the token ends, or −1
            inside a reversed word. Unlike a(t), it also exists at the last token of an ambiguous word: text may
            continue there.
        flags: `[length]` uint8 of `TokenFlag`.
    """

    tokens: np.ndarray
    counterfactual: np.ndarray
    boundary: np.ndarray
    flags: np.ndarray


_PIECE = 1 << 20
"""Most characters that are reversed and tokenised at once, since a tokenizer needs some hundred bytes per character. A
longer document is split at the last paragraph, line or word boundary before the limit."""
_SEARCH = 1 << 16
"""Characters before that limit that are searched for a boundary."""


def encode_documents(
    texts: Sequence[str], reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, sides: Sequence[Side]
) -> list[EncodedDocument]:
    """Reverse and tokenise documents.

    Args:
        texts: The documents.
        reverser: Finds the words to exchange.
        tokenizer: A fast tokenizer, with character offsets.
        sides: For each document, whether the factual side is the document itself (`text`), or its reversal with the
            document as the counterfactual (`reversal`).

    Returns:
        The encoded documents, in order.
    """
    opening = document_opening(tokenizer)
    return [_encode_document(text, reverser, tokenizer, side, opening) for text, side in zip(texts, sides, strict=True)]


def text_opening(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The special tokens that a tokenizer puts before a text, as its model has seen them in training."""
    encoded = tokenizer("a", return_special_tokens_mask=True, verbose=False)
    special = takewhile(lambda token: token[1], zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True))
    return [token for token, _ in special]


def document_opening(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The special tokens before a document in packed text; none if the end-of-text token before it suffices."""
    opening = text_opening(tokenizer)
    return [] if opening == [tokenizer.eos_token_id] else opening


def _encode_document(
    text: str, reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase, side: Side, opening: list[int]
) -> EncodedDocument:
    encoded = []
    if opening:
        ids = np.array(opening, dtype=np.int64)
        encoded.append(EncodedDocument(ids, ids, np.arange(len(ids)), np.zeros(len(ids), dtype=np.uint8)))
    pieces = _pieces(text)
    for number, piece in enumerate(pieces, 1):
        reversal = reverser.reverse(piece)
        if side == "reversal":
            reversal = reverser.mirror(reversal)
        encoded.append(_encode(reversal, tokenizer, [tokenizer.eos_token_id] if number == len(pieces) else []))
    if len(encoded) == 1:
        return encoded[0]
    before = 0
    for part in encoded:
        part.boundary[part.boundary >= 0] += before
        before += len(part.counterfactual)
    names = [field.name for field in fields(EncodedDocument)]
    return EncodedDocument(*(np.concatenate([getattr(part, name) for part in encoded]) for name in names))


def _pieces(text: str) -> list[str]:
    pieces = []
    start = 0
    while len(text) - start > _PIECE:
        end = _cut(text, start + _PIECE)
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:] if start else text]


def _cut(text: str, end: int) -> int:
    """The last boundary before `end` of a paragraph, a line or a word."""
    for separator in ("\n\n", "\n", " "):
        found = text.rfind(separator, end - _SEARCH, end)
        if found > 0:
            return found
    return end


def _tokenise(text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[tuple[int, int]]]:
    # The backend itself: its wrapper spends more time on copying unused fields than on tokenising.
    encoding = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
    return encoding.ids, encoding.offsets


def _encode(reversal: Reversal, tokenizer: PreTrainedTokenizerBase, end: list[int]) -> EncodedDocument:
    ids, offsets = _tokenise(reversal.text, tokenizer)
    return encode_reversal(reversal, ids, offsets, tokenizer, end)


def encode_reversal(
    reversal: Reversal,
    ids: list[int],
    offsets: list[tuple[int, int]],
    tokenizer: PreTrainedTokenizerBase,
    end: list[int],
) -> EncodedDocument:
    """Tokenise the counterfactual side of a reversal, and align both.

    Args:
        reversal: The text and its reversal.
        ids: Tokens of the text, by this tokenizer or as a model has written them.
        offsets: Start and end of each of them, in characters.
        tokenizer: A fast tokenizer.
        end: Tokens that close both sides.
    """
    tokens = np.array([*ids, *end], dtype=np.int64)
    flags = np.zeros(len(tokens), dtype=np.uint8)
    inner = flags[: len(ids)]
    if not reversal.record and not reversal.tells:
        return EncodedDocument(tokens, tokens, np.arange(len(tokens)), flags)
    characters = np.array(offsets, dtype=np.int64).reshape(-1, 2)
    inner[overlapping(characters, reversal.tells)] |= np.uint8(TokenFlag.GENDER_CUE)
    if not reversal.record:
        return EncodedDocument(tokens, tokens, np.arange(len(tokens)), flags)
    counterfactual_ids, counterfactual_offsets = _tokenise(reversal.counterfactual, tokenizer)
    ends = np.array(boundaries(offsets, counterfactual_offsets, reversal.swaps), dtype=np.int64)
    # a(t) is the boundary, except at the last token of a word whose counterpart was chosen by the words that follow.
    swaps = np.frombuffer(reversal.record, dtype=np.int64).reshape(-1, 5)
    ambiguous = ending_in(characters, swaps[swaps[:, 4] == 1, 1])
    inner[(ends < 0) | ambiguous] |= np.uint8(TokenFlag.UNALIGNED)
    inner[overlapping(characters, swaps[:, :2])] |= np.uint8(TokenFlag.REVERSED_WORD)
    counterfactual = np.array([*counterfactual_ids, *end], dtype=np.int64)
    last = [len(counterfactual_ids)] if end else []
    return EncodedDocument(tokens, counterfactual, np.array([*ends, *last], dtype=np.int64), flags)
