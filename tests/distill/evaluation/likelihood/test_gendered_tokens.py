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
    chosen = gendered_nlls(ScoredDocuments(texts, [], nlls, offsets), RoleReverser())
    assert [of_document.tolist() for of_document in chosen] == [[4.0], []]


def test_none_found_or_none_to_be_told() -> None:
    rained = ScoredDocuments(["It rained"], [], [np.ones(2)], [_words("It rained")])
    without_spans = ScoredDocuments(["she"], [], [np.ones(1)], None)
    for documents in (rained, without_spans):
        assert [len(nlls) for nlls in gendered_nlls(documents, RoleReverser())] == [0]
