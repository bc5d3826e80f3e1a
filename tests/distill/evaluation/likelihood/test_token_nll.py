import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distill.errors import UserError
from distill.evaluation.likelihood import token_nll as scoring
from distill.evaluation.likelihood.token_nll import token_nlls
from distill.evaluation.scored_model import ScoredModel


@torch.no_grad()
def oracle(scored_model: ScoredModel, sequence: list[int], context: int, stride: int) -> np.ndarray:
    """Score token by token in float64, each after the tokens of the first window that contains it."""
    model = scored_model.model.double()
    nlls = []
    for position in range(1, len(sequence)):
        start = next(start for start in range(0, len(sequence), stride) if position <= start + context)
        logits = model(torch.tensor([sequence[start:position]])).logits[0, -1]
        nlls.append(-float(logits.log_softmax(-1)[sequence[position]]))
    scored_model.model.float()
    return np.array(nlls)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=6),
    context=st.sampled_from([1, 5, 16, 96]),
    parts=st.sampled_from([1, 2, 3]),
)
def test_every_token_is_scored_once_as_the_oracle_does(
    scored_model: ScoredModel, lengths: list[int], context: int, parts: int
) -> None:
    rng = np.random.default_rng(sum(lengths))
    sequences = [rng.integers(0, 600, size=length).tolist() for length in lengths]
    stride = max(1, context // parts)
    nlls = token_nlls(scored_model, sequences, context, stride=stride)
    assert [len(nll) for nll in nlls] == [max(length - 1, 0) for length in lengths]
    for nll, sequence in zip(nlls, sequences, strict=True):
        assert nll == pytest.approx(oracle(scored_model, sequence, context, stride), abs=2e-5)


@given(length=st.integers(0, 300), context=st.integers(1, 40), parts=st.integers(1, 40), reach_back=st.booleans())
def test_windows_score_each_token_once_with_enough_before_it(
    length: int, context: int, parts: int, reach_back: bool
) -> None:
    stride = max(1, context // parts)
    scored = []
    for window in scoring._windows(0, list(range(length)), context, stride, reach_back):
        read, last = len(window.tokens) - 1, int(window.tokens[-1])
        assert 1 <= read <= context
        assert not reach_back or read == min(context, length - 1)
        assert window.tokens.tolist() == list(range(last - read, last + 1))
        assert window.first == last - window.scored + 1
        assert window.first == 1 or window.first - int(window.tokens[0]) > context - stride
        scored += range(window.first, last + 1)
    assert scored == list(range(1, length))


def test_pieces_and_batches_change_nothing(scored_model: ScoredModel, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    sequences = [rng.integers(0, 600, size=length).tolist() for length in (3, 200, 1, 50, 97, 98)]
    whole = token_nlls(scored_model, sequences, 96, "test")
    monkeypatch.setattr(scoring, "BATCH_TOKENS", 100)
    monkeypatch.setattr(scoring, "_HEAD_TOKENS", 7)
    for small, large in zip(token_nlls(scored_model, sequences, 96, "test"), whole, strict=True):
        assert small == pytest.approx(large, abs=1e-5)


def test_many_short_sequences_take_few_passes(scored_model: ScoredModel, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []
    monkeypatch.setattr(
        scoring, "_window_nlls", lambda _, windows: passes.append(1) or [np.zeros(w.scored) for w in windows]
    )
    token_nlls(scored_model, [[0] * 30] * 3000, 96, "test")
    assert len(passes) < 15


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_finite_number_is_refused(
    scored_model: ScoredModel, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    monkeypatch.setattr(
        scoring, "_window_nlls", lambda _, windows: [np.full(w.scored, value if w.tokens[0] else 0.0) for w in windows]
    )
    sequences = [[0, 5, 6], scored_model.encode("The nurse\nsaid that")]
    with pytest.raises(UserError, match="probabilities of 'The nurse said that' are not finite") as caught:
        token_nlls(scored_model, sequences, 96, "test")
    assert str(caught.value).startswith(scored_model.path)
