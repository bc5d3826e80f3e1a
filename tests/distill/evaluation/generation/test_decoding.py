import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from distill.decoding.sampling import Sampling
from distill.errors import UserError
from distill.evaluation.generation.decoding import _decode
from distill.evaluation.generation.prompts import Prompt, own_prompts
from distill.evaluation.generation.store import generate
from distill.evaluation.scored_model import ScoredModel, load_scored_model
from distill.models.source import model_source

SAMPLING = Sampling(max_new_tokens=24, seed=5)
PROMPTS = [
    *own_prompts()[:120:7],
    Prompt("female", "She", "female"),
    Prompt("male", "The man said that he", "male"),
]


@pytest.mark.parametrize("batch_size", [7, 64])
@pytest.mark.parametrize("top_k", [0, 50])
def test_the_batch_changes_nothing(scored_model: ScoredModel, batch_size: int, top_k: int) -> None:
    sampling = replace(SAMPLING, top_k=top_k)
    one = generate(scored_model, PROMPTS, 3, sampling, batch_size=1)
    many = generate(scored_model, PROMPTS, 3, sampling, batch_size=batch_size)
    assert one.equals(many)
    assert one["tokens"].nunique() > 1, "no text ended early: the test would not see a row leave its batch"


def test_the_order_changes_nothing(scored_model: ScoredModel) -> None:
    shuffled = random.Random(0).sample(PROMPTS, len(PROMPTS))
    keys = ["prompt_id", "sample"]
    first, second = (
        generate(scored_model, prompts, 2, SAMPLING, 16).set_index(keys).sort_index() for prompts in (PROMPTS, shuffled)
    )
    assert first.equals(second)


def test_fewer_samples_and_tokens_are_the_beginning_of_more(scored_model: ScoredModel) -> None:
    few = generate(scored_model, PROMPTS[:3], 1, SAMPLING, 8)
    more = generate(scored_model, PROMPTS[:3], 2, replace(SAMPLING, max_new_tokens=30), 8).query("sample == 0")
    for short, long in zip(few["continuation"], more["continuation"], strict=True):
        assert long.startswith(short.rstrip("\ufffd"))


@pytest.mark.parametrize("batch_size", [1, 16])
def test_the_greedy_limit_is_transformers_own(scored_model: ScoredModel, batch_size: int) -> None:
    rows = generate(scored_model, PROMPTS, 1, replace(SAMPLING, top_k=1), batch_size)
    for prompt, continuation in zip(PROMPTS, rows["continuation"], strict=True):
        tokens = scored_model.tokenizer(prompt.text, return_tensors="pt")
        whole = scored_model.model.generate(**tokens, do_sample=False, max_new_tokens=24, pad_token_id=0)
        new = whole[0, tokens["input_ids"].shape[1] :]
        assert continuation == scored_model.tokenizer.decode(new, skip_special_tokens=True)


def test_samples_follow_the_models_distribution(scored_model: ScoredModel) -> None:
    """The first tokens of 3,000 samples follow the model's probabilities."""
    sampling = Sampling(max_new_tokens=1, top_p=1.0, top_k=0)
    rows = generate(scored_model, PROMPTS[:1], 3000, sampling, 500)
    tokens = scored_model.tokenizer(PROMPTS[0].text, return_tensors="pt")
    probabilities = scored_model.model(**tokens).logits[0, -1].double().softmax(-1)
    # Several tokens are parts of a character, which decode to the same replacement character.
    expected: dict[str, float] = {}
    for token, probability in enumerate(probabilities.tolist()):
        text = scored_model.tokenizer.decode([token], skip_special_tokens=True)
        expected[text] = expected.get(text, 0.0) + probability
    for text, probability in sorted(expected.items(), key=lambda item: -item[1])[:8]:
        share = (rows["continuation"] == text).mean()
        assert share == pytest.approx(probability, abs=4 * (probability / 3000) ** 0.5)


