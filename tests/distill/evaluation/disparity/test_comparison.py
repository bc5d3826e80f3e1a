import numpy as np
import pandas as pd
import pytest

from distill.errors import UserError
from distill.evaluation.disparity.comparison import Change, Comparison, compare, label_generations
from tests import synthetic_evaluations as synthetic

LEANS: dict[str, float] = synthetic.LEANS


def texts(bias: float, seed: int, **settings: float) -> pd.DataFrame:
    leans = {group: bias * lean for group, lean in LEANS.items()}
    return label_generations(synthetic.generations(leans, seed=seed, **settings))


def test_labelled_keeps_the_profession_prompts_and_takes_any_polarity() -> None:
    rows = synthetic.generations(LEANS, prompts=1, samples=1)
    assert set(label_generations(rows)["kind"]) == {"profession"}
    assert set(label_generations(rows, lambda text: "mixed")["polarity"]) == {"mixed"}


def test_a_clear_effect_is_found_with_its_size() -> None:
    comparison = compare(texts(1.0, 1), texts(0.5, 2, prompts=10))
    assert comparison.disparity.p < 0.01
    assert comparison.disparity.ci95[1] < 0
    assert comparison.less is not None
    assert comparison.less[1] < 0.5 < comparison.less[2]
    assert comparison.mean_ratio[1] > comparison.mean_ratio[0]
    assert (comparison.groups, comparison.prompts) == (9, 90)


def test_a_lean_of_every_group_is_a_change_of_log_odds() -> None:
    flat = dict.fromkeys(LEANS, 0.0)
    moved = dict.fromkeys(LEANS, 1.0)
    first, second = (
        label_generations(synthetic.generations(leans, seed=seed)) for leans, seed in ((flat, 1), (moved, 2))
    )
    change = compare(first, second).log_odds
    assert change.p < 0.01
    assert change.ci95[0] < 1 < change.ci95[1]


def test_without_an_effect_p_is_uniform() -> None:
    pairs = [compare(texts(1.0, 2 * seed), texts(1.0, 2 * seed + 1), draws=400) for seed in range(40)]
    for of in (lambda pair: pair.disparity.p, lambda pair: pair.log_odds.p, lambda pair: pair.by_group["chef"].p):
        p = np.sort([of(pair) for pair in pairs])
        # The Kolmogorov–Smirnov distance, whose 1 % critical value for 40 draws is 0.25.
        assert np.abs(p - (np.arange(40) + 0.5) / 40).max() < 0.25


def test_speaking_of_gender_less_often_is_not_taken_for_bias() -> None:
    """The mean of |log-odds| grows by a quarter of a nat here, because of noise alone."""
    fair = [compare(texts(0.0, seed), texts(0.0, seed + 100, polar=0.15), draws=400) for seed in range(12)]
    assert sum(pair.disparity.p < 0.05 for pair in fair) <= 2


def test_speaking_of_gender_less_often_is_not_taken_for_fairness() -> None:
    """With all texts of both models, it does in 14 of 20 pairs."""
    leans = dict.fromkeys(LEANS, -2.5)
    loud, quiet = (
        [label_generations(synthetic.generations(leans, polar, seed=100 * (polar > 0.5) + i)) for i in range(20)]
        for polar in (0.9, 0.08)
    )
    pairs = [compare(*pair, draws=200) for pair in zip(loud, quiet, strict=True)]
    assert sum(pair.disparity.p < 0.05 for pair in pairs) <= 3


def test_the_same_model_against_itself_has_changed_in_nothing() -> None:
    rows = texts(1.0, 1)
    same = compare(rows, rows)
    assert same.disparity == Change(same.disparity.baseline, same.disparity.baseline, (0.0, 0.0), 1.0)
    assert same.less == (0.0, 0.0, 0.0)
    assert same.mean_ratio[0] == same.mean_ratio[1]
    assert {change.p for change in same.by_group.values()} == {1.0}
    assert {change.h for change in same.by_group.values()} == {0.0}


def test_a_change_of_one_group_is_found_there_and_nowhere_else() -> None:
    leans = dict.fromkeys(LEANS, 0.0)
    first, second = (
        label_generations(synthetic.generations(leans | {"judge": lean}, seed=seed))
        for lean, seed in ((-1.5, 1), (1.5, 2))
    )
    changes = compare(first, second).by_group
    assert list(changes) == list(LEANS)
    assert [name for name, change in changes.items() if change.p_holm < 0.05] == ["judge"]
    judge = changes["judge"]
    assert judge.ci95[0] < 3 < judge.ci95[1]
    assert judge.ci95[0] <= judge.difference <= judge.ci95[1]
    shares = [
        (rows["polarity"] == "female").sum() / rows["polarity"].isin(["female", "male"]).sum()
        for rows in (frame[frame["group"] == "judge"] for frame in (first, second))
    ]
    assert judge.h == pytest.approx(2 * (np.arcsin(shares[1] ** 0.5) - np.arcsin(shares[0] ** 0.5)))
    assert judge.h > 0.8


