"""README's Python runs as it stands, but for the size of things and where they lie."""

import re
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from distill.quickstart.corpus import write_corpus

README = Path(__file__).parents[2] / "README.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_role_reversal():
    (snippet,) = (snippet for snippet in SNIPPETS if "augment" in snippet)
    names: dict = {}
    exec(snippet, names)
    reversal = names["reversal"]
    assert f"reversal.counterfactual  # {reversal.counterfactual!r}" in snippet
    assert reversal.invert() == reversal.text


def test_a_students_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_corpus("corpus", seed=1, documents=60, validation_documents=5)
    tokenizer = AutoTokenizer.from_pretrained("corpus/tokenizer")
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(tokenizer), n_layer=12, n_embd=8, n_head=1, n_positions=32)
    for saved in (tokenizer, GPT2LMHeadModel(config)):
        saved.save_pretrained("gpt2")
    small = {
        'train="my/text"': 'train="corpus/train.jsonl", block_size=32, global_batch_size=2, micro_batch_size=1, '
        'num_workers=0, num_proc=1, cache_dir="cache"',
        "max_steps=10_000": 'max_steps=1, accelerator="cpu", logger=False',
    }
    (snippet,) = (snippet for snippet in SNIPPETS if "Trainer" in snippet)
    for words, others in small.items():
        assert words in snippet
        snippet = snippet.replace(words, others)
    exec(snippet, {})
    assert len(AutoModelForCausalLM.from_pretrained("outputs/mine/student").transformer.h) == 6


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_no_snippet_is_forgotten(snippet):
    assert "augment" in snippet or "Trainer" in snippet
