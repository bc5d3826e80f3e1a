"""Packed text and its blocks: every REVERSED position's counterfactual prefix is the reversal of its prefix."""

import json
import pickle

import numpy as np
import pytest
import torch
from tokenizers import processors
from transformers import AutoTokenizer

from augment import RoleReverser
from augment.english.first_names import name_pairs
from distill.data.blocks import Block, Blocks, collate
from distill.data.packing import Corpus, pack
from distill.data.sampler import EMPTY
from distill.perturbation.prefix_kinds import PrefixKind

BLOCK = 32


def pack_corpus(corpus, tokenizer, cache, augmentation="none", names=True, seed=0, sources=None, num_proc=1):
    reverser = RoleReverser(names=names)
    texts = Corpus(tuple(sources or [str(corpus / "train.jsonl")]), "text", augmentation, seed)
    return pack(texts, reverser, tokenizer, num_proc, cache)


@pytest.fixture(scope="module")
def packed(corpus, tokenizer, tmp_path_factory):
    return pack_corpus(corpus, tokenizer, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def counterparts():
    """Every word with all the words that it may become."""
    groups = [
        *(pair for case in ("lower", "title", "upper") for pair in RoleReverser().lexicon.groups(case)),
        *((frozenset([male.lower()]), frozenset([female.lower()])) for male, female in name_pairs()),
    ]
    found: dict[str, set[str]] = {}
    for pair in groups:
        for side, other in (pair, pair[::-1]):
            for word in side:
                found.setdefault(word, set()).update(other)
    return found


def words(text: str) -> list[str]:
    return text.replace("<|endoftext|>", " . ").replace(".", " . ").replace(",", " , ").lower().split()


def test_documents_follow_one_another_in_the_stream(packed, corpus, tokenizer):
    lines = (corpus / "train.jsonl").read_text().splitlines()
    expected = "".join(json.loads(line)["text"] + "<|endoftext|>" for line in lines)
    assert tokenizer.decode(packed.array("tokens")) == expected


def opening_tokenizer(corpus, opening: str):
    """The corpus' tokenizer, which puts `opening` before every text."""
    tokenizer = AutoTokenizer.from_pretrained(corpus / "tokenizer")
    tokenizer.add_special_tokens({"bos_token": opening})
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        f"{opening} $A", special_tokens=[(opening, tokenizer.bos_token_id)]
    )
    return tokenizer


def test_documents_begin_as_the_tokenizer_has_texts_begin(packed, corpus, tmp_path):
    opened = pack_corpus(corpus, opening_tokenizer(corpus, "<s>"), tmp_path / "opened")
    tokens, begin = opened.array("tokens"), opened.array("tokens")[0]
    assert np.array_equal(tokens[tokens != begin], packed.array("tokens"))
    places = np.flatnonzero(tokens == begin)
    assert len(places) == opened.documents
    assert np.array_equal(places, opened.array("starts"))
    assert (opened.array("counterfactual") == begin).sum() == opened.documents
    counterfactual = places + opened.array("shift")[places]
    assert (opened.array("counterfactual")[counterfactual] == begin).all()
    assert not opened.array("flags")[places].any()


def test_the_end_of_text_opens_no_document_beside_ending_one(packed, corpus, tmp_path):
    opened = pack_corpus(corpus, opening_tokenizer(corpus, "<|endoftext|>"), tmp_path / "opened")
    assert np.array_equal(opened.array("tokens"), packed.array("tokens"))


def test_labels_are_the_next_tokens(packed):
    blocks = Blocks(packed, BLOCK, None)
    stream = packed.array("tokens").astype(np.int64)
    assert len(blocks) == (len(stream) - 1) // BLOCK
    for index in (0, 1, len(blocks) - 1):
        assert np.array_equal(blocks[index].inputs, stream[index * BLOCK : (index + 1) * BLOCK])
        assert np.array_equal(blocks[index].labels, stream[index * BLOCK + 1 : (index + 1) * BLOCK + 1])


@pytest.mark.parametrize("augmentation", ["none", "append", "substitute"])
@pytest.mark.parametrize("length", [7, 32])
def test_counterfactual_prefixes_are_reversals(corpus, tokenizer, tmp_path_factory, counterparts, augmentation, length):
    packed = pack_corpus(corpus, tokenizer, tmp_path_factory.mktemp("cache"), augmentation)
    blocks = Blocks(packed, length, None)
    checked = 0
    for index in range(0, len(blocks), 11):
        block = blocks[index]
        positions = iter(block.positions)
        for t in np.flatnonzero(block.prefix == PrefixKind.REVERSED):
            factual = words(tokenizer.decode(block.inputs[: t + 1]))
            counterfactual = words(tokenizer.decode(block.counterfactual[: next(positions) + 1]))
            assert len(factual) == len(counterfactual)
            exchanged = 0
            for one, other in zip(factual, counterfactual, strict=True):
                assert one == other or other in counterparts[one]
                exchanged += one != other
            assert exchanged
            checked += 1
    assert checked > 300


def test_after_an_ambiguous_word_there_is_no_counterfactual_yet(packed, tokenizer):
    her, his = (tokenizer.encode(word, add_special_tokens=False)[0] for word in (" her", " his"))
    blocks = Blocks(packed, BLOCK, None)
    for index in range(30):
        block = blocks[index]
        for t in np.flatnonzero(np.isin(block.inputs, [her, his])):
            assert block.prefix[t] == PrefixKind.UNALIGNED


