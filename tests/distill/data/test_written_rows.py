"""Texts by the tokens that they were written with: aligned as a tokenizer's own, or refused."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment import RoleReverser
from distill.data.encoding import encode_documents
from distill.data.written_rows import written_document
from tests.fixtures.tiny_models import tiny_tokenizer

INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
TEXTS = [
    "The nurse said she lost her keys.",
    "The king asked his niece — “why?” — and she left 🙂 with him.",
    "Nothing to exchange here.",
    "über actress, naïve actor 日本 queen",
]


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


@pytest.fixture(scope="module")
def reverser() -> RoleReverser:
    return RoleReverser()


@pytest.mark.parametrize("text", TEXTS)
def test_the_tokens_of_a_tokenizer_are_encoded_as_by_it(tokenizer, reverser, text):
    end = [tokenizer.eos_token_id]
    (expected,) = encode_documents([text], reverser, tokenizer, ["text"])
    written = written_document(tokenizer(text)["input_ids"], end, reverser, tokenizer)
    for name in ("tokens", "counterfactual", "boundary", "flags"):
        assert np.array_equal(getattr(written, name), getattr(expected, name)), name


@given(st.integers(0, 2**32))
def test_tokens_cut_otherwise_end_where_their_counterparts_end(tokenizer, reverser, seed):
    """The words in other pieces: letter by letter here and there, as a model may write them."""
    rng = random.Random(seed)
    text = rng.choice(TEXTS[:2])
    ids: list[int] = []
    for piece in tokenizer(text)["input_ids"]:
        letters = tokenizer.convert_tokens_to_ids(list(tokenizer.convert_ids_to_tokens(piece)))
        ids += letters if rng.random() < 0.3 else [piece]
    document = written_document(ids, [], reverser, tokenizer)
    assert document.tokens.tolist() == ids
    reversal = reverser.reverse(text)
    for position, place in enumerate(document.boundary.tolist()):
        before = tokenizer.decode(ids[: position + 1])
        if place >= 0 and not before.endswith(INCOMPLETE):
            after = tokenizer.decode(document.counterfactual[: place + 1])
            assert reversal.text.startswith(before)
            assert reversal.counterfactual.startswith(after)
            delta = sum(
                (swap.counterfactual_end - swap.counterfactual_start) - (swap.end - swap.start)
                for swap in reversal.swaps
                if swap.end <= len(before)
            )
            assert len(after) == len(before) + delta


def test_what_is_no_text_is_none(tokenizer, reverser):
    smiley = tokenizer("🙂")["input_ids"]
    if len(smiley) > 1:
        assert written_document(smiley[:1], [], reverser, tokenizer) is None
    assert written_document([tokenizer.eos_token_id, *smiley], [], reverser, tokenizer) is None
