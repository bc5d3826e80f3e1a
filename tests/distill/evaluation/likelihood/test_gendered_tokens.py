import numpy as np

from augment import RoleReverser
from distill.evaluation.likelihood.document_nlls import ScoredDocuments
from distill.evaluation.likelihood.gendered_tokens import gendered_nlls


def _words(text: str) -> np.ndarray:
    """Return the offsets of words, each including the space before it, as in byte-level BPE."""
    ends = [i for i, character in enumerate(text) if character == " "] + [len(text)]
    return np.array(list(zip([0, *ends[:-1]], ends, strict=True)))


def test_the_tokens_of_reversible_words_are_chosen() -> None:
    texts = ["The nurse said she lost keys", "It rained"]
    offsets = [_words(text) for text in texts]
    nlls = [np.arange(1.0, 7.0), np.array([9.0, 9.0])]
    assert gendered_nlls(ScoredDocuments(texts, [], nlls, offsets), RoleReverser()).tolist() == [4.0]


def test_none_found_or_none_to_be_told() -> None:
    rained = ScoredDocuments(["It rained"], [], [np.ones(2)], [_words("It rained")])
    assert not len(gendered_nlls(rained, RoleReverser()))
    assert not len(gendered_nlls(ScoredDocuments(["she"], [], [np.ones(1)], None), RoleReverser()))
