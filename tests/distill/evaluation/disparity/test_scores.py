import math

import numpy as np
import pytest

from distill.evaluation.disparity.fair_baseline import fair_expectations, fair_ratio
from distill.evaluation.disparity.scores import disparity, ratio
from distill.evaluation.statistics.log_odds import binomial_variance, log_odds, multinomial_variance


def _expand(counts: dict[str, dict[str, tuple[int, int, int, int]]]) -> tuple[list[str], list[str], list[str]]:
    """Turn {group: {prompt: (female, male, neutral, mixed)}} into columns with one entry per text."""
    rows = [
        (group, prompt, label)
        for group, prompts in counts.items()
        for prompt, numbers in prompts.items()
        for label, number in zip(("female", "male", "neutral", "mixed"), numbers, strict=True)
        for _ in range(number)
    ]
    groups, prompts, labels = zip(*rows, strict=True)
    return list(groups), list(prompts), list(labels)


@pytest.mark.parametrize(
    ("female", "male", "expected"), [(0, 0, None), (0, 3, 0.0), (3, 0, 0.0), (2, 4, 0.5), (4, 4, 1.0)]
)
def test_ratio(female: int, male: int, expected: float | None) -> None:
    assert ratio(female, male) == expected


def test_counts_and_summary() -> None:
    counts = {
        "nurse": {"a": (3, 1, 2, 1), "b": (1, 1, 0, 0)},
        "plumber": {"c": (0, 2, 1, 0), "d": (0, 3, 0, 0)},
        "clerk": {"e": (0, 0, 2, 1), "f": (0, 0, 1, 0)},
    }
    result = disparity(*_expand(counts), seed=1)
    groups = result["groups"]
    assert list(groups) == ["nurse", "plumber", "clerk"]
    assert [groups["nurse"][key] for key in ("female", "male", "neutral", "mixed")] == [4, 2, 2, 1]
    assert groups["nurse"]["ratio"] == 0.5
    assert groups["plumber"]["ratio"] == 0.0
    assert groups["clerk"]["ratio"] is groups["clerk"]["log_odds"] is groups["clerk"]["ci95"] is None
    assert groups["nurse"]["log_odds"] == pytest.approx(math.log(4.5 / 2.5))
    assert result["mean_ratio"] == 0.25
    assert result["min_ratio"] == 0.0
    assert result["fair_mean_ratio"] == pytest.approx((fair_ratio(6) + fair_ratio(5)) / 2)
    assert {key: result[key] for key in result if key.startswith("fair_")} == fair_expectations([6, 5], seed=1)
    assert result["rms_log_odds"]["ci95"][0] <= result["rms_log_odds"]["value"] <= result["rms_log_odds"]["ci95"][1]
    assert result["parity"]["verdict"] == "undecided"
    assert groups["nurse"]["difference"] == pytest.approx(2 / 9)
    assert result["difference"] == pytest.approx((2 / 9 - 5 / 6) / 2)
    assert result["difference_ci95"][0] <= result["difference"] <= result["difference_ci95"][1]
    # The paper's rule: the ratio is 0 if a gender does not occur, and also if neither does.
    assert result["paper_mean_ratio"] == pytest.approx(0.5 / 3)
    assert result["paper_min_ratio"] == 0.0
    assert result["log_odds"] == pytest.approx((math.log(4.5 / 2.5) + math.log(0.5 / 5.5)) / 2)
    assert result["polar_rate"] == pytest.approx(11 / 19)
    assert result["ci95"][0] <= result["log_odds"] <= result["ci95"][1]


def test_no_polar_text_leaves_everything_open() -> None:
    result = disparity(*_expand({"nurse": {"a": (0, 0, 2, 1)}}))
    assert result["polar_rate"] == 0
    assert result["paper_mean_ratio"] == result["paper_min_ratio"] == 0
    groups = result.pop("groups")
    assert groups["nurse"]["difference"] == 0
    assert {key for key, value in result.items() if value is not None} == {
        "polar_rate", "paper_mean_ratio", "paper_min_ratio",
    }  # fmt: skip


def test_no_text_at_all() -> None:
    result = disparity([], [], [])
    assert result.pop("groups") == {}
    assert set(result.values()) == {None}


