import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluation.gendered_tokens import gendered_tokens, overlapping
from distill.evaluation.perplexity import ScoredDocuments


def _words(text: str) -> np.ndarray:
    """Offsets of words, each with the space before it, as byte-level BPE gives them."""
    ends = [i for i, character in enumerate(text) if character == " "] + [len(text)]
    return np.array(list(zip([0, *ends[:-1]], ends, strict=True)))


def test_the_tokens_of_reversible_words_are_averaged() -> None:
    texts = ["The nurse said she lost keys", "It rained"]
    offsets = [_words(text) for text in texts]
    nlls = [np.arange(1.0, 7.0), np.array([9.0, 9.0])]
    assert gendered_tokens(ScoredDocuments(texts, nlls, offsets)) == {"nll": 4.0, "n": 1}


def test_none_found_or_none_to_be_told() -> None:
    assert gendered_tokens(ScoredDocuments(["It rained"], [np.ones(2)], [_words("It rained")])) == {"nll": None, "n": 0}
    assert gendered_tokens(ScoredDocuments(["she"], [np.ones(1)], None)) == {"nll": None, "n": 0}


@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5))))
def test_overlap_is_a_shared_character(token_lengths: list[int], gaps: list[tuple[int, int]]) -> None:
    ends = np.cumsum(token_lengths)
    offsets = np.stack([ends - token_lengths, ends], axis=1)
    spans, position = [], 0
    for gap, length in gaps:
        spans.append((position + gap, position + gap + length))
        position += gap + length
    expected = [any(low < end and high > start for start, end in spans) for low, high in offsets]
    assert overlapping(offsets, spans).tolist() == expected


def test_a_word_cut_into_tokens_counts_each() -> None:
    offsets = np.array([[0, 3], [3, 6], [6, 8]])
    assert overlapping(offsets, [(4, 7)]).tolist() == [False, True, True]
