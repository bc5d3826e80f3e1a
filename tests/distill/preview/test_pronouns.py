"""The prompts of the pronoun gap as blocks, with tokenizers of words and of single bytes."""

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from distill.evaluation.probes.pronoun_gap import VARIANTS, pronoun_texts
from distill.perturbation.prefix_kinds import PrefixKind
from distill.preview.pronouns import pronoun_blocks


def bytes_tokenizer(beginning: bool) -> PreTrainedTokenizerFast:
    """One token per byte; with `beginning`, it puts one before every text, as Llama's does."""
    alphabet = ["<end>", "<begin>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({token: place for place, token in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if beginning:
        tokenizer.post_processor = processors.TemplateProcessing("<begin> $A", special_tokens=[("<begin>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<begin>", eos_token="<end>")


@pytest.mark.parametrize("beginning", [False, True])
def test_the_variants_of_an_opening_are_scored_where_they_differ(beginning):
    tokenizer = bytes_tokenizer(beginning)
    blocks = pronoun_blocks(["nurse", "bus driver"], names=False, tokenizer=tokenizer)
    texts = pronoun_texts(["nurse", "bus driver"])
    assert len(blocks) == len(texts)
    for block, text in zip(blocks, texts, strict=True):
        whole = tokenizer(text)["input_ids"]
        assert block.inputs[: len(whole) - 1].tolist() == whole[:-1]
        scored = np.flatnonzero(block.labels != -100)
        assert scored[-1] == len(whole) - 2
        assert block.labels[scored].tolist() == whole[scored[0] + 1 :]
        assert tokenizer.decode(block.labels[scored]) in ("he", "He", "she", "She")
    for start in range(0, len(blocks), VARIANTS):
        assert len({int(np.flatnonzero(block.labels != -100)[0]) for block in blocks[start : start + VARIANTS]}) == 1


def test_prefixes_are_neutral_up_to_the_pronoun_and_factual_within_it():
    tokenizer = bytes_tokenizer(beginning=True)
    for block, text in zip(pronoun_blocks(["nurse"], False, tokenizer), pronoun_texts(["nurse"]), strict=True):
        kinds = block.prefix[: len(tokenizer(text)["input_ids"]) - 1]
        word = len(text.rsplit(" ", 1)[1])
        assert (kinds[: -word + 1] == PrefixKind.NEUTRAL).all()
        assert (kinds[-word + 1 :] == PrefixKind.UNALIGNED).all()
        assert len(block.counterfactual) == len(block.positions) == 0


def test_a_reversed_occupation_has_a_counterfactual_pass():
    """“The waitress said that he” beside “The waiter said that he”."""
    tokenizer = bytes_tokenizer(beginning=True)
    block = pronoun_blocks(["waitress"], names=False, tokenizer=tokenizer)[0]
    assert tokenizer.decode(block.counterfactual) == "<begin>The waiter said that "
    is_reversed = np.flatnonzero(block.prefix == PrefixKind.REVERSED)
    for factual, counterfactual in zip(is_reversed, block.positions, strict=True):
        prefix = tokenizer.decode(block.inputs[: factual + 1])
        assert prefix.replace("waitress", "waiter") == tokenizer.decode(block.counterfactual[: counterfactual + 1])


def test_an_occupation_that_is_a_gender_cue_keeps_its_factual_target():
    block = pronoun_blocks(["ballerina"], names=False, tokenizer=bytes_tokenizer(beginning=False))[0]
    assert set(block.prefix[block.labels != -100].tolist()) == {PrefixKind.UNALIGNED}
