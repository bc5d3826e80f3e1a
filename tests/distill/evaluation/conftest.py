"""A tiny GPT-2 with a tokenizer of its own, saved as a user would have it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from distill.evaluation.gendered_openings import OPENINGS
from distill.evaluation.generation.templates import OCCUPATIONS, TEMPLATES
from distill.evaluation.scored_model import Checkpoint, load_checkpoint


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE, as GPT-2's, learnt from our own prompts; no padding token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = [template.format(occupation) for occupation in OCCUPATIONS for template in TEMPLATES]
    texts += [opening for pair in OPENINGS for opening in pair] * 20
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<end>", eos_token="<end>")


@pytest.fixture(scope="session")
def save_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Save a GPT-2 of random weights, large enough to have opinions."""
    tokenizer = tiny_tokenizer()

    def save(name: str, seed: int = 0, context: int = 96) -> Path:
        folder = tmp_path_factory.mktemp("models") / name
        torch.manual_seed(seed)
        config = GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=context,
            n_embd=32,
            n_layer=2,
            n_head=2,
            bos_token_id=0,
            eos_token_id=0,
            initializer_range=0.3,
        )
        GPT2LMHeadModel(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return save


@pytest.fixture(scope="session")
def model_folder(save_model: Callable[..., Path]) -> Path:
    return save_model("tiny")


@pytest.fixture(scope="session")
def checkpoint(model_folder: Path) -> Checkpoint:
    return load_checkpoint(str(model_folder), device="cpu")
