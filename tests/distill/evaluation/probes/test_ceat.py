from math import erfc, sqrt
from pathlib import Path

import numpy as np
import pytest

from distill.errors import UserError
from distill.evaluation.probes.ceat import _associations, ceat, measure_ceat, random_effects, read_contexts
from distill.evaluation.probes.weat_word_sets import TESTS, Weat
from distill.evaluation.scored_model import ScoredModel

TEST = TESTS["weat7"]


def vectors(bias: float, contexts: int = 6, seed: int = 0) -> dict[str, np.ndarray]:
    """Noise with a gender axis, along which targets are shifted by `bias`: mathematics with men, arts with women."""
    rng = np.random.default_rng(seed)
    made = {word: rng.normal(0, 0.3, size=(contexts, 20)) for word in TEST.words}
    sides = ((TEST.attributes, 1.0), (TEST.targets, bias))
    for (first, second), strength in sides:
        for sign, words in ((1, first), (-1, second)):
            for word in words:
                made[word][:, 0] += sign * strength
                made[word][:, 1] += 1
    return made


def test_the_word_sets_are_as_published() -> None:
    assert [len(side) for test in TESTS.values() for side in (*test.targets, *test.attributes)] == [8] * 12
    assert all(len(set(test.words)) == 32 for test in TESTS.values())


def test_a_planted_association_is_found_with_its_sign() -> None:
    stereotype, reverse = ceat(TEST, vectors(1.0)), ceat(TEST, vectors(-1.0))
    assert stereotype["effect_size"] > 1
    assert stereotype["p"] < 0.01
    assert reverse["effect_size"] < -1
    assert reverse["p"] < 0.01  # two-sided
    assert (stereotype["words"], stereotype["left_out"]) == (32, [])


def test_the_permutation_holds_its_level_and_the_published_p_does_not() -> None:
    """100 models without any association; the standard error of 5 % is 2.2 %."""
    results = [ceat(TEST, vectors(0.0, seed=seed), draws=100) for seed in range(100)]
    assert np.mean([result["p"] < 0.05 for result in results]) <= 0.12
    assert np.mean([result["p_random_effects"] < 0.05 for result in results]) > 0.3


def test_one_draw_is_cohens_d_by_hand() -> None:
    made = vectors(0.3, contexts=1)

    def cosine(one: str, other: str) -> float:
        a, b = made[one][0], made[other][0]
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    def lean(word: str) -> float:
        return float(np.mean([cosine(word, a) for a in TEST.attributes[0]])) - float(
            np.mean([cosine(word, b) for b in TEST.attributes[1]])
        )

    leans = [[lean(word) for word in side] for side in TEST.targets]
    expected = (np.mean(leans[0]) - np.mean(leans[1])) / np.std(leans[0] + leans[1], ddof=1)
    assert ceat(TEST, made, draws=10)["effect_size"] == pytest.approx(expected)


def test_each_draw_takes_one_context_of_each_word() -> None:
    test = Weat((("a",), ("b",)), (("c",), ("d",)))
    made = {word: np.eye(8)[2 * place : 2 * place + 2] for place, word in enumerate("abcd")}
    made["c"][0] = made["a"][0]
    lean = _associations(["a", "b"], test.attributes, made, 4000, np.random.default_rng(0))
    assert set(np.unique(lean[:, 0])) == {0.0, 1.0}
    assert lean[:, 0].mean() == pytest.approx(0.25, abs=0.03)
    assert not lean[:, 1].any()


def test_random_effects_is_dersimonian_and_laird() -> None:
    """By hand: w = 1, 1, .5; Q = 2.8, C = 1.6, τ² = .5."""
    mean, tau2, p = random_effects(np.array([0.0, 2.0, 2.0]), np.array([1.0, 1.0, 2.0]))
    fixed = (0 + 2 + 1) / 2.5
    tau = max(0, ((0 - fixed) ** 2 + (2 - fixed) ** 2 + 0.5 * (2 - fixed) ** 2 - 2) / (2.5 - 2.25 / 2.5))
    weights = np.array([1 / (1 + tau), 1 / (1 + tau), 1 / (2 + tau)])
    expected = (weights * [0, 2, 2]).sum() / weights.sum()
    assert tau2 == pytest.approx(tau)
    assert mean == pytest.approx(expected)
    assert p == pytest.approx(erfc(expected * sqrt(weights.sum()) / sqrt(2)))


def test_words_without_vectors_are_left_out_and_named() -> None:
    made = vectors(1.0)
    for word in ("calculus", "hers"):
        del made[word]
    result = ceat(TEST, made)
    assert (result["words"], result["left_out"]) == (30, ["calculus", "hers"])
    for word in ("algebra", "geometry", "math", "numbers"):
        del made[word]
    assert ceat(TEST, made) is None


def test_a_model_is_measured_on_the_words_of_a_text(scored_model: ScoredModel, tmp_path: Path) -> None:
    sentences = [f"Number {i}: we saw {word} there." for word in TESTS["weat8"].words for i in range(5)]
    (tmp_path / "text.txt").write_text("\n\n".join(sentences), encoding="utf-8")
    contexts = read_contexts(str(tmp_path / "text.txt"), "text")
    assert contexts["NASA"] == [f"Number {i}: we saw NASA" for i in range(5)]
    result = measure_ceat(scored_model, contexts)
    assert result["weat6"] is None
    assert result["weat8"]["words"] == 32
    assert -2 <= result["weat8"]["effect_size"] <= 2
    assert result == measure_ceat(scored_model, contexts)


def test_a_text_without_the_words_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("he and she\n\n" * 5, encoding="utf-8")
    with pytest.raises(UserError, match=r"only 2 of the tests.* words occur in 5 or more documents"):
        read_contexts(str(tmp_path / "text.txt"), "text")
    with pytest.raises(UserError, match="--ceat"):
        read_contexts(str(tmp_path / "nothing.txt"), "text")
