from dataclasses import replace

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from distill.errors import UserError
from distill.evaluation.checkpoint import Checkpoint
from distill.evaluation.perplexity import score_documents, token_perplexity
from distill.evaluation.scoring import token_nlls

TEXTS = ["The nurse said that she was tired.", "", "He came home.", "The judge told everyone that " * 12]


def test_each_document_stands_alone_after_the_beginning_of_text(checkpoint: Checkpoint) -> None:
    scored = score_documents(checkpoint, TEXTS, context=40)
    assert scored.texts == [TEXTS[0], TEXTS[2], TEXTS[3]]
    for text, nll, offsets in zip(scored.texts, scored.nlls, scored.offsets, strict=True):
        tokens = checkpoint.tokenizer(text, add_special_tokens=False)["input_ids"]
        (alone,) = token_nlls(checkpoint, [[checkpoint.tokenizer.bos_token_id, *tokens]], 40, "test")
        assert len(nll) == len(tokens) == len(offsets)
        assert nll == pytest.approx(alone, abs=1e-5)


def test_perplexity_is_per_token_over_all_documents() -> None:
    nlls = [np.array([1.0, 2.0]), np.array([3.0]), np.array([2.0, 2.0, 2.0])]
    result = token_perplexity(nlls, stride=7)
    assert result == {
        "value": pytest.approx(np.exp(2.0)),
        "nll": pytest.approx(2.0),
        "tokens": 6,
        "ci95": result["ci95"],
        "stride": 7,
    }
    assert result["ci95"][0] <= result["value"] <= result["ci95"][1]
    assert token_perplexity(nlls[:1], stride=7)["ci95"] is None


def test_the_interval_covers_over_documents() -> None:
    """300 worlds of 40 documents whose level differs; three standard errors around 95 %."""
    rng = np.random.default_rng(0)
    covered = 0
    for world in range(300):
        nlls = [rng.normal(level, 0.5, size=20) for level in rng.normal(3, 0.4, size=40)]
        low, high = token_perplexity(nlls, stride=1, seed=world, draws=1000)["ci95"]
        covered += low <= np.exp(3) <= high
    assert 0.91 <= covered / 300 <= 0.985


def test_without_a_text_or_a_beginning_there_is_no_perplexity(checkpoint: Checkpoint) -> None:
    with pytest.raises(UserError, match="is empty"):
        score_documents(checkpoint, ["", " \n"], context=40)
    bare = PreTrainedTokenizerFast(tokenizer_object=checkpoint.tokenizer.backend_tokenizer)
    with pytest.raises(UserError, match="neither BOS nor EOS"):
        score_documents(replace(checkpoint, tokenizer=bare), TEXTS, context=40)