def test_order_of_rows_and_seed_decide_nothing_but_noise() -> None:
    first, second = texts(1.0, 1), texts(0.4, 2)
    one = compare(first, second)
    assert isinstance(one, Comparison)
    assert one == compare(first, second)
    assert one.disparity.difference == pytest.approx(
        compare(first, second.sample(frac=1, random_state=0)).disparity.difference
    )


def test_no_share_is_given_of_a_disparity_that_cannot_be_told_from_none() -> None:
    assert compare(texts(0.0, 1), texts(1.0, 2)).less is None


def test_a_group_that_one_model_never_genders_is_left_out() -> None:
    first, second = texts(1.0, 1), texts(1.0, 2)
    second.loc[second["group"] == "nurse", "polarity"] = "neutral"
    assert compare(first, second).groups == 8


def test_prompts_that_agree_leave_an_interval() -> None:
    """Resampling three prompts that all agree shows no spread at all."""
    rows = label_generations(synthetic.generations({"nurse": 0.0}, prompts=3, samples=9))
    half = rows.assign(polarity=["male", "female", "neutral"] * 9)
    change = compare(rows.assign(polarity="male"), rows.assign(polarity="female"))
    for low, high in (change.log_odds.ci95, change.by_group["nurse"].ci95):
        assert low < change.log_odds.difference - 2
        assert high > change.log_odds.difference + 2
    assert change.disparity.ci95[0] < -1 < 1 < change.disparity.ci95[1]
    assert change.less is not None
    assert change.less[1] < 0 < change.less[2]
    low, high = compare(half, rows.assign(polarity="male")).disparity.ci95
    assert low < high - 1


@pytest.mark.parametrize(("prompts", "samples"), [(1, 4), (2, 2), (4, 4)])
def test_other_texts_with_the_same_counts_leave_an_interval(prompts: int, samples: int) -> None:
    """Every second prompt is of women alone: prompts vary enough by themselves, so that no noise is added."""
    rows = label_generations(synthetic.generations(dict.fromkeys("ab", 0.0), prompts=prompts, samples=samples))
    cluster = rows["sample"] if prompts == 1 else pd.factorize(rows["prompt_id"])[0]
    rows["polarity"] = np.where((cluster % 2) & (rows["sample"] % 2), "male", "female")
    other = compare(rows, rows.assign(continuation=rows["continuation"] + " And so on."))
    for change in (other.disparity, other.log_odds, *other.by_group.values()):
        assert change.p == 1.0
        assert change.difference == pytest.approx(0.0)
        assert change.ci95[0] < -0.4 < 0.4 < change.ci95[1]
    same = compare(rows, rows.sample(frac=1, random_state=0))
    assert {change.ci95 for change in (same.disparity, same.log_odds, *same.by_group.values())} == {(0.0, 0.0)}


@pytest.mark.parametrize("alike", [0.0, 0.97])
def test_what_two_models_share_narrows_the_interval(alike: float) -> None:
    """Few prompts, whose spread falls short of the binomial one by chance: noise must not undo the pairing."""
    widths = []
    for seed in range(4):
        first, second = texts(1.0, 2 * seed), texts(1.0, 2 * seed + 1)
        kept = np.random.default_rng(seed).random(len(first)) < alike
        second["polarity"] = np.where(kept, first["polarity"], second["polarity"])
        low, high = compare(first, second, draws=400).disparity.ci95
        widths.append(high - low)
    assert np.mean(widths) < 0.35 if alike else np.mean(widths) > 0.6


def test_one_prompt_a_group_is_resampled_by_sample() -> None:
    comparison = compare(texts(1.0, 1, prompts=1, samples=40), texts(0.2, 2, prompts=1, samples=40))
    assert comparison.prompts == 9
    assert comparison.disparity.p < 0.05


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: texts(1.0, 2).assign(temperature=0.7), "temperature is 1.0 in one, 0.7 in the other"),
        (lambda: texts(1.0, 2, prompts=7), "the prompts differ.*63 of them shared"),
        (lambda: texts(1.0, 2, samples=3), "numbers of samples per prompt differ"),
    ],
)
def test_what_cannot_be_compared_is_refused(other: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        compare(texts(1.0, 1), other())  # type: ignore[operator]


def test_models_that_speak_of_no_gender_are_refused() -> None:
    silent = texts(1.0, 1).assign(polarity="neutral")
    with pytest.raises(UserError, match="no group"):
        compare(silent, silent)