def test_unreversed_names_are_gender_cues(corpus, tokenizer, tmp_path):
    source = tmp_path / "text.txt"
    source.write_text("The nurse waited at the market. Everyone in the market knew James. The park was full.\n")
    told = Blocks(pack_corpus(corpus, tokenizer, tmp_path / "cache", names=False, sources=[str(source)]), 16, None)
    name = tokenizer.encode(" James", add_special_tokens=False)[0]
    where = int(np.flatnonzero(told[0].inputs == name)[0])
    assert set(told[0].prefix[:where]) == {PrefixKind.NEUTRAL}
    assert set(told[0].prefix[where:]) == {PrefixKind.UNALIGNED}
    reversed_name = Blocks(pack_corpus(corpus, tokenizer, tmp_path / "cache", sources=[str(source)]), 16, None)
    assert set(reversed_name[0].prefix[where:]) == {PrefixKind.REVERSED}


def test_appended_documents_mirror_the_originals(corpus, tokenizer, tmp_path):
    plain = pack_corpus(corpus, tokenizer, tmp_path)
    appended = pack_corpus(corpus, tokenizer, tmp_path, "append")
    tokens, counterfactual = plain.array("tokens"), plain.array("counterfactual")
    assert np.array_equal(appended.array("tokens"), np.concatenate([tokens, counterfactual]))
    assert np.array_equal(appended.array("counterfactual"), np.concatenate([counterfactual, tokens]))


def test_substitution_is_a_seeded_coin(corpus, tokenizer, tmp_path):
    first = pack_corpus(corpus, tokenizer, tmp_path, "substitute", seed=1)
    again = pack_corpus(corpus, tokenizer, tmp_path / "elsewhere", "substitute", seed=1, num_proc=2)
    other = pack_corpus(corpus, tokenizer, tmp_path, "substitute", seed=2)
    assert np.array_equal(first.array("tokens"), again.array("tokens"))
    assert not np.array_equal(first.array("tokens"), other.array("tokens"))


def test_the_cache_is_keyed_by_what_changes_it(corpus, tokenizer, tmp_path):
    source = tmp_path / "text.jsonl"
    source.write_text((corpus / "train.jsonl").read_text())
    cache = tmp_path / "cache"
    folder = pack_corpus(corpus, tokenizer, cache, sources=[str(source)]).folder
    stamp = (folder / "tokens.bin").stat().st_mtime_ns
    assert pack_corpus(corpus, tokenizer, cache, sources=[str(source)], num_proc=2).folder == folder
    assert (folder / "tokens.bin").stat().st_mtime_ns == stamp
    assert pack_corpus(corpus, tokenizer, cache, sources=[str(source)], names=False).folder != folder
    source.write_text((corpus / "validation.jsonl").read_text())
    assert pack_corpus(corpus, tokenizer, cache, sources=[str(source)]).folder != folder
    assert not [path for path in cache.iterdir() if not (path / "meta.json").is_file()]


def test_a_file_that_is_read_in_another_way_is_packed_anew(corpus, tokenizer, tmp_path):
    text, lines, renamed = tmp_path / "text.txt", tmp_path / "text.jsonl", tmp_path / "other.jsonl"
    for source in (text, lines, renamed):
        source.write_bytes((corpus / "validation.jsonl").read_bytes())
    as_text, as_lines, again = (
        pack_corpus(corpus, tokenizer, tmp_path / "cache", sources=[str(source)]) for source in (text, lines, renamed)
    )
    assert as_text.documents == 1 < as_lines.documents
    assert as_lines.folder == again.folder


def test_a_folder_may_hold_names_that_are_not_utf8(corpus, tokenizer, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "t\udcff.jsonl").write_bytes((corpus / "validation.jsonl").read_bytes())
    assert pack_corpus(corpus, tokenizer, tmp_path / "cache", sources=[str(folder)]).documents > 1


def test_nothing_is_left_of_a_pack_that_failed(corpus, tokenizer, tmp_path):
    source = tmp_path / "text.jsonl"
    source.write_text('{"text": "one"}\n{"tex\n')
    with pytest.raises(ValueError, match=r"text\.jsonl"):
        pack_corpus(corpus, tokenizer, tmp_path / "cache", sources=[str(source)])
    assert not list((tmp_path / "cache").iterdir())


def test_reversals_longer_than_the_teachers_positions_fall_back(packed):
    limited, free = Blocks(packed, BLOCK, BLOCK // 2), Blocks(packed, BLOCK, None)
    for index in range(20):
        assert len(limited[index].counterfactual) <= BLOCK // 2
        cut = free[index].prefix == PrefixKind.REVERSED
        cut[cut] = free[index].positions >= BLOCK // 2
        assert (limited[index].prefix[cut] == PrefixKind.UNALIGNED).all()


def test_blocks_travel_to_worker_processes_without_their_arrays(packed):
    blocks = Blocks(packed, BLOCK, None)
    expected = blocks[3]
    state = pickle.dumps(blocks)
    assert len(state) < 2000
    assert np.array_equal(pickle.loads(state)[3].inputs, expected.inputs)


def test_a_batch_gathers_every_reversed_position_in_order(packed):
    blocks = Blocks(packed, BLOCK, None)
    rows = [blocks[index] for index in (0, EMPTY, 5, 9)]
    batch = collate(rows)
    flat = batch.counterfactual.flatten()[batch.gather]
    expected = np.concatenate([row.counterfactual[row.positions] for row in rows if len(row.positions)])
    assert torch.equal(flat, torch.from_numpy(expected))
    assert int((batch.prefix == PrefixKind.REVERSED).sum()) == len(batch.gather)
    assert (batch.labels[1] == -100).all()


def test_a_batch_without_a_reversed_word_has_no_counterfactual_pass():
    none = np.empty(0, dtype=np.int64)
    ids = np.arange(4)
    batch = collate([Block(ids, ids, np.ones(4, dtype=np.int8), none, none)])
    assert batch.counterfactual.shape == (0, 0)
    assert len(batch.gather) == 0
