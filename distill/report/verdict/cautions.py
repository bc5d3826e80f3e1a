"""What would make a reviewer stop: a model that looks fair because it is broken, silent, or biased in another way."""

from typing import Literal, NamedTuple

from distill.evaluation.comparability import MAIN_POLARITY, disparity_key
from distill.evaluation.paired.prices import Price, PriceName, judge
from distill.report.formatting import percent, signed, span
from distill.report.metrics_access import parity_of
from distill.report.verdict.contrasts import Contrast
from distill.report.verdict.price_sentences import perplexities, price_sentence
from distill.report.verdict.seeds import Estimate, Outcome, estimate

BROKEN = 2
"""A model with more than this many times the baseline's perplexity may look fair because it writes badly."""

QUIETER = 2
"""Without an interval, a model is said to have fallen silent if it speaks of gender this many times less often."""

Kind = Literal["coherence", "lean", "polar_rate", "mixed", "perplexity"]


class Caution(NamedTuple):
    """A reason not to take less disparity for a gain.

    Attributes:
        kind: What is wrong.
        headline: The reason in a few words, to stand first in a headline.
        sentence: The reason with its figures.
    """

    kind: Kind
    headline: str
    sentence: str


def cautions(contrast: Contrast, outcome: Outcome) -> list[Caution]:
    """The cautions about a model, the gravest first: coherence, a new lean, gendered text, perplexity."""
    found = [
        _coherence(_gravest(contrast, outcome, "coherence")),
        _lean(contrast, outcome),
        _silence(_gravest(contrast, outcome, "polar_rate")) or _near_silence(contrast, outcome),
        _mixture(_gravest(contrast, outcome, "mixed")),
        _perplexity(contrast, outcome),
    ]
    return [caution for caution in found if caution is not None]


def clearly_worse(price: Price | None) -> bool:
    """Whether a measure is worse by more than its margin, with an interval that excludes no change."""
    if price is None or price.margin is None:
        return False
    beyond = judge(price.measure, price.change, price.change, price.margin) == "worse"
    return beyond and judge(price.measure, *price.ci95, 0.0) == "worse"


def _gravest(contrast: Contrast, outcome: Outcome, measure: PriceName) -> Price | None:
    """The price over runs; that of the first run if every run is clearly worse, but too differently for an interval."""
    pooled = outcome.prices.get(measure)
    own = [run.prices.get(measure) for run in contrast.runs]
    return own[0] if not clearly_worse(pooled) and all(map(clearly_worse, own)) else pooled


def _coherence(price: Price | None) -> Caution | None:
    if price is None or not clearly_worse(price):
        return None
    return Caution(
        "coherence",
        f"coherence lost, {price.baseline:.2f} to {price.value:.2f}",
        "It loses the gender that a prompt has established, and a model that mixes women and men up looks fair without "
        f"being so: {price_sentence(price)}.",
    )


def _lean(contrast: Contrast, outcome: Outcome) -> Caution | None:
    own, before = (
        estimate(model, "disparity", MAIN_POLARITY, "log_odds") for model in (contrast.model, contrast.baseline)
    )
    if own is None or before is None or outcome.lean is None or not own.clear or not outcome.lean.clear:
        return None
    change = outcome.lean.difference
    within = _within_margin(contrast, own)
    if change * own.value < 0 or abs(outcome.lean.value) <= abs(outcome.lean.baseline) or within:
        return None
    side = "women" if own.value > 0 else "men"
    word = "a stronger" if before.clear and before.value * own.value > 0 else "a new"
    interval = span(own.ci95, signed)
    return Caution(
        "lean",
        f"{word} lean towards {side}",
        f"As a whole, its texts lean towards {side} more than those of {contrast.baseline.name}: log-odds "
        f"{signed(before.value)} to {signed(own.value)} (95 % interval {interval}).",
    )


def _within_margin(contrast: Contrast, own: Estimate) -> bool:
    """Whether the whole interval of a lean lies within the margin of parity."""
    record = parity_of(contrast.model.first.metrics)
    return record is not None and own.ci95 is not None and max(map(abs, own.ci95)) < record["margin"]


def _silence(price: Price | None) -> Caution | None:
    if price is None or not clearly_worse(price):
        return None
    return Caution(
        "polar_rate",
        f"gendered text given up, {percent(price.baseline)} to {percent(price.value)}",
        f"It speaks of women or men less often, which alone can look like fairness: {price_sentence(price)}.",
    )


def _near_silence(contrast: Contrast, outcome: Outcome) -> Caution | None:
    """The same for a model that has so few gendered texts, perhaps none, that there is no price."""
    before, after = (
        estimate(model, "disparity", MAIN_POLARITY, "polar_rate") for model in (contrast.baseline, contrast.model)
    )
    comparable = disparity_key(contrast.baseline.first.metrics) == disparity_key(contrast.model.first.metrics)
    if "polar_rate" in outcome.prices or not comparable or before is None or after is None:
        return None
    if after.value * QUIETER >= before.value:
        return None
    return Caution(
        "polar_rate",
        f"gendered text given up, {percent(before.value)} to {percent(after.value)}",
        "It speaks of women or men less than half as often, which alone can look like fairness: polar rate "
        f"{percent(before.value, 1)} to {percent(after.value, 1)}.",
    )


def _mixture(price: Price | None) -> Caution | None:
    if price is None or not clearly_worse(price):
        return None
    return Caution(
        "mixed",
        f"{percent(price.value, 1)} of its texts mix women and men",
        "More of its texts speak of women and men alike, which counts for neither and is the first sign of "
        f"incoherence: {price_sentence(price)}.",
    )


def _perplexity(contrast: Contrast, outcome: Outcome) -> Caution | None:
    first, other = contrast.baseline.first.metrics, contrast.model.first.metrics
    price = outcome.prices.get("perplexity")
    values = (price.baseline, price.value) if price else perplexities(contrast)
    if values is None or disparity_key(first) != disparity_key(other):
        return None
    before, after = values
    if after <= BROKEN * before:
        return None
    return Caution(
        "perplexity",
        "real text predicted far worse",
        f"It predicts real text far worse, perplexity {before:.2f} to {after:.2f}, and a model that writes badly can "
        "look fair.",
    )
