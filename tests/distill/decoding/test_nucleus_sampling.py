import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.decoding import nucleus_sampling as nucleus
from distill.decoding.nucleus_sampling import sample, uniforms


def _oracle(logits: np.ndarray, temperature: float, top_p: float, top_k: int) -> np.ndarray:
    """The distribution, computed token by token from the definition."""
    ranked = sorted(range(len(logits)), key=lambda token: -logits[token])
    ranked = ranked[: top_k or len(logits)]
    weights = [np.exp((logits[token] - logits.max()) / temperature) for token in ranked]
    mass, kept = 0.0, []
    for token, weight in zip(ranked, weights, strict=True):
        if mass / sum(weights) >= top_p:
            break
        kept.append((token, weight))
        mass += weight
    probabilities = np.zeros(len(logits))
    for token, weight in kept:
        probabilities[token] = weight / mass
    return probabilities


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    temperature=st.sampled_from([0.5, 1.0, 1.7]),
    top_p=st.sampled_from([0.05, 0.5, 0.9, 1.0]),
    top_k=st.sampled_from([0, 1, 3, 100]),
)
def test_uniform_numbers_meet_the_oracles_distribution(seed: int, temperature: float, top_p: float, top_k: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, size=12).astype(np.float32)
    grid = (np.arange(4000) + 0.5) / 4000
    drawn = sample(torch.from_numpy(logits).expand(4000, -1), torch.from_numpy(grid), temperature, top_p, top_k)
    frequencies = np.bincount(drawn.numpy(), minlength=12) / 4000
    assert frequencies == pytest.approx(_oracle(logits.astype(np.float64), temperature, top_p, top_k), abs=1e-3)


def test_a_nucleus_wider_than_the_first_search_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(3, 300, generator=torch.Generator().manual_seed(0)) * 0.1
    uniform = torch.tensor([0.1, 0.5, 0.99], dtype=torch.float64)
    whole = sample(logits, uniform, 1.0, 0.95, 0)
    monkeypatch.setattr(nucleus, "_WIDTH", 4)
    assert sample(logits, uniform, 1.0, 0.95, 0).tolist() == whole.tolist()


@pytest.mark.parametrize("top_k", [0, 2])
def test_the_largest_uniform_stays_inside_the_nucleus(top_k: int) -> None:
    logits = torch.tensor([[0.0, 3.0, -1.0, 2.9]])
    largest = torch.tensor([np.nextafter(1.0, 0.0)], dtype=torch.float64)
    assert sample(logits, largest, 1.0, 0.9, top_k).tolist() == [3]
    assert sample(logits, torch.zeros(1, dtype=torch.float64), 1.0, 0.9, top_k).tolist() == [1]


def test_uniforms_follow_from_their_key_alone() -> None:
    numbers = uniforms(0, "nurse/ab", 3, 64)
    assert numbers.tolist() == uniforms(0, "nurse/ab", 3, 64).tolist()
    assert numbers[:10].tolist() == uniforms(0, "nurse/ab", 3, 10).tolist()
    others = [uniforms(1, "nurse/ab", 3, 64), uniforms(0, "nurse/ac", 3, 64), uniforms(0, "nurse/ab", 4, 64)]
    assert all(abs(np.corrcoef(numbers, other)[0, 1]) < 0.5 for other in others)
    assert ((numbers >= 0) & (numbers < 1)).all()
