from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from distill.errors import UserError
from distill.evaluation.likelihood.document_nlls import nlls_in_other_windows, score_documents
from distill.evaluation.likelihood.perplexity import perplexity
from distill.evaluation.likelihood.token_nll import token_nlls
from distill.evaluation.scored_model import ScoredModel

TEXTS = ["The nurse said that she was tired.", "He came home.", "The judge told everyone that " * 12]


def _perplexity(nlls: list[np.ndarray], **options: int) -> dict[str, object]:
    sums, tokens = np.array([nll.sum() for nll in nlls]), np.array([float(len(nll)) for nll in nlls])
    return perplexity(sums, tokens, 2 * tokens, tokens, stride=7, **options)


def test_each_document_stands_alone_after_the_beginning_of_text(scored_model: ScoredModel) -> None:
    scored = score_documents(scored_model, TEXTS, context=40)
    for text, nll, offsets in zip(TEXTS, scored.nlls, scored.offsets, strict=True):
        tokens = scored_model.tokenizer(text, add_special_tokens=False)["input_ids"]
        (alone,) = token_nlls(scored_model, [[scored_model.tokenizer.bos_token_id, *tokens]], 40)
        assert len(nll) == len(tokens) == len(offsets)
        assert nll == pytest.approx(alone, abs=1e-5)


@torch.no_grad()
def _oracle(scored_model: ScoredModel, text: str, context: int, stride: int) -> float:
    """Sum over tokens in float64, each after the tokens of its window according to the definition."""
    model = scored_model.model.double()
    tokens = [scored_model.start_token, *scored_model.tokenizer(text, add_special_tokens=False)["input_ids"]]
    total = 0.0
    for position in range(1, len(tokens)):
        # The first of the windows, a stride apart, that contains the token.
        start = next(start for start in range(0, len(tokens), stride) if position <= start + context)
        logits = model(torch.tensor([tokens[start:position]])).logits[0, -1]
        total -= float(logits.log_softmax(-1)[tokens[position]])
    scored_model.model.float()
    return total


@pytest.mark.parametrize(("strided", "stride"), [(False, 40), (True, 20)])
def test_perplexity_is_a_float64_oracles_to_a_millionth(scored_model: ScoredModel, strided: bool, stride: int) -> None:
    scored = score_documents(scored_model, TEXTS, context=40)
    nlls = nlls_in_other_windows(scored_model, scored, 40, stride=20) if strided else scored.nlls
    expected = sum(_oracle(scored_model, text, 40, stride) for text in TEXTS) / sum(map(len, nlls))
    assert _perplexity(nlls)["value"] == pytest.approx(np.exp(expected), rel=1e-6)


def test_documents_that_fit_are_not_read_twice(scored_model: ScoredModel, monkeypatch: pytest.MonkeyPatch) -> None:
    scored = score_documents(scored_model, TEXTS, context=40)
    read = []
    monkeypatch.setattr(
        "distill.evaluation.likelihood.document_nlls.token_nlls", lambda _, given, *__: read.extend(given) or given
    )
    nlls_in_other_windows(scored_model, scored, 40)
    assert read == [scored.sequences[2]]


def test_perplexity_is_over_all_documents_and_what_it_is_said_to_be_per() -> None:
    sums, tokens, words = np.array([4.0, 2.0]), np.array([3.0, 1.0]), np.array([2.0, 1.0])
    result = perplexity(sums, tokens, words, words, stride=7)
    assert result == {
        "value": pytest.approx(np.exp(6 / 3)),
        "nll": pytest.approx(6 / 4),
        "tokens": 4,
        "words": 3,
        "ci95": result["ci95"],
        "stride": 7,
    }
    assert result["ci95"][0] <= result["value"] <= result["ci95"][1]
    assert perplexity(sums[:1], tokens[:1], words[:1], words[:1], stride=7)["ci95"] is None


def test_the_interval_covers_over_documents() -> None:
    """300 worlds of 40 documents whose level differs; three standard errors around 95 %."""
    rng = np.random.default_rng(0)
    covered = 0
    for world in range(300):
        nlls = [rng.normal(level, 0.5, size=20) for level in rng.normal(3, 0.4, size=40)]
        low, high = _perplexity(nlls, seed=world, draws=1000)["ci95"]
        covered += low <= np.exp(3) <= high
    assert 0.91 <= covered / 300 <= 0.985


def test_without_a_beginning_there_is_no_perplexity(scored_model: ScoredModel) -> None:
    bare = PreTrainedTokenizerFast(tokenizer_object=scored_model.tokenizer.backend_tokenizer)
    with pytest.raises(UserError, match="neither BOS nor EOS"):
        score_documents(replace(scored_model, tokenizer=bare), TEXTS, context=40)
