"""Tokenizers: a model's own, given separately, missing, and compared."""

import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import (
    PreTrainedTokenizerFast,
)

from distill.config import StudentConfig, TeacherConfig
from distill.errors import UserError
from distill.models.source import model_source
from distill.models.tokenizers import check_same_vocabulary, load_fast_tokenizer
from distill.module import DistillationModule


def test_equal_sizes_are_no_equal_vocabularies(tokenizer, corpus):
    text = (corpus / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8")
    other = PreTrainedTokenizerFast.from_pretrained(corpus / "tokenizer")
    check_same_vocabulary(tokenizer, other, ("a", "b"))
    vocabulary = other.get_vocab()
    he, she = vocabulary["Ġhe"], vocabulary["Ġshe"]
    swapped = corpus.parent / "swapped"
    shutil.copytree(corpus / "tokenizer", swapped)
    text = text.replace(f'"Ġhe": {he}', f'"Ġhe": {len(vocabulary)}').replace(f'"Ġshe": {she}', f'"Ġshe": {he}')
    (swapped / "tokenizer.json").write_text(text.replace(f'"Ġhe": {len(vocabulary)}', f'"Ġhe": {she}'))
    with pytest.raises(UserError, match=r"Ġs?he"):
        check_same_vocabulary(tokenizer, load_fast_tokenizer(model_source(str(swapped))), ("teacher", "student"))


@pytest.fixture
def model_alone(tmp_path, gpt2_folder) -> Path:
    """What `model.save_pretrained` writes: a model without a tokenizer."""
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        shutil.copy(gpt2_folder / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("described", [False, True])
def test_a_model_alone_has_no_tokenizer(model_alone, described):
    if described:
        (model_alone / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}')
    with pytest.raises(UserError, match=r"no tokenizer in .* only a model: save one there, or give --model\.tokenizer"):
        load_fast_tokenizer(model_source(str(model_alone)))


def test_a_tokenizer_with_only_special_tokens_is_refused(tmp_path):
    backend = Tokenizer(WordLevel({"<|endoftext|>": 0}))
    PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>").save_pretrained(tmp_path)
    with pytest.raises(UserError, match="no tokens but special ones"):
        load_fast_tokenizer(model_source(str(tmp_path)))


def test_models_alone_take_the_tokenizer_that_is_given(model_alone, corpus):
    module = DistillationModule(
        TeacherConfig(path=str(model_alone)), str(corpus / "tokenizer"), StudentConfig(path=str(model_alone))
    )
    assert module.tokenizer.get_vocab() == load_fast_tokenizer(model_source(str(corpus / "tokenizer"))).get_vocab()
