"""Documents in the order of what their tokens are worth, counted token by token."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from augment import RoleReverser
from distill.data.blocks import Blocks
from distill.data.focus import TEXT_KEY, text_checksum
from distill.data.packing import Corpus, pack
from distill.preview.ranking import rank_documents

BLOCK = 32


@pytest.fixture(scope="module")
def blocks(corpus, tokenizer, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    return Blocks(pack(Corpus((str(corpus / "validation.jsonl"),)), RoleReverser(), tokenizer, 1, cache), BLOCK, None)


def test_each_prediction_counts_for_the_document_of_the_token_that_it_predicts(blocks, tokenizer):
    """With the id of the predicted token as its divergence, means can be read off the packed text."""
    ranking = rank_documents(blocks, lambda batch: batch.labels.float(), tokenizer, 3, torch.device("cpu"))
    stream, starts = blocks.packed.array("tokens"), [*blocks.packed.array("starts"), blocks.packed.tokens]
    expected = {}
    for document, (start, end) in enumerate(pairwise(starts), start=1):
        predicted = stream[max(start, 1) : min(end, len(blocks) * BLOCK + 1)]
        expected[document] = (end - start, predicted.mean() if len(predicted) else None)
    assert ranking.schema.metadata == {TEXT_KEY: text_checksum(blocks.packed).encode()}
    rows = ranking.to_pydict()
    assert sorted(rows["document"]) == list(expected)
    for document, tokens, kl in zip(rows["document"], rows["tokens"], rows["kl_per_token"], strict=True):
        assert (tokens, kl) == (expected[document][0], pytest.approx(expected[document][1]))


def test_the_highest_comes_first_and_shows_how_it_begins(blocks, tokenizer):
    ranking = rank_documents(blocks, lambda batch: batch.labels.float(), tokenizer, 64, torch.device("cpu")).to_pydict()
    means = [kl for kl in ranking["kl_per_token"] if kl is not None]
    assert means == sorted(means, reverse=True)
    assert len(set(means)) > 3
    first = int(blocks.packed.array("starts")[ranking["document"][0] - 1])
    assert ranking["beginning"][0].strip()
    assert (
        tokenizer.decode(np.array(blocks.packed.array("tokens")[first : first + 4])).strip() in ranking["beginning"][0]
    )
