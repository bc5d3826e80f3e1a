"""A random GPT-2 with a few narrow layers, for benchmarks that do not depend on the model."""

from pathlib import Path

import torch
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from distill.quickstart.corpus import write_corpus


def write_tiny_gpt2(folder: Path, layers: int, width: int, heads: int) -> Path:
    """Write the quickstart's corpus and a model with its tokenizer, and return the model's folder."""
    write_corpus(folder, seed=1, documents=400, validation_documents=60)
    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    torch.manual_seed(0)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = GPT2Config(
        vocab_size=len(tokenizer), n_layer=layers, n_embd=width, n_head=heads, n_positions=64, **ends
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return folder / "model"
