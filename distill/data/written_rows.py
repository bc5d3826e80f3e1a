"""Texts that a model has written token by token: reversed and aligned like any other, but with the tokens written."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from augment import RoleReverser
from distill.data.encoding import EncodedDocument, encode_reversal

_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
"""What a decoder gives for the first bytes of a character."""


def written_document(
    ids: Sequence[int], end: list[int], reverser: RoleReverser, tokenizer: PreTrainedTokenizerBase
) -> EncodedDocument | None:
    """Encode a text by the tokens that it was written with, which may differ from those of a tokenizer.

    Args:
        ids: The text's tokens, without special ones.
        end: The end-of-text token, where the model has written it; else empty.
        reverser: Finds the words to exchange.
        tokenizer: A fast tokenizer.

    Returns:
        The document; None if the tokens are no valid text, or hold special tokens.
    """
    decoded = _offsets(ids, tokenizer)
    if decoded is None or not set(ids).isdisjoint(tokenizer.all_special_ids):
        return None
    text, offsets = decoded
    return encode_reversal(reverser.reverse(text), [*ids], offsets, tokenizer, end)


def _offsets(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> tuple[str, list[tuple[int, int]]] | None:
    """The text, and start and end of each token in it: tokens that share a character all cover it."""
    beginnings = tokenizer.batch_decode(
        [[*ids[:count]] for count in range(1, len(ids) + 1)],
        skip_special_tokens=False,
        clean_up_tokenization_spaces=False,
    )
    text = beginnings[-1] if beginnings else ""
    if _INCOMPLETE in text:
        return None
    offsets: list[tuple[int, int]] = []
    start = waiting = 0
    for beginning in beginnings:
        waiting += 1
        if beginning.endswith(_INCOMPLETE):
            continue
        if not text.startswith(beginning):
            return None
        offsets += [(start, len(beginning))] * waiting
        start, waiting = len(beginning), 0
    return text, offsets