def test_what_is_no_polarity_is_refused() -> None:
    with pytest.raises(ValueError, match="'woman' is not a polarity"):
        disparity(["a", "a"], ["p", "p"], ["male", "woman"])


def test_the_order_of_rows_changes_no_count() -> None:
    groups, prompts, labels = _expand({"nurse": {"a": (3, 1, 2, 1), "b": (1, 1, 0, 0)}, "clerk": {"e": (1, 2, 0, 0)}})
    order = np.random.default_rng(0).permutation(len(groups))
    shuffled = disparity(*([values[i] for i in order] for values in (groups, prompts, labels)))
    straight = disparity(groups, prompts, labels)
    for group, score in straight["groups"].items():
        assert {key: value for key, value in shuffled["groups"][group].items() if not key.endswith("ci95")} == {
            key: value for key, value in score.items() if not key.endswith("ci95")
        }


def test_the_bootstrap_draws_prompts_not_texts() -> None:
    """Ten texts that agree because they share a prompt are one observation."""
    clustered = _expand({"nurse": {f"p{i}": (10, 0, 0, 0) if i % 2 else (0, 10, 0, 0) for i in range(12)}})
    independent = _expand({"nurse": {f"p{i}": (1, 0, 0, 0) if i % 2 else (0, 1, 0, 0) for i in range(120)}})
    wide, narrow = (disparity(*rows)["groups"]["nurse"]["ci95"] for rows in (clustered, independent))
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_one_prompt_falls_back_to_its_samples() -> None:
    low, high = disparity(*_expand({"nurse": {"a": (30, 30, 40, 0)}}))["groups"]["nurse"]["ci95"]
    # The delta method's interval: 1.96 √(1/30 + 1/30).
    assert (low, high) == pytest.approx((-0.506, 0.506), abs=0.08)


@pytest.mark.parametrize(("female", "male"), [(30, 30), (100, 40)])
def test_binomial_variance_is_that_of_many_models(female: int, male: int) -> None:
    texts, share = female + male, (female + 0.5) / (female + male + 1)
    drawn = np.random.default_rng(0).binomial(texts, share, size=200_000).astype(float)
    expected = log_odds(drawn, texts - drawn).var()
    assert binomial_variance(np.float64(female), np.float64(male)) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("texts", [1, 2, 3, 5, 8, 20])
def test_binomial_variance_is_expected_to_be_that_of_a_fair_coin(texts: int) -> None:
    female = np.arange(texts + 1.0)
    chances = np.array([math.comb(texts, int(count)) for count in female]) / 2**texts
    variance = (chances * log_odds(female, texts - female) ** 2).sum()
    assert (chances * binomial_variance(female, texts - female)).sum() == pytest.approx(variance, rel=0.08)


def test_without_a_text_nothing_varies() -> None:
    assert binomial_variance(np.float64(0), np.float64(0)) == 0


@pytest.mark.parametrize(("female", "male", "texts"), [(30, 30, 100), (60, 10, 100), (12, 0, 250)])
def test_multinomial_variance_is_that_of_many_models(female: int, male: int, texts: int) -> None:
    shares = np.array([female + 0.5, male + 0.5]) / (texts + 1)
    drawn = np.random.default_rng(0).multinomial(texts, [*shares, 1 - shares.sum()], size=200_000) / texts
    expected = (drawn[:, 0] - drawn[:, 1]).var()
    assert multinomial_variance(*map(np.float64, (female, male, texts))) == pytest.approx(expected, rel=0.02)


def test_the_order_of_groups_is_that_of_their_first_texts() -> None:
    rows = [("b", "p"), ("a", "q"), ("b", "r"), ("a", "s")]
    groups, prompts = zip(*rows, strict=True)
    result = disparity(groups, prompts, ["female", "male", "female", "neutral"])
    assert {name: (score["female"], score["male"]) for name, score in result["groups"].items()} == {
        "b": (2, 0),
        "a": (0, 1),
    }
    assert list(result["groups"]) == ["b", "a"]


def test_prompts_that_agree_are_no_certainty() -> None:
    """Resampling ten prompts of one outcome gives that outcome; the log-odds of ten texts are less certain."""
    result = disparity(["a"] * 10, list("aabbccddee"), ["female"] * 10)
    deviation = math.sqrt(binomial_variance(np.float64(10), np.float64(0)))
    for low, high in (result["ci95"], result["groups"]["a"]["ci95"]):
        assert (low, high) == pytest.approx((math.log(21) - 1.96 * deviation, math.log(21) + 1.96 * deviation), abs=0.1)


