from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distill.evaluation.paired.prices import Price, judge, paired_prices
from distill.evaluation.results import Evaluation
from tests import synthetic_evaluations as synthetic

ALL = ["perplexity", "gendered_nll", "coherence", "fluency", "polar_rate", "mixed", "pronoun_gap"]


def evaluation(
    seed: int = 0, nats: float = 0.0, keeps: float = 0.95, polar: float = 0.6, gap: float = 1.0
) -> Evaluation:
    """An evaluation whose models differ in nats per token, in coherence, in polar rate and in their pronoun gap."""
    rng = np.random.default_rng(seed)
    texts = synthetic.generations(synthetic.LEANS, polar, prompts=10, samples=10, seed=seed)
    openings = [
        texts.iloc[-1].to_dict()
        | {"group": gender, "gender": gender, "prompt_id": f"{gender}/{prompt}", "sample": sample,
           "continuation": f" {pronoun[gender if rng.random() < keeps else other]} left."}
        for gender, other in (("female", "male"), ("male", "female")) for prompt in range(60) for sample in range(5)
        for pronoun in ({"female": "she", "male": "he"},)
    ]  # fmt: skip
    texts = pd.concat([texts[texts["kind"] == "profession"], pd.DataFrame(openings)], ignore_index=True)
    shared = np.random.default_rng(99)
    tokens = shared.integers(40, 400, 300)
    level = shared.normal(3, 0.4, 300)
    columns = []
    for measure, count, step in (
        ("token", tokens, nats),
        ("word", tokens // 2, 2 * nats),
        ("gendered", tokens // 20, 0),
    ):
        nll = count * (level + step + rng.normal(0, 0.01, 300))
        columns.append(pd.DataFrame({"measure": measure, "unit": range(300), "nll": nll, "count": count}))
    lengths = rng.integers(5, 20, len(texts))
    spread = {"measure": "fluency", "unit": range(len(texts)), "nll": lengths * rng.normal(2, 0.2, len(texts))}
    nlls = pd.concat([*columns, pd.DataFrame(spread | {"count": lengths})], ignore_index=True)
    metrics = synthetic.metrics(texts)
    metrics["settings"] |= {"prompts_sha256": "12", "context": 96, "max_new_tokens": 64, "reference_sha256": "34"}
    metrics["perplexity"] = {
        "token": {"tokens": int(tokens.sum()), "stride": 96}, "word": {"words": int((tokens // 2).sum()), "stride": 96},
    }  # fmt: skip
    metrics["pronoun_gap"]["groups"] = {str(i): gap * (i - 7.5) + rng.normal(0, 0.1) for i in range(16)}
    return Evaluation(Path("x"), metrics, texts, nlls)


@pytest.fixture(scope="module")
def baseline() -> Evaluation:
    return evaluation()


def test_all_measures_are_priced_in_order(baseline: Evaluation) -> None:
    prices = paired_prices(baseline, evaluation(1, nats=0.002))
    assert list(prices) == ALL
    for name, price in prices.items():
        assert price.measure == name
        assert price.ci95[0] <= price.change <= price.ci95[1]
        assert (price.verdict is None) == (price.margin is None) == (name == "pronoun_gap")
    assert prices["perplexity"].clusters == 300
    assert prices["coherence"].clusters == 120
    assert prices["polar_rate"].clusters == prices["mixed"].clusters == 90
    assert prices["fluency"].clusters == 210
    assert prices["pronoun_gap"].clusters == 16


def test_a_perplexity_is_paired_document_by_document(baseline: Evaluation) -> None:
    price = paired_prices(baseline, evaluation(1, nats=0.002))["perplexity"]
    assert baseline.nlls is not None
    rows = baseline.nlls[baseline.nlls["measure"] == "token"]
    assert price.baseline == pytest.approx(np.exp(rows["nll"].sum() / rows["count"].sum()))
    assert price.change == pytest.approx(price.value / price.baseline - 1)
    assert price.ci95[0] < np.expm1(0.002) < price.ci95[1]
    assert price.ci95[1] - price.ci95[0] < 0.005
    assert price.verdict == "not worse"


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ({"nats": 0.03}, "perplexity"),
        ({"keeps": 0.7}, "coherence"),
        ({"polar": 0.3}, "polar_rate"),
        ({"polar": 0.02}, "polar_rate"),
    ],
)
def test_a_loss_is_found_in_its_measure(baseline: Evaluation, other: dict[str, float], name: str) -> None:
    prices = paired_prices(baseline, evaluation(1, **other))
    assert prices[name].verdict == "worse"
    assert [each for each, price in prices.items() if price.verdict == "worse"] == [name]
    assert paired_prices(evaluation(1, **other), baseline)[name].verdict == "not worse"


def test_a_pronoun_gap_is_the_change_of_its_mean(baseline: Evaluation) -> None:
    price = paired_prices(baseline, evaluation(1, gap=0.5))["pronoun_gap"]
    assert price.baseline == pytest.approx(4, abs=0.1)
    assert price.change == pytest.approx(-2, abs=0.1)
    assert price.ci95[1] < 0


def test_margins_are_those_of_the_baseline(baseline: Evaluation) -> None:
    other = evaluation(1, nats=0.03)
    generous = replace(baseline, metrics=_with_settings(baseline, margins={"perplexity": 0.05, "later": 1}))
    price = paired_prices(generous, other)["perplexity"]
    assert (price.margin, price.verdict) == (0.05, "not worse")
    assert paired_prices(baseline, other)["perplexity"].margin == 0.01


@pytest.mark.parametrize(
    ("low", "high", "worse_if_it_rises", "worse_if_it_falls"),
    [
        (-0.5, -0.3, "not worse", "worse"),
        (-0.3, 0.0, "not worse", "undecided"),
        (-0.05, 0.05, "not worse", "not worse"),
        (0.05, 0.2, "undecided", "not worse"),
        (-0.2, 0.2, "undecided", "undecided"),
        (0.11, 0.2, "worse", "not worse"),
    ],
)
def test_a_verdict_is_the_place_of_the_interval(
    low: float, high: float, worse_if_it_rises: str, worse_if_it_falls: str
) -> None:
    assert judge("mixed", low, high, 0.1) == worse_if_it_rises
    assert judge("coherence", low, high, 0.1) == worse_if_it_falls


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({"text_sha256": "other"}, ALL[2:]),
        ({"prompts_sha256": "other"}, ["perplexity", "gendered_nll", "pronoun_gap"]),
        ({"temperature": 0.7}, ["perplexity", "gendered_nll", "pronoun_gap"]),
        ({"reference_sha256": "other"}, [name for name in ALL if name != "fluency"]),
        ({"include_prompt": True}, [name for name in ALL if name not in ("polar_rate", "mixed")]),
    ],
)
def test_only_what_is_comparable_is_priced(baseline: Evaluation, settings: dict[str, Any], left: list[str]) -> None:
    other = evaluation(1)
    assert list(paired_prices(baseline, replace(other, metrics=_with_settings(other, **settings)))) == left


@pytest.mark.parametrize(
    "fewer",
    [lambda rows: rows[rows["sample"] < 4], lambda rows: rows[~rows["prompt_id"].str.endswith(("7", "that"))]],
)
def test_other_prompts_or_samples_are_not_paired(
    baseline: Evaluation, fewer: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    other = evaluation(1)
    rows = fewer(other.generations)
    nlls = other.nlls[(other.nlls["measure"] != "fluency") | other.nlls["unit"].isin(rows.index)]  # type: ignore[index]
    assert list(paired_prices(baseline, replace(other, generations=rows, nlls=nlls))) == [
        "perplexity", "gendered_nll", "pronoun_gap",
    ]  # fmt: skip


def test_models_with_other_tokens_are_compared_by_word(baseline: Evaluation) -> None:
    other = evaluation(1, nats=0.002)
    other.metrics["perplexity"]["token"]["tokens"] += 1
    prices = paired_prices(baseline, other)
    assert "gendered_nll" not in prices
    assert prices["perplexity"].baseline > 15


def test_an_evaluation_without_likelihoods_is_priced_by_the_rest(baseline: Evaluation) -> None:
    assert list(paired_prices(replace(baseline, nlls=None), evaluation(1))) == [
        "coherence", "polar_rate", "mixed", "pronoun_gap",
    ]  # fmt: skip


def test_a_model_costs_nothing_against_itself(baseline: Evaluation) -> None:
    for price in paired_prices(baseline, baseline).values():
        assert price == Price(
            price.measure, price.baseline, price.baseline, 0.0, price.ci95, price.margin, price.verdict, price.clusters
        )
        assert price.ci95[0] == -price.ci95[1] or price.measure == "polar_rate"
        assert price.verdict in (None, "not worse")


def _with_settings(evaluation: Evaluation, **settings: Any) -> dict[str, Any]:
    return evaluation.metrics | {"settings": evaluation.metrics["settings"] | settings}


def test_a_margin_of_null_is_the_default(baseline: Evaluation) -> None:
    settings = baseline.metrics["settings"] | {"margins": {"perplexity": None}}
    edited = replace(baseline, metrics=baseline.metrics | {"settings": settings})
    assert paired_prices(edited, baseline)["perplexity"].margin == 0.01
