"""Alignment with tokenizers of every kind: the prefixes that end in aligned tokens are reversals of each other."""

import random
from collections.abc import Sequence
from functools import cache

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from augment import RoleReverser, Swap, align
from augment.alignment import boundaries
from fuzz.target import Target
from fuzz.texts import text

_REVERSER = RoleReverser(names=True)
_CORPUS = ["The lady lost her keys. He said: she’s 😀 Désiré", "his her him hers himself herself king queen"] * 3
_SPECIAL = ["<s>", "</s>", "<unk>"]


@cache
def tokenizers() -> tuple[Tokenizer, ...]:
    """Byte-level (plain, with trimmed offsets, with a prefix space, with special tokens) and five other kinds."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made = []
    for size in (300, 600):
        bpe = Tokenizer(models.BPE())
        bpe.pre_tokenizer = byte_level
        bpe.train_from_iterator(
            _CORPUS,
            trainers.BpeTrainer(
                vocab_size=size, special_tokens=_SPECIAL, initial_alphabet=alphabet, show_progress=False
            ),
        )
        made.append(bpe)
    trimmed = Tokenizer.from_str(made[0].to_str())
    trimmed.post_processor = processors.ByteLevel(trim_offsets=True)
    prefixed = Tokenizer.from_str(made[0].to_str())
    prefixed.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    special = Tokenizer.from_str(made[1].to_str())
    special.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    fallback = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    fallback.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    fallback.train_from_iterator(
        _CORPUS, trainers.BpeTrainer(vocab_size=400, special_tokens=[*_SPECIAL, *byte_tokens], show_progress=False)
    )
    word_piece = Tokenizer(models.WordPiece(unk_token="<unk>"))
    word_piece.normalizer = normalizers.BertNormalizer()
    word_piece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    word_piece.train_from_iterator(
        _CORPUS, trainers.WordPieceTrainer(vocab_size=150, special_tokens=_SPECIAL, show_progress=False)
    )
    unigram = Tokenizer(models.Unigram())
    unigram.normalizer = normalizers.NFKC()
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    unigram.train_from_iterator(
        _CORPUS,
        trainers.UnigramTrainer(vocab_size=120, special_tokens=_SPECIAL, unk_token="<unk>", show_progress=False),
    )
    words = Tokenizer(models.WordLevel({"<unk>": 0, "she": 1, "he": 2}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return (*made, trimmed, prefixed, special, fallback, word_piece, unigram, words)


def pair(draw: random.Random) -> tuple[int, str, int | None]:
    """The number of a tokenizer, a text that it accepts, and how many of the reversal's tokens are kept."""
    content = "".join(character for character in text(draw) if not "\ud800" <= character <= "\udfff")
    return draw.randrange(9), content, draw.choice((None, None, draw.randrange(20)))


def check(case: tuple[int, str, int | None]) -> None:
    """Check the alignment of a text with its reversal."""
    number, content, kept = case
    tokenizer = tokenizers()[number]
    reversal = _REVERSER.reverse(content)
    left, right = tokenizer.encode(content), tokenizer.encode(reversal.counterfactual)
    offsets, others = left.offsets, right.offsets[:kept]
    aligned = align(offsets, others, reversal.swaps)
    assert len(aligned) == len(offsets)
    some = [other for other in aligned if other != -1]
    assert some == sorted(set(some)), "positions increase"
    assert all(0 <= other < len(others) for other in some), "positions exist"
    ambiguous = {swap.end for swap in reversal.swaps if swap.ambiguous}
    for (start, end), other in zip(offsets, aligned, strict=True):
        if other == -1 or start == end == 0:
            continue
        assert end not in ambiguous, "no position leaks the future"
        assert others[other][1] == _reversed_end(reversal.swaps, end), "both prefixes end at the same place"
    for one, all_of_them in zip(aligned, boundaries(offsets, others, reversal.swaps), strict=True):
        assert one in (-1, all_of_them)
    assert align(offsets, list(offsets), ()) == list(range(len(offsets))), "a text is aligned with itself"


def _reversed_end(swaps: Sequence[Swap], end: int) -> int:
    shift = 0
    for swap in swaps:
        if end <= swap.start:
            break
        assert end >= swap.end, "no position inside a reversed word"
        shift = swap.counterfactual_end - swap.end
    return end + shift


TARGET = Target("alignments", pair, check, inputs=50_000)
