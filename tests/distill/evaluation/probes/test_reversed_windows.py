"""Windows of documents and their reversals, against the text itself: every prefix once, each with its counterpart."""

from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import given

from augment import RoleReverser, align
from distill.evaluation.probes.reversed_windows import reversed_windows
from distill.perturbation.prefix_kinds import PrefixKind
from tests.fixtures.tiny_models import tiny_tokenizer

TOKENIZER = tiny_tokenizer()
OPENING = TOKENIZER.bos_token_id
REVERSER = RoleReverser()

WORDS = (
    *("the", "nurse", "said", "that", "she", "lost", "her", "keys", "he", "saw", "him", "Mary", "a", "pregnant"),
    *("grandmother", "his", "was", "tired", "and", "went", "home", "é", "👩"),
)
texts = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)


def encode(text: str) -> list[int]:
    return TOKENIZER.encode(text, add_special_tokens=False)


@given(st.lists(texts, min_size=1, max_size=3), st.integers(2, 40))
def test_what_a_window_pairs_is_a_prefix_and_its_reversal(documents, context):
    for window in reversed_windows(documents, REVERSER, TOKENIZER, OPENING, context):
        assert max(len(window.tokens), len(window.counterfactual)) <= context
        assert window.tokens[0] == OPENING
        assert len(window.tokens) == len(window.kinds)
        positions = iter(window.positions.tolist())
        for end, kind in enumerate(window.kinds.tolist()):
            text = TOKENIZER.decode(window.tokens[1 : end + 1].tolist())
            if kind == PrefixKind.REVERSED:
                other = TOKENIZER.decode(window.counterfactual[1 : next(positions) + 1].tolist())
                assert text != other
                assert len(text.split()) == len(other.split())
        assert next(positions, None) is None
        assert not len(window.counterfactual) or window.counterfactual[0] == OPENING


@given(texts)
def test_a_document_in_one_window_has_the_kinds_of_their_definition(document):
    tokens = encode(document)
    windows = reversed_windows([document], REVERSER, TOKENIZER, OPENING, 10 * (len(document) + 2))
    (window,) = windows
    assert window.kinds[0] == PrefixKind.NEUTRAL
    reversal = REVERSER.reverse(document)
    offsets, other_offsets = (
        TOKENIZER(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        for text in (document, reversal.counterfactual)
    )
    aligned = align(offsets, other_offsets, reversal.swaps)
    positions = iter(window.positions.tolist())
    kinds = window.kinds.tolist()[1:] + [PrefixKind.UNALIGNED] * (1 + len(tokens) - len(window.kinds))
    for kind, (_, end), place in zip(kinds, offsets, aligned, strict=True):
        swapped = any(swap.start < end for swap in reversal.swaps)
        told = any(start < end for start, _ in reversal.tells)
        if place >= 0 and swapped:
            assert kind == PrefixKind.REVERSED
            assert next(positions) == place + 1
        else:
            assert kind == (PrefixKind.UNALIGNED if told or place < 0 else PrefixKind.NEUTRAL)


@given(texts, st.integers(2, 40))
def test_every_prefix_is_in_one_window_at_most(document, context):
    windows = reversed_windows([document], REVERSER, TOKENIZER, OPENING, context)
    tokens = encode(document)
    start = 0
    for window in windows:
        body = window.tokens[1:].tolist()
        found = next(at for at in range(start, len(tokens) + 1) if tokens[at : at + len(body)] == body)
        start = found + len(body)
    assert start <= len(tokens)
    assert sum(window.kinds[0] != PrefixKind.UNALIGNED for window in windows) == 1


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("the nurse was tired", Counter(NEUTRAL=5)),
        ("Mary was tired", Counter(NEUTRAL=1)),
        ("her", Counter(NEUTRAL=1)),
        ("she was tired", Counter(NEUTRAL=1, REVERSED=3)),
        ("the nurse lost her keys", Counter(NEUTRAL=4, REVERSED=1)),
    ],
)
def test_the_kinds_of_a_sentence(text, kinds):
    """By words: a prefix ends with each; “her” is ambiguous, and a name ends what is neutral."""
    windows = reversed_windows([text], REVERSER, TOKENIZER, OPENING, 64)
    found: Counter = Counter()
    for window in windows:
        offsets = TOKENIZER(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        ends = [0, *(end for _, end in offsets)]
        for kind, end in zip(window.kinds.tolist(), ends, strict=False):
            if end == 0 or end == len(text) or text[end] == " ":
                found[PrefixKind(kind).name] += kind != PrefixKind.UNALIGNED
    assert +found == kinds


def test_long_documents_are_measured_to_their_end():
    text = "the nurse was tired and he went home . " * 50
    windows = reversed_windows([text], REVERSER, TOKENIZER, OPENING, 32)
    measured = sum((window.kinds != PrefixKind.UNALIGNED).sum() for window in windows)
    assert measured == len(encode(text)) + 1
    assert {window.document for window in windows} == {0}


def test_a_reversal_that_is_longer_than_its_text_fits_the_context_too():
    text = " ".join(["he is a father"] * 30)
    for context in range(2, 30):
        windows = reversed_windows([text], REVERSER, TOKENIZER, OPENING, context)
        assert max(len(window.counterfactual) for window in windows) <= context


def test_no_text_no_windows():
    assert reversed_windows([], REVERSER, TOKENIZER, OPENING, 8) == []
