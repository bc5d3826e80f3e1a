from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluation.statistics.keyness import keyness

COUNTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 500), max_size=8)


def test_by_hand() -> None:
    """She: 30 of 100 words before and 10 of 100 after; the prior of ten words gives her share, 40 of 200: two."""
    found = {key.word: key for key in keyness({"she": 30, "ran": 70}, {"she": 10, "ran": 90}, prior=10)}
    change = log(12 / 98) - log(32 / 78)
    assert found["she"][:3] == ("she", 30, 10)
    assert found["she"].change == pytest.approx(change)
    assert found["she"].z == pytest.approx(change / sqrt(1 / 12 + 1 / 32))
    # Of two words, one gains what the other loses.
    assert found["ran"].change == pytest.approx(-change)


def test_a_word_that_only_one_model_knows() -> None:
    first, *_ = keyness({"a": 500, "b": 500}, {"a": 500, "b": 480, "nobody": 20})
    assert first.word == "nobody"
    assert first.z > 0
    assert (first.first, first.second) == (0, 20)


@given(COUNTS, COUNTS)
def test_the_models_can_change_places(first: dict[str, int], second: dict[str, int]) -> None:
    there, back = ({key.word: key for key in keyness(*pair)} for pair in ((first, second), (second, first)))
    assert there.keys() == back.keys() == {word for word in first | second if first.get(word) or second.get(word)}
    for word, key in there.items():
        assert key.z == pytest.approx(-back[word].z, abs=1e-9)
        assert key.change == pytest.approx(-back[word].change, abs=1e-9)


@given(COUNTS)
def test_models_that_write_alike_have_no_key_words(counts: dict[str, int]) -> None:
    assert all(abs(key.z) < 1e-6 for key in keyness(counts, counts))


def test_a_larger_prior_shrinks() -> None:
    pair = {"a": 1, "b": 999}, {"a": 9, "b": 991}
    changes = [key.change for prior in (1, 100, 10_000) for key in keyness(*pair, prior) if key.word == "a"]
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] < 0.2 * changes[0]


def test_z_of_equal_models_is_at_most_standard() -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(50))
    z = []
    for _ in range(200):
        pair = [dict(zip(map(str, range(50)), rng.multinomial(2000, shares).tolist(), strict=True)) for _ in range(2)]
        z += [key.z for key in keyness(pair[0], pair[1], prior=1)]
    assert 0.85 < np.std(z) < 1.1
