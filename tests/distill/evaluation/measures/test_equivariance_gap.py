"""The entry of the equivariance gap: pooled over positions, and absent where it cannot be measured."""

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from distill.evaluation.likelihood.text_perplexity import read_text
from distill.evaluation.measures.equivariance_gap import EQUIVARIANCE_GAP, mean_gap
from distill.perturbation.reversed_vocabulary import ReversedVocabulary


def test_positions_are_pooled_and_documents_resampled():
    sums, counts = np.array([0.1, 0.0, 0.6]), np.array([10.0, 0.0, 2.0])
    gap = mean_gap(sums, counts)
    assert gap["n"] == 12
    assert gap["value"] == pytest.approx(0.7 / 12)
    low, high = gap["ci95"]
    assert 0 <= low < gap["value"] < high


def test_one_document_has_no_interval():
    assert mean_gap(np.array([0.5]), np.array([4.0])) == {"value": 0.125, "ci95": None, "n": 4}


def test_no_position_no_gap():
    assert mean_gap(np.zeros(3), np.zeros(3)) == {"value": None, "ci95": None, "n": 0}


def test_without_text_there_is_none():
    assert EQUIVARIANCE_GAP.compute(SimpleNamespace(inputs=SimpleNamespace(text=None))) is None


@pytest.mark.parametrize("reason", ["none of its tokens is a gendered word", "it does not tell where a token stands"])
def test_a_tokenizer_that_allows_none_is_named(
    scored_model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, reason: str
):
    (tmp_path / "text.txt").write_text("She left.")
    monkeypatch.setattr(ReversedVocabulary, "from_tokenizer", lambda _: ReversedVocabulary.from_pairs([]))
    if "stands" in reason:
        scored_model = replace(scored_model, tokenizer=SimpleNamespace(is_fast=False))
    context = SimpleNamespace(
        inputs=SimpleNamespace(text=read_text(str(tmp_path / "text.txt"), "text")), model=scored_model
    )
    with caplog.at_level(logging.WARNING):
        assert EQUIVARIANCE_GAP.compute(context) is None
    assert f"{scored_model.path}: no equivariance gap with this tokenizer: {reason}" in caplog.text
