"""The examples run, on tiny models that are made here."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from examples import python_api
from examples.own_callback import PronounOdds, log_probability
from tests.fits import fit, metrics


def test_python_api(corpus, gpt2_folder, tmp_path, capsys):
    python_api.main([
        f"--teacher={gpt2_folder}",
        f"--train={corpus / 'train.jsonl'}",
        f"--output={tmp_path / 'mine'}",
        "--steps=2",
        "--block_size=32",
        "--batch_size=2",
    ])  # fmt: skip
    assert len(AutoModelForCausalLM.from_pretrained(tmp_path / "mine" / "student").transformer.h) == 2
    assert "The nurse said that" in capsys.readouterr().out


def test_own_callback(recipe, tmp_path):
    """It is added to the command's own by its class path, and what it logs is in metrics.csv."""
    fit(recipe, tmp_path, "--trainer.max_steps=2", "--trainer.callbacks+=examples.own_callback.PronounOdds")
    assert any(row["pronoun_odds"] for row in metrics(tmp_path))
    assert (tmp_path / "student").is_dir()


def test_the_odds_are_those_of_the_next_token(tokenizer, gpt2_folder):
    model = AutoModelForCausalLM.from_pretrained(gpt2_folder).eval()
    prompt = "The nurse said that"
    with torch.no_grad():
        expected = model(**tokenizer(prompt, return_tensors="pt")).logits[0, -1].log_softmax(-1)
        (he,) = tokenizer(" he").input_ids
        assert log_probability(model, tokenizer, prompt, " he") == pytest.approx(expected[he].item(), abs=1e-5)
        both = log_probability(model, tokenizer, prompt, " he he")
        after = log_probability(model, tokenizer, f"{prompt} he", " he")
    assert both == pytest.approx((expected[he] + after).item(), abs=1e-5)
    assert PronounOdds().prompt == prompt
