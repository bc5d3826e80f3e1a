"""A small corpus, its tokenizer, and tiny models, made on the spot."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from tqdm import tqdm
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from distill.quickstart.corpus import write_corpus
from tests.distill.fits import fit

BLOCK = 32


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny tensors are quickest on one thread, also while other tests run beside them."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def no_monitor() -> None:
    """tqdm's thread takes its lock when a bar is slow; a process forked at that moment would wait for it forever."""
    tqdm.monitor_interval = 0


@pytest.fixture(autouse=True, scope="session")
def no_loading_threads() -> Iterator[None]:
    """transformers leaves the threads that load weights to end by themselves: none is to be there when a test forks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_DEACTIVATE_ASYNC_LOAD", "1")
        yield


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


@pytest.fixture(scope="session")
def recipe(corpus, gpt2_folder, tmp_path_factory) -> Path:
    """A recipe of 6 steps: GPT-2 of 4 blocks → 2 blocks, from the equivariant teacher."""
    folder = tmp_path_factory.mktemp("recipe")
    config = {
        "seed_everything": 7,
        "model": {
            "teacher": {"path": str(gpt2_folder)},
            "student": {"layers": [0, 2]},
            "perturbation": {"operator": "expmean", "vocabulary": "reversed", "contexts": "all"},
            "optimizer": {"lr": 0.01},
        },
        "data": {
            "train": str(corpus / "train.jsonl"),
            "validation": str(corpus / "validation.jsonl"),
            "block_size": BLOCK,
            "global_batch_size": 8,
            "micro_batch_size": 2,
            "names": True,
            "num_proc": 1,
            "num_workers": 0,
            "cache_dir": str(folder / "cache"),
        },
        "trainer": {
            "accelerator": "cpu",
            "max_steps": 6,
            "val_check_interval": 2,
            "check_val_every_n_epoch": None,
            "limit_val_batches": 4,
            "log_every_n_steps": 1,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="session")
def run(recipe, tmp_path_factory) -> Path:
    """What a whole fit of `recipe` wrote."""
    output = tmp_path_factory.mktemp("run")
    fit(recipe, output)
    return output
