"""A small corpus, its tokenizer, and tiny models, made on the spot."""

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from distill.quickstart.corpus import write_corpus

BLOCK = 32


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny tensors are quickest on one thread, also while other tests run beside them."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, seed=1, documents=400, validation_documents=60)
    return folder


@pytest.fixture(scope="session")
def tokenizer(corpus):
    return AutoTokenizer.from_pretrained(corpus / "tokenizer")


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory, tokenizer) -> Path:
    """A random GPT-2 of 4 blocks with the corpus' vocabulary."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("gpt2")
    config = GPT2Config(
        vocab_size=len(tokenizer), n_layer=4, n_embd=16, n_head=2, n_positions=64,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    # Random GPT-2 weights are so small that all predictions look alike.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.mul_(8)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory, tokenizer) -> Path:
    """A random Llama of 3 blocks with the corpus' vocabulary and tied weights."""
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("llama")
    config = LlamaConfig(
        vocab_size=len(tokenizer), num_hidden_layers=3, hidden_size=16, intermediate_size=32, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=64, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
