"""What a model costs against a baseline, measure by measure, each with a paired interval and a verdict.

from distill import load
from distill.evaluation.paired.prices import paired_prices

paired_prices(load("evaluations/teacher"), load("evaluations/student"))
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd

from distill.evaluation.comparability import (
    Metrics,
    disparity_key,
    fluency_key,
    gendered_key,
    get,
    occupations_key,
    perplexity_key,
    sampling_key,
)
from distill.evaluation.margins import margins_of
from distill.evaluation.nlls import FLUENCY
from distill.evaluation.paired.clusters import documents, prompts, same_prompts
from distill.evaluation.paired.ratios import Difference, paired_difference
from distill.evaluation.polarity.bold_unigram import unigram
from distill.evaluation.results import Evaluation

PriceName = Literal["perplexity", "gendered_nll", "coherence", "fluency", "polar_rate", "mixed", "pronoun_gap"]
Verdict = Literal["not worse", "undecided", "worse"]

RELATIVE: Final = ("perplexity", "polar_rate")
"""Measures whose change is a share of the baseline's value."""
_FALLS = ("coherence", "polar_rate")
"""Measures of which less is worse."""


@dataclass(frozen=True)
class Price:
    """One measure for two models that read or continued the same text.

    Attributes:
        measure: Name of the measure.
        baseline: Value of the baseline.
        value: Value of the other model.
        change: value − baseline; for `perplexity` and `polar_rate`, value / baseline − 1.
        ci95: 95 % interval of the change, over documents, prompts or occupations that are resampled for both models
            together.
        margin: Size of the change for the worse that counts as none, in the unit of the change; None if there is no
            such margin.
        verdict: “not worse” if the worse end of the interval is within the margin, “worse” if the whole interval is
            beyond it, else “undecided”; None without a margin.
        clusters: Number of documents, prompts or occupations.
    """

    measure: PriceName
    baseline: float
    value: float
    change: float
    ci95: tuple[float, float]
    margin: float | None
    verdict: Verdict | None
    clusters: int


def paired_prices(baseline: Evaluation, other: Evaluation) -> dict[str, Price]:
    """Compare two evaluations measure by measure.

    Returns:
        By name, in a fixed order, the measures that both evaluations have and that are comparable: of the same text,
        the same prompts, the same sampling. Perplexity is per token if both models read the same tokens, else per word.
        The margins are those that the baseline's evaluation was given.
    """
    margins = margins_of(baseline.metrics)
    return {
        name: price
        for name in get_args(PriceName)
        if (difference := _DIFFERENCES[name](baseline, other)) is not None
        and (price := _price(name, difference, getattr(margins, name, None)))
    }


def judge(name: PriceName, low: float, high: float, margin: float) -> Verdict:
    """Return whether a change with the given interval is worse than a margin allows."""
    least, most = (-high, -low) if name in _FALLS else (low, high)
    if most <= margin:
        return "not worse"
    return "worse" if least > margin else "undecided"


def _price(name: PriceName, difference: Difference, margin: float | None) -> Price:
    baseline, value, low, high, clusters = difference
    change = value - baseline
    if name in RELATIVE:
        if name == "perplexity":
            baseline, value = float(np.exp(baseline)), float(np.exp(value))
        change, low, high = value / baseline - 1, float(np.expm1(low)), float(np.expm1(high))
    verdict = None if margin is None else judge(name, low, high, margin)
    return Price(name, baseline, value, change, (low, high), margin, verdict, clusters)


def _comparable(one: Evaluation, another: Evaluation, key: Callable[[Metrics], Any]) -> bool:
    return bool(key(one.metrics) == key(another.metrics))


def _perplexity(one: Evaluation, another: Evaluation) -> Difference | None:
    for kind in ("token", "word"):
        if _comparable(one, another, partial(perplexity_key, kind=kind)) and (
            difference := _of_documents(one, another, kind)
        ):
            return difference
    return None


def _gendered_nll(one: Evaluation, another: Evaluation) -> Difference | None:
    return _of_documents(one, another, "gendered") if _comparable(one, another, gendered_key) else None


def _of_documents(one: Evaluation, another: Evaluation, measure: str) -> Difference | None:
    if one.nlls is None or another.nlls is None:
        return None
    paired = documents(one.nlls, another.nlls, measure)
    return None if paired is None else paired_difference(paired)


def _coherence(one: Evaluation, another: Evaluation) -> Difference | None:
    if not _comparable(one, another, sampling_key):
        return None
    pair = []
    for rows in _of_kind(one, another, "coherence"):
        labels = _labels(rows["continuation"])
        pair.append(rows.assign(numerator=labels == rows["gender"].to_numpy(), denominator=labels != "neutral"))
    # Not within the genders: they are two of each opening, not groups of their own.
    return paired_difference(prompts(*pair).values, counts=True) if same_prompts(*pair) else None


def _fluency(one: Evaluation, another: Evaluation) -> Difference | None:
    if one.nlls is None or another.nlls is None or not _comparable(one, another, fluency_key):
        return None
    pair = []
    for evaluation in (one, another):
        nlls = evaluation.nlls[evaluation.nlls["measure"] == FLUENCY].sort_values("unit")  # type: ignore[index]
        rows = evaluation.generations
        pair.append(rows.assign(numerator=nlls["nll"].to_numpy(), denominator=nlls["count"].to_numpy()))
    return paired_difference(*prompts(*pair)) if same_prompts(*pair) else None


def _polar_rate(one: Evaluation, another: Evaluation) -> Difference | None:
    return _of_labels(one, another, ("female", "male"), logarithmic=True)


def _mixed(one: Evaluation, another: Evaluation) -> Difference | None:
    return _of_labels(one, another, ("mixed",))


def _of_labels(
    one: Evaluation, another: Evaluation, counted: Sequence[str], logarithmic: bool = False
) -> Difference | None:
    """Compare the shares of the continuations of profession prompts that have certain labels."""
    if not _comparable(one, another, disparity_key):
        return None
    with_prompt = get(one.metrics, "settings", "include_prompt") is True
    pair = []
    for rows in _of_kind(one, another, "profession"):
        texts = rows["prompt"] + rows["continuation"] if with_prompt else rows["continuation"]
        pair.append(rows.assign(numerator=[label in counted for label in _labels(texts)], denominator=1))
    if not same_prompts(*pair):
        return None
    return paired_difference(*prompts(*pair), counts=True, logarithmic=logarithmic)


def _pronoun_gap(one: Evaluation, another: Evaluation) -> Difference | None:
    if not _comparable(one, another, occupations_key):
        return None
    gaps = [get(evaluation.metrics, "pronoun_gap", "groups") or {} for evaluation in (one, another)]
    paired = np.array([[abs(gap), 1, abs(gaps[1][name]), 1] for name, gap in gaps[0].items()], dtype=np.float64)
    return paired_difference(paired) if len(paired) else None


def _of_kind(one: Evaluation, another: Evaluation, kind: str) -> Iterator[pd.DataFrame]:
    for evaluation in (one, another):
        yield evaluation.generations[evaluation.generations["kind"] == kind]


def _labels(texts: pd.Series) -> np.ndarray[Any, np.dtype[Any]]:
    return np.array([unigram(text) for text in texts], dtype=object)


_DIFFERENCES: dict[PriceName, Callable[[Evaluation, Evaluation], Difference | None]] = {
    "perplexity": _perplexity,
    "gendered_nll": _gendered_nll,
    "coherence": _coherence,
    "fluency": _fluency,
    "polar_rate": _polar_rate,
    "mixed": _mixed,
    "pronoun_gap": _pronoun_gap,
}
