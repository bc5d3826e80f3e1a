"""a(t): every aligned pair of prefixes is a text and its reversal, and every position that could be aligned is."""

import json
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from augment import Lexicon, Reversal, RoleReverser, Swap, align
from augment.alignment import boundaries
from tests.data_folder import real_data

LEXICON = Lexicon.load()
REVERSER = RoleReverser(names=True, lexicon=LEXICON)

WORDS = st.sampled_from([*sorted(LEXICON.counterparts), "Mary", "James", "keys", "the", "Walter", "Désiré"])
SIGNS = st.sampled_from(
    [" ", " ", " ", "  ", "\n", "\n\n", ".", ", ", "’s", "-", "😀", "é", "👩‍🔬", "\u0301", "\t", "\u00a0", "\x7f"]
)
TEXTS = st.lists(st.one_of(WORDS, WORDS, SIGNS, SIGNS, st.text(max_size=3)), max_size=25).map("".join)


@cache
def tokenizer(kind: str) -> Tokenizer:
    """Trained on the spot, too small a vocabulary for most words, so that they are cut into pieces."""
    corpus = [" ".join(sorted(LEXICON.counterparts)), "The lady lost her keys. He said: she’s 😀 Désiré"] * 3
    trained = Tokenizer(models.BPE(byte_fallback=kind == "byte_fallback", unk_token=None))
    if kind == "byte_fallback":
        trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
        trained.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        trainer = trainers.BpeTrainer(
            vocab_size=700,
            special_tokens=["<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))],
            show_progress=False,
        )
    else:
        trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trained.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=500,
            special_tokens=["<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    trained.train_from_iterator(corpus, trainer)
    if kind == "trimmed":
        trained.post_processor = processors.ByteLevel(trim_offsets=True)
    if kind == "special":
        trained.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>",
            special_tokens=[("<s>", trained.token_to_id("<s>")), ("</s>", trained.token_to_id("</s>"))],
        )
    return trained


KINDS = ["plain", "trimmed", "special", "byte_fallback"]


def encode(kind: str, text: str) -> SimpleNamespace:
    encoding = tokenizer(kind).encode(text)
    return SimpleNamespace(ids=encoding.ids, offsets=encoding.offsets)


def prefix_bytes(kind: str, ids: list[int]) -> bytes:
    """What the tokens stand for, byte by byte, since a token may end inside a character."""
    trained = tokenizer(kind)
    out = b""
    for token in (trained.id_to_token(number) for number in ids):
        if token in ("<s>", "</s>"):
            continue
        if kind == "byte_fallback":
            is_byte = token.startswith("<0x") and len(token) == 6
            out += bytes([int(token[3:5], 16)]) if is_byte else token.replace("▁", " ").encode()
        else:
            out += bytes(BYTE_OF[character] for character in token)
    return out


def _byte_level_alphabet() -> dict[str, int]:
    """GPT-2's letters for bytes: printable bytes are themselves, the others follow from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + index): byte for index, byte in enumerate(others)}


BYTE_OF = _byte_level_alphabet()


def reversed_prefix(reversal: Reversal, prefix: bytes) -> bytes | None:
    """The reversal of a prefix under the edit map; None where it ends inside a swapped word."""
    text, counterfactual = reversal.text, reversal.counterfactual
    out, position, new_position = b"", 0, 0
    for swap in reversal.swaps:
        start, end = len(text[: swap.start].encode()), len(text[: swap.end].encode())
        if len(prefix) <= start:
            break
        if len(prefix) < end:
            return None
        out += text[position : swap.start].encode()
        out += counterfactual[swap.counterfactual_start : swap.counterfactual_end].encode()
        position, new_position = swap.end, swap.counterfactual_end
    assert out == counterfactual[:new_position].encode()
    return out + prefix[len(text[:position].encode()) :]


def utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXTS.filter(utf8))
def test_aligned_prefixes_are_a_text_and_its_reversal(kind: str, text: str) -> None:
    if kind == "byte_fallback" and "▁" in text:
        return
    reversal = REVERSER.reverse(text)
    left, right = encode(kind, text), encode(kind, reversal.counterfactual)
    aligned = boundaries(left.offsets, right.offsets, reversal.swaps)
    assert len(aligned) == len(left.ids)
    prefixes = {prefix_bytes(kind, right.ids[: index + 1]) for index in range(len(right.ids))}
    whole = reversal.counterfactual.encode()
    for position, other in enumerate(aligned):
        expected = reversed_prefix(reversal, prefix_bytes(kind, left.ids[: position + 1]))
        if other == -1:
            # Between the bytes of a character, and at the end of the last one, a piece may rightly stay alone.
            exempt = expected is not None and (expected == whole or not decodes(expected))
            assert expected is None or expected not in prefixes or exempt
        else:
            assert prefix_bytes(kind, right.ids[: other + 1]) == expected
    some = [other for other in aligned if other != -1]
    assert some == sorted(set(some))


def decodes(prefix: bytes) -> bool:
    try:
        prefix.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXTS.filter(utf8))
@example(text="his ")
def test_align_leaves_out_just_the_ends_of_ambiguous_words(kind: str, text: str) -> None:
    reversal = REVERSER.reverse(text)
    left, right = encode(kind, text).offsets, encode(kind, reversal.counterfactual).offsets
    ends = {swap.end for swap in reversal.swaps if swap.ambiguous}
    assert align(left, right, reversal.swaps) == [
        -1 if any(min(start, end - 1) < word_end <= end for word_end in ends) else other
        for (start, end), other in zip(left, boundaries(left, right, reversal.swaps), strict=True)
    ]


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXTS.filter(utf8))
def test_a_text_is_aligned_with_itself(kind: str, text: str) -> None:
    offsets = encode(kind, text).offsets
    assert align(offsets, list(offsets), ()) == list(range(len(offsets)))


@pytest.mark.parametrize("kind", ["plain", "special"])
@given(text=TEXTS.filter(utf8), kept=st.integers(0, 20))
def test_a_truncated_counterfactual(kind: str, text: str, kept: int) -> None:
    reversal = REVERSER.reverse(text)
    left, right = encode(kind, text).offsets, encode(kind, reversal.counterfactual).offsets
    whole = boundaries(left, right, reversal.swaps)
    cut = boundaries(left, right[:kept], reversal.swaps)
    for there, here in zip(whole, cut, strict=True):
        # A character that was cut between its bytes has lost the piece by which its others were counted.
        assert here == there if there < kept - 4 else here in (-1, there)


def test_last_with_last_and_nothing_inside() -> None:
    swaps = [Swap(2, 6, 2, 11, False)]
    left = [(0, 1), (1, 4), (4, 6), (6, 7)]
    right = [(0, 1), (1, 5), (5, 8), (8, 11), (11, 12)]
    assert boundaries(left, right, swaps) == [0, -1, 3, 4]


def test_an_ambiguous_word_is_aligned_from_the_next_token_on() -> None:
    offsets = [(0, 3), (3, 7), (7, 12), (12, 13)]
    assert align(offsets, offsets, [Swap(4, 7, 4, 7, True)]) == [0, -1, 2, 3]
    assert boundaries(offsets, offsets, [Swap(4, 7, 4, 7, True)]) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ([(0, 4), (4, 8), (8, 13)], [0, -1, 2]),  # the blank behind the word
        ([(0, 3), (3, 6), (6, 13)], [0, -1, -1]),  # half of it, and what follows
        ([(0, 3), (3, 7), (7, 7), (7, 13)], [0, -1, -1, 3]),
        ([(0, 3), (3, 4), (4, 13)], [0, 1, -1]),
    ],
)
def test_the_token_that_ends_an_ambiguous_word_is_not_aligned(
    offsets: list[tuple[int, int]], expected: list[int]
) -> None:
    assert align(offsets, list(offsets), [Swap(4, 7, 4, 7, True)]) == expected


def test_special_tokens() -> None:
    special = [(0, 0), (0, 2), (2, 3), (0, 0)]
    other = [(0, 0), (0, 3), (3, 4), (0, 0)]
    swaps = [Swap(0, 2, 0, 3, False)]
    assert boundaries(special, other, swaps) == [0, 1, 2, 3]
    assert boundaries(special[:-1], other, swaps) == [0, 1, 2]
    assert boundaries(special, other[:2] + other[3:], swaps) == [0, 1, -1, -1]


def test_the_end_of_a_text_whose_last_word_is_ambiguous() -> None:
    swaps = [Swap(0, 3, 0, 3, True)]
    assert align([(0, 3), (0, 0)], [(0, 3), (0, 0)], swaps) == [-1, 1]


def test_the_pieces_of_a_character() -> None:
    pieces = [(0, 2), (2, 3), (2, 3), (2, 3), (3, 4)]
    shifted = [(0, 3), (3, 4), (3, 4), (3, 4), (4, 5)]
    swaps = [Swap(0, 2, 0, 3, False)]
    assert boundaries(pieces, shifted, swaps) == [0, 1, 2, 3, 4]
    assert boundaries(pieces, [*shifted[:2], *shifted[3:]], swaps) == [0, -1, -1, 2, 3]


def test_a_prefix_before_the_text_is_not_taken_for_its_first_character() -> None:
    apart, together = [(0, 1), (0, 1), (1, 3), (3, 4)], [(0, 1), (0, 4), (4, 5)]  # ▁|-|he|. and ▁|-she|.
    assert boundaries(apart, together, [Swap(1, 3, 1, 4, False)]) == [-1, -1, 1, 2]
    assert boundaries(together, apart, [Swap(1, 4, 1, 3, False)]) == [-1, 2, 3]
    assert boundaries(apart, [(0, 1), (0, 1), (1, 4), (4, 5)], [Swap(1, 3, 1, 4, False)]) == [0, 1, 2, 3]


def test_offsets_may_be_arrays() -> None:
    offsets = [(0, 0), (0, 3), (3, 7), (7, 8), (7, 8), (0, 0)]
    assert align(np.array(offsets), np.array(offsets), ()) == list(range(6))
    assert align(np.array(offsets), offsets, [Swap(4, 7, 4, 7, True)]) == [0, 1, -1, 3, 4, 5]


def test_nothing() -> None:
    assert align([], [], ()) == []
    assert align([(0, 1)], [], ()) == [-1]
    assert align([], [(0, 1)], ()) == []


class Counted(list):
    """A list that counts how often its elements are asked for."""

    def __init__(self, elements: list) -> None:
        super().__init__(elements)
        self.asked = 0

    def __getitem__(self, key: int | slice) -> object:
        self.asked += len(range(*key.indices(len(self)))) if isinstance(key, slice) else 1
        return super().__getitem__(key)

    def __iter__(self):  # type: ignore[no-untyped-def]
        for element in super().__iter__():
            self.asked += 1
            yield element


@pytest.mark.parametrize("unit", ["she ", "her ", "😀", "x 😀 her "])
def test_linear_time(unit: str) -> None:
    asked = []
    for repeats in (100, 1000):
        reversal = REVERSER.reverse(unit * repeats)
        left = Counted(encode("plain", reversal.text).offsets)
        right = Counted(encode("plain", reversal.counterfactual).offsets)
        swaps = Counted(list(reversal.swaps))
        align(left, right, swaps)
        asked.append(left.asked + right.asked + swaps.asked)
    assert asked[1] <= 10.5 * asked[0]


def test_gpt2_on_real_text() -> None:
    folder = real_data("gpt2-tokenizer")
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    merges = (folder / "merges.txt").read_text("utf-8").splitlines()
    merges = [tuple(line.split(" ")) for line in merges if line and not line.startswith("#version")]
    gpt2 = Tokenizer(models.BPE(vocabulary, merges))
    gpt2.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    text = real_data("novels", "pride_and_prejudice.txt").read_text("utf-8")[:200_000]
    reversal = REVERSER.reverse(text)
    left, right = gpt2.encode(text), gpt2.encode(reversal.counterfactual)
    offsets, ids, other_ids = left.offsets, left.ids, right.ids
    aligned = boundaries(offsets, right.offsets, reversal.swaps)
    assert sum(other == -1 for other in aligned) / len(aligned) < 0.006
    swapped = {swap.end for swap in reversal.swaps}
    for (_, end), token, other in zip(offsets, ids, aligned, strict=True):
        if other != -1 and end not in swapped:
            assert other_ids[other] == token