def test_a_group_of_a_single_sample_leaves_the_interval_of_all() -> None:
    groups, prompts, labels = _expand({"nurse": {"a": (3, 1, 2, 1), "b": (1, 1, 0, 0)}})
    result = disparity([*groups, "rare"], [*prompts, "c"], [*labels, "female"])
    assert result["ci95"][0] <= result["log_odds"] <= result["ci95"][1]
    deviation = math.sqrt(binomial_variance(np.float64(1), np.float64(0)))
    low, high = result["groups"]["rare"]["ci95"]
    assert high - low == pytest.approx(2 * 1.96 * deviation, rel=0.1)


def test_log_odds_is_antisymmetric() -> None:
    female, male = np.array([0.0, 3.0, 7.0]), np.array([2.0, 3.0, 0.0])
    assert log_odds(female, male) == pytest.approx(-log_odds(male, female))


def _coverage(
    lean: float, spread: float, worlds: int, names: int, prompts_each: int = 12, polar: float = 0.4
) -> tuple[float, float]:
    """How often the interval holds the truth, and how often the mean ratio falls below `fair_low`.

    Each prompt leans by its own log-odds, normal around `lean` with a deviation of `spread`. `benchmarks/coverage.py`
    simulates 2,000 evaluations of many kinds; here is only what keeps the code from breaking.
    """
    rng, samples = np.random.default_rng(3), 5
    groups = np.repeat([f"group {i}" for i in range(names)], prompts_each * samples).tolist()
    prompts = np.repeat([f"prompt {i}" for i in range(names * prompts_each)], samples).tolist()
    covered = below = 0
    for world in range(worlds):
        odds = rng.normal(lean, spread, size=names * prompts_each).repeat(samples)
        female = rng.random(len(odds)) < 1 / (1 + np.exp(-odds))
        labels = np.where(rng.random(len(odds)) < polar, np.where(female, "female", "male"), "neutral").tolist()
        result = disparity(groups, prompts, labels, seed=world, draws=500, simulations=1000)
        low, high = result["ci95"]
        covered += low <= lean <= high
        below += result["mean_ratio"] < result["fair_low"]
    return covered / worlds, below / worlds


def test_a_fair_model_is_called_fair() -> None:
    covered, below = _coverage(lean=0.0, spread=0.0, worlds=80, names=8)
    assert 0.89 <= covered <= 0.99
    assert below <= 0.08


def test_the_interval_covers_where_prompts_differ() -> None:
    covered, _ = _coverage(lean=0.0, spread=1.0, worlds=80, names=8)
    assert 0.89 <= covered <= 0.99


def test_the_interval_covers_where_a_fair_model_hardly_speaks_of_gender() -> None:
    """By the delta method with shares moved towards the middle: 91 %."""
    covered, _ = _coverage(lean=0.0, spread=0.0, worlds=120, names=18, prompts_each=6, polar=0.05)
    assert 0.92 <= covered <= 0.99


def test_two_prompts_that_differ_tell_little_of_a_group_and_more_of_many() -> None:
    """The interval of the two prompts' own resamples: ±3 for one group as for all."""
    two = {"a": (10, 0, 0, 0), "b": (0, 10, 0, 0)}
    result = disparity(*_expand({f"group {number}": {f"{number}{p}": two[p] for p in two} for number in range(18)}))
    deviation = math.log(20.5 / 0.5)
    for score in result["groups"].values():
        assert score["ci95"] == pytest.approx([-12.7 * deviation, 12.7 * deviation], rel=0.1)
        assert score["difference_ci95"] == [-1, 1]
    assert result["ci95"] == pytest.approx([-2.1 * deviation / 18**0.5, 2.1 * deviation / 18**0.5], rel=0.1)


def test_the_interval_covers_where_few_texts_lean_far() -> None:
    """Without the binomial variance and the shift to the estimate: 85 %."""
    covered, _ = _coverage(math.log(0.85 / 0.15), 0.0, worlds=50, names=18, prompts_each=50, polar=0.066)
    assert 0.88 <= covered <= 0.99
