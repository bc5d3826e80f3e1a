"""π from a tokenizer: which tokens are words, and which words belong together."""

from string import ascii_lowercase

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from augment.english.first_names import name_pairs
from distill.perturbation.operators import perturb
from distill.perturbation.reversed_vocabulary import ReversedVocabulary
from distill.perturbation.word_counts import read_word_counts
from tests.data_folder import real_data


def pairs(vocabulary, tokenizer):
    decoded = [
        frozenset(tokenizer.decode([vocabulary.tokens[member]]) for member in group if member < len(vocabulary.tokens))
        for group in vocabulary.members
    ]
    return {frozenset((group, decoded[vocabulary.counterpart[index]])) for index, group in enumerate(decoded)}


def pair(male, female):
    return frozenset((frozenset(male), frozenset(female)))


def added_merges(vocabulary: dict[str, int], words: list[str]) -> list[tuple[str, str]]:
    """Make tokens of these words and their beginnings; the merges that do so."""
    merges = []
    for word in words:
        for end in range(2, len(word) + 1):
            if word[:end] not in vocabulary:
                vocabulary[word[:end]] = len(vocabulary)
                merges.append((word[: end - 1], word[end - 1]))
    return merges


def bpe_tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE in which exactly these strings (and their pieces) are tokens."""
    vocabulary = {symbol: index for index, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges = added_merges(vocabulary, [word.replace(" ", "Ġ") for word in words])
    vocabulary["<|endoftext|>"] = len(vocabulary)
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>", unk_token="<|endoftext|>")


def test_groups_are_connected_components_in_one_case_and_spacing():
    tokenizer = bpe_tokenizer(
        [" his", " him", " her", " hers", " herself", " His", " Her", "His", "Her", " brother", " sister", " Mr"]
    )
    assert pairs(ReversedVocabulary.from_tokenizer(tokenizer), tokenizer) == {
        pair([" his", " him"], [" her", " hers"]),
        pair([" His"], [" Her"]),
        pair(["His"], ["Her"]),
        pair([" brother"], [" sister"]),
    }


def test_a_token_that_mostly_begins_other_words_is_left_out():
    longer = [word for word in read_word_counts() if word.startswith(("he", "she")) and len(word) > 3]
    whole = bpe_tokenizer([" he", " she", " her", *(f" {word}" for word in longer)])
    assert pairs(ReversedVocabulary.from_tokenizer(whole), whole) == {pair([" he"], [" she"])}
    # Here “ he|ard”, “ he|art”, “ he|ld” and hundreds more are cut, and together outnumber “ he”.
    pieces = bpe_tokenizer([" he", " she", " brother", " sister"])
    assert pairs(ReversedVocabulary.from_tokenizer(pieces), pieces) == {pair([" brother"], [" sister"])}


def test_a_word_level_tokenizer_has_each_group_once():
    words = ["he", "she", "his", "him", "her", "hers", "nurse", "<unk>"]
    core = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", eos_token="<unk>")
    vocabulary = ReversedVocabulary.from_tokenizer(tokenizer)
    assert pairs(vocabulary, tokenizer) == {pair(["he"], ["she"]), pair(["his", "him"], ["her", "hers"])}
    assert len(vocabulary.tokens) == 6


@pytest.mark.parametrize(
    ("normalizer", "pre_tokenizer", "tokens"),
    [
        (normalizers.Prepend("▁"), None, ["▁", "▁brother"]),
        (None, pre_tokenizers.Metaspace(prepend_scheme="always", split=False), ["▁brother"]),
    ],
)
def test_a_symbol_that_begins_every_text_is_not_part_of_its_first_word(normalizer, pre_tokenizer, tokens):
    vocabulary = {symbol: index for index, symbol in enumerate(["<unk>", "▁", ",", *ascii_lowercase])}
    core = Tokenizer(models.BPE(vocabulary, added_merges(vocabulary, ["▁brother", "▁sister"]), unk_token="<unk>"))
    core.normalizer = normalizers.Sequence([*filter(None, [normalizer]), normalizers.Replace(" ", "▁")])
    core.pre_tokenizer = pre_tokenizer
    core.decoder = decoders.Replace("▁", " ")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", eos_token="<unk>")
    assert tokenizer.tokenize(" brother") == tokens
    found = pairs(ReversedVocabulary.from_tokenizer(tokenizer), tokenizer)
    assert found == {pair([" brother"], [" sister"])}


def test_names_only_on_request():
    male, female = next(pair for pair in name_pairs() if pair[0] == "James")
    tokenizer = bpe_tokenizer([f" {male}", f" {female}", " brother", " sister"])
    relatives = pair([" brother"], [" sister"])
    assert pairs(ReversedVocabulary.from_tokenizer(tokenizer), tokenizer) == {relatives}
    assert pairs(ReversedVocabulary.from_tokenizer(tokenizer, names=True), tokenizer) == {
        relatives,
        pair([f" {male}"], [f" {female}"]),
    }


def test_gpt2():
    folder = real_data("gpt2-tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = pairs(ReversedVocabulary.from_tokenizer(tokenizer), tokenizer)
    assert {
        pair([" he"], [" she"]),
        pair([" his", " him"], [" her", " hers"]),
        pair([" father"], [" mother"]),
        pair([" man"], [" woman"]),
        pair([" Mr"], [" Ms", " Mrs"]),
        pair(["He"], ["She"]),
        pair([" gentleman"], [" lady"]),
    } <= found
    # The lexicon knows “MS” only before a name, and “Lady” is mostly a title.
    assert not {" MS", " Gent", " Lady"} & {word for group in found for side in group for word in side}
    tokens = {word.strip().lower() for group in found for side in group for word in side}
    assert not tokens & {"king", "queen", "miss"}


def test_words_are_what_is_left_without_first_names(tokenizer):
    with_names = ReversedVocabulary.from_tokenizer(tokenizer, names=True)
    without = ReversedVocabulary.from_tokenizer(tokenizer)
    assert len(with_names.tokens) > len(without.tokens)
    assert with_names.words.tokens.tolist() == without.tokens.tolist()
    assert with_names.to("meta").words.tokens.device.type == "meta"
    assert without.words is without
    names = [token for token in with_names.tokens.tolist() if token not in without.tokens.tolist()]
    log_p = torch.randn(3, len(tokenizer)).log_softmax(-1)
    other = torch.randn(3, len(tokenizer)).log_softmax(-1)
    target = perturb(log_p, other, "expmean", with_names, tokens="gendered")
    torch.testing.assert_close(target[:, names], log_p[:, names])
    assert not torch.allclose(perturb(log_p, other, "expmean", with_names)[:, names], log_p[:, names])
