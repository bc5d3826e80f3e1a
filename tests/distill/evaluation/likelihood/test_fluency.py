from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
import torch

from distill.evaluation.likelihood import fluency
from distill.evaluation.likelihood.fluency import FluencyPiece, continuation_nlls, fluency_pieces, mean_nll
from distill.evaluation.likelihood.token_nll import token_nlls
from distill.evaluation.partial_results import ResultCache
from distill.evaluation.scored_model import ScoredModel


@torch.no_grad()
def test_only_the_continuation_is_scored_and_the_prompt_is_known(scored_model: ScoredModel) -> None:
    prompts, continuations = ["The nurse", "The nurse", "The judge"], [" said that", "", ", came home and"]
    nlls = continuation_nlls(scored_model, prompts, continuations, 96)
    for prompt, text, nll in zip(prompts, continuations, nlls, strict=True):
        whole, given = scored_model.encode(prompt + text), len(scored_model.encode(prompt))
        log_p = scored_model.model(torch.tensor([whole])).logits[0].log_softmax(-1)
        expected = [-float(log_p[i - 1, whole[i]]) for i in range(given, len(whole))]
        assert nll == pytest.approx(expected, abs=1e-4)


def test_a_token_across_the_seam_belongs_to_the_continuation(scored_model: ScoredModel) -> None:
    """Tokenised separately, “tea|cher” has other tokens than “teacher”."""
    (nll,) = continuation_nlls(scored_model, ["The tea"], ["cher"], 96)
    whole, given = scored_model.encode("The teacher"), scored_model.encode("The tea")
    assert whole[: len(given)] != given
    shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(given, whole, strict=False))))
    assert len(nll) == len(whole) - shared


def test_a_prompt_of_one_token_leaves_its_first_token_unscored(scored_model: ScoredModel) -> None:
    (nll,) = continuation_nlls(scored_model, ["T"], ["he nurse"], 96)
    assert len(nll) == len(scored_model.encode("The nurse")) - 1


def test_the_mean_is_over_all_tokens_and_goes_on_where_it_was(
    scored_model: ScoredModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts, continuations = ["The nurse", "The judge", "A clerk"] * 3, [" said that", "", ", came home and"] * 3
    expected = np.concatenate(continuation_nlls(scored_model, prompts, continuations, 96)).mean()
    texts = list(zip(prompts, continuations, strict=True))
    monkeypatch.setattr(fluency, "_PIECE", 2)

    def pieces() -> list[FluencyPiece]:
        return list(fluency_pieces(scored_model, iter(texts), 9, 96, ResultCache(tmp_path)))

    first = pieces()
    assert [len(piece.nats) for piece in first] == [2, 2, 2, 2, 1]
    assert mean_nll(first) == pytest.approx(expected)
    (tmp_path / "fluency-00000004.json").unlink()
    passes = []
    monkeypatch.setattr(fluency, "token_nlls", lambda *given: passes.append(given[1]) or token_nlls(*given))
    assert pieces() == first
    assert [len(sequences) for sequences in passes] == [2]


def test_no_token_has_no_mean(scored_model: ScoredModel, tmp_path: Path) -> None:
    for texts in ([], [("The nurse", "")]):
        assert mean_nll(fluency_pieces(scored_model, texts, len(texts), 96, ResultCache(tmp_path))) is None
