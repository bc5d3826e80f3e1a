"""What is scored of a text: training's blocks, the evaluation's gendered tokens, nothing that leaks the future."""

from itertools import pairwise

import numpy as np
import pytest

from augment import RoleReverser
from augment.documents import read_documents
from distill.data.blocks import Blocks
from distill.data.datamodule import CounterfactualDataModule
from distill.data.packing import Corpus, pack
from distill.errors import UserError
from distill.evaluation.likelihood.document_nlls import ScoredDocuments
from distill.evaluation.likelihood.gendered_tokens import gendered_nlls
from distill.preview.text import scored_text, spread

BLOCK = 32


@pytest.fixture(scope="module")
def source(corpus) -> str:
    return str(corpus / "validation.jsonl")


@pytest.fixture(scope="module")
def data(tokenizer, source, tmp_path_factory) -> CounterfactualDataModule:
    cache = str(tmp_path_factory.mktemp("cache"))
    return CounterfactualDataModule(tokenizer, source, block_size=BLOCK, names=True, num_proc=1, cache_dir=cache)


@pytest.mark.parametrize(("available", "wanted"), [(1, 5), (5, 5), (100, 7), (1000, 2)])
def test_blocks_are_spread_over_the_whole_text(available, wanted):
    chosen = spread(available, wanted)
    assert chosen[0] == 0
    assert len(chosen) == min(available, wanted)
    assert all(one < other for one, other in pairwise(chosen))
    assert wanted == 1 or chosen[-1] == available - 1


def test_blocks_are_those_of_training(data, source, tokenizer):
    text = scored_text(data, [source], tokens=10 * BLOCK)
    packed = pack(Corpus((source,)), RoleReverser(names=True), tokenizer, 1, data.cache_dir)
    blocks = Blocks(packed, BLOCK, None)
    assert len(text.blocks) == 10
    for block, index in zip(text.blocks, spread(len(blocks), 10), strict=True):
        assert np.array_equal(block.inputs, blocks[int(index)].inputs)
        assert np.array_equal(block.prefix, blocks[int(index)].prefix)
        assert np.array_equal(block.counterfactual, blocks[int(index)].counterfactual)


@pytest.fixture(scope="module")
def places(source, tokenizer) -> dict[str, set[int]]:
    """Places in the stream: of gendered tokens and of the last tokens of ambiguous words, token by token."""
    found: dict[str, set[int]] = {"gendered": set(), "ambiguous": set()}
    reverser = RoleReverser()
    start = 0
    for text in read_documents(source)["text"]:
        swaps = reverser.reverse(text).swaps
        offsets = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        for place, (begins, ends) in enumerate(offsets, start):
            if any(begins < swap.end and swap.start < ends for swap in swaps):
                found["gendered"].add(place)
            if any(swap.ambiguous and ends == swap.end for swap in swaps):
                found["ambiguous"].add(place)
        start += len(offsets) + 1
    return found


def test_gendered_tokens_are_those_of_the_evaluation(data, source, tokenizer, places):
    text = scored_text(data, [source], tokens=10**6)
    scored = np.stack([block.labels for block in text.blocks]) != -100
    labels = set((np.flatnonzero(scored) + 1).tolist())
    found = set((np.flatnonzero(text.gendered) + 1).tolist())
    assert found == places["gendered"] & labels

    documents = read_documents(source)["text"]
    offsets = [tokenizer(text, return_offsets_mapping=True)["offset_mapping"] for text in documents]
    scored_documents = ScoredDocuments(
        documents, [], [np.zeros(len(pairs)) for pairs in offsets], list(map(np.array, offsets))
    )
    assert sum(map(len, gendered_nlls(scored_documents, RoleReverser()))) == len(places["gendered"])


def test_positions_right_after_an_ambiguous_pronoun_are_left_out(data, source, places):
    text = scored_text(data, [source], tokens=10**6)
    left_out = np.flatnonzero(np.stack([block.labels for block in text.blocks]) == -100)
    assert set(left_out.tolist()) == {place for place in places["ambiguous"] if place < len(text.blocks) * BLOCK}
    assert text.after_ambiguous == len(left_out) > 10


def test_a_text_shorter_than_a_block_is_refused(data, tmp_path):
    short = tmp_path / "short.txt"
    short.write_text("The nurse slept .")
    with pytest.raises(UserError, match=r"short\.txt.*fewer than one block"):
        scored_text(data, [str(short)], tokens=1000)
