from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    PreTrainedModel,
    pipeline,
)

from distill.errors import UserError
from distill.evaluation.probes.text_classifier import load_classifier
from tests.fixtures.tiny_models import tiny_tokenizer

TEXTS = [" was kind to everyone", " he", " lost her job because the manager was late. " * 20, " and then it rained."]


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def save_classifier(labels: int = 3, pad: bool = True, **config: object) -> Path:
        torch.manual_seed(0)
        tokenizer = tiny_tokenizer()
        sizes = {"vocab_size": len(tokenizer), "num_labels": labels, "initializer_range": 0.5, **config}
        if pad:
            tokenizer.pad_token, tokenizer.model_max_length = "<end>", 64
            layers = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
            model: PreTrainedModel = BertForSequenceClassification(
                BertConfig(**sizes, **layers, max_position_embeddings=64)
            )
        else:
            model = GPT2ForSequenceClassification(GPT2Config(**sizes, n_embd=16, n_layer=1, n_head=2, n_positions=512))
            model.config.pad_token_id = None
        model.save_pretrained(tmp_path / "classifier")
        tokenizer.save_pretrained(tmp_path / "classifier")
        return tmp_path / "classifier"

    return save_classifier


@pytest.mark.parametrize(
    "options",
    [{}, {"problem_type": "multi_label_classification"}, {"labels": 1}, {"pad": False}],
    ids=["one of three labels", "any of three", "a single one", "no padding token"],
)
def test_probabilities_are_those_of_transformers_pipeline(save: Callable[..., Path], options: dict) -> None:
    folder = save(**options)
    classifier = load_classifier(str(folder), "cpu")
    found = classifier.probabilities(TEXTS)
    theirs = pipeline("text-classification", model=str(folder), device="cpu", top_k=None)
    for row, text in zip(found, TEXTS, strict=True):
        (expected,) = theirs([text], truncation="pad" not in options)
        by_label = {each["label"]: each["score"] for each in expected}
        assert dict(zip(classifier.labels, row, strict=True)) == pytest.approx(by_label, abs=1e-5)


def test_no_text_is_no_row(save: Callable[..., Path]) -> None:
    assert load_classifier(str(save()), "cpu").probabilities([]).shape == (0, 3)


def test_a_causal_model_or_half_a_classifier_is_refused(save: Callable[..., Path], model_folder: Path) -> None:
    with pytest.raises(UserError, match=r"its files hold no score\.weight"):
        load_classifier(str(model_folder), "cpu")
    with pytest.raises(UserError, match="--classifier some/where: no such folder; download"):
        load_classifier("some/where", "cpu")
    folder = save()
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="its weights are a pickle"):
        load_classifier(str(folder), "cpu")