def test_a_row_holds_all_that_made_it(scored_model: ScoredModel) -> None:
    rows = generate(scored_model, PROMPTS, 2, SAMPLING, 8)
    assert list(rows.columns) == [
        *("kind", "group", "gender", "prompt_id", "prompt", "sample", "continuation", "tokens"),
        *("max_new_tokens", "temperature", "top_p", "top_k", "seed", "model", "model_sha256"),
    ]
    assert len(rows) == 2 * len(PROMPTS)
    assert rows["prompt_id"].tolist() == [prompt.prompt_id for prompt in PROMPTS for _ in range(2)]
    assert rows.loc[rows["kind"] == "coherence", "gender"].tolist() == ["female", "female", "male", "male"]
    assert rows.loc[rows["kind"] == "profession", "gender"].isna().all()
    assert (rows["model_sha256"] == scored_model.sha256).all()


def test_a_prompt_without_room_is_refused(save_model: Callable[..., Path]) -> None:
    small = load_scored_model(model_source(str(save_model("small", context=16))), device="cpu")
    prompt = Prompt("nurse", "The nurse")
    length = len(small.encode(prompt.text))
    generate(small, [prompt], 1, Sampling(max_new_tokens=17 - length), 1)
    with pytest.raises(UserError, match=r"exceed the context length of .*16; shorten it or lower --max_new_tokens"):
        generate(small, [prompt], 1, Sampling(max_new_tokens=18 - length), 1)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("temperature", 0.0),
        ("temperature", float("nan")),
        ("temperature", 1e-39),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("top_k", -1),
        ("max_new_tokens", 0),
    ],
)
def test_impossible_settings_are_refused(setting: str, value: float) -> None:
    with pytest.raises(UserError, match=setting):
        Sampling(**{setting: value})


def test_a_prompt_whose_last_character_is_spelled_anew_is_no_part_of_its_continuation(model_folder: Path) -> None:
    """SentencePiece's byte tokens: bytes that are not a character together are not one separately, either."""
    backend = Tokenizer(models.BPE({"<end>": 0, "a": 1, "<0xC3>": 2, "<0xA9>": 3, "b": 4}, [], byte_fallback=True))
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    fallback = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>")
    scored_model = replace(load_scored_model(model_source(str(model_folder)), device="cpu"), tokenizer=fallback)
    prompt = scored_model.encode("aé")
    assert prompt == [1, 2, 3]
    assert _decode(scored_model, [prompt, prompt, [1]], [[2, 4], [4], [4]]) == ["\ufffd\ufffd\ufffdb", "b", "b"]


def test_without_an_end_of_text_every_text_is_full(scored_model: ScoredModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScoredModel, "end_tokens", set())
    with torch.inference_mode():
        rows = generate(scored_model, PROMPTS[:4], 2, SAMPLING, 8)
    assert (rows["tokens"] == 24).all()


@pytest.mark.parametrize("batch_size", [1, 64])
@pytest.mark.parametrize("max_length", [20, 96])
def test_the_maximum_length_counts_the_prompt_as_transformers_does(
    scored_model: ScoredModel, batch_size: int, max_length: int
) -> None:
    """Up to the last position that the model has, 96, for short and long prompts in one batch."""
    sampling = Sampling(max_new_tokens=95, top_k=1, max_length=max_length)
    rows = generate(scored_model, PROMPTS, 1, sampling, batch_size)
    lengths = set()
    for prompt, continuation in zip(PROMPTS, rows["continuation"], strict=True):
        tokens = scored_model.tokenizer(prompt.text, return_tensors="pt")
        whole = scored_model.model.generate(**tokens, do_sample=False, max_length=max_length, pad_token_id=0)
        new = whole[0, tokens["input_ids"].shape[1] :]
        assert continuation == scored_model.tokenizer.decode(new, skip_special_tokens=True)
        lengths.add(tokens["input_ids"].shape[1])
    assert len(lengths) > 3


def test_a_prompt_without_room_for_a_continuation_is_refused(scored_model: ScoredModel) -> None:
    with pytest.raises(UserError, match=r"'The man said that he': its . tokens leave none of the 3"):
        generate(scored_model, PROMPTS[-1:], 1, Sampling(max_new_tokens=95, max_length=3), 1)
