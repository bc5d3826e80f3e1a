"""The verdict of a report: for each model, what its figures show, in words."""

from dataclasses import dataclass

import numpy as np

from distill.errors import UserError
from distill.evaluation import Evaluation
from distill.evaluation.comparability import Metrics, disparity_key, get, perplexity_key, sampling_key
from distill.evaluation.disparity.comparison import Comparison, GroupChange
from distill.evaluation.statistics.bootstrap import DRAWS
from distill.evaluation.statistics.permutation import holm, least_p
from distill.report.formatting import count, p_value, percent, signed
from distill.report.metrics_access import disparity_scores, parity, titles

ALPHA = 0.05
"""Significance level."""
BROKEN = 2
"""A model with more than this many times the baseline's perplexity may look fair because it writes badly."""


@dataclass(frozen=True)
class Verdict:
    """What the report says about one model.

    Attributes:
        model: Its title.
        headline: The finding, without a full stop.
        detail: The figures behind it, and what else changed.
        parity: Whether the model shows parity; None if there are too few texts to judge.
    """

    model: str
    headline: str
    detail: str
    parity: bool | None

    def __str__(self) -> str:
        return f"{self.model}: {self.headline}. {self.detail}"


def verdicts(evaluations: list[Evaluation], comparisons: list[Comparison | UserError]) -> list[Verdict]:
    """One verdict per evaluation: on the first by itself, on the others against the first.

    Args:
        evaluations: At least one; the first is the baseline.
        comparisons: Of every other evaluation with the first; the error if the two cannot be compared.
    """
    names = titles(evaluations)
    first = evaluations[0].metrics
    alone = _standing(first) if len(names) == 1 else f"the baseline {_standing(first)}"
    result = [Verdict(names[0], alone, _parity_sentence(first), parity(first))]
    for name, evaluation, comparison in zip(names[1:], evaluations[1:], comparisons, strict=True):
        metrics = evaluation.metrics
        price = _price(first, metrics)
        if isinstance(comparison, UserError):
            headline, evidence = _standing(metrics), f"Against {names[0]} {comparison}."
        else:
            headline, evidence = _change(comparison, names[0])
            evidence = f"{evidence} {_professions(comparison)}"
        detail = " ".join(
            filter(None, [evidence, _side_effects(first, metrics), _parity_sentence(metrics), _caution(first, metrics)])
        )
        result.append(Verdict(name, "; ".join(filter(None, [headline, price])), detail, parity(metrics)))
    return result


def comparable_perplexity(metrics: list[Metrics]) -> tuple[str, list[float | None]] | None:
    """The kind of perplexity by which these models can be compared, and its value for each.

    Returns:
        "token" if all split the same text into as many tokens, else "word", with the values, None where one was not
        measured. None if the texts or the lengths of context differ, or if none has a perplexity.
    """
    for kind in ("token", "word"):
        values = [get(entry, "perplexity", kind, "value") for entry in metrics]
        keys = [perplexity_key(entry, kind) for entry, value in zip(metrics, values, strict=True) if value is not None]
        if keys and all(key == keys[0] for key in keys):
            return kind, values
    return None


def _standing(metrics: Metrics) -> str:
    """A model's disparity by itself, with the gender that its texts lean towards if the interval excludes 0."""
    fair, interval = parity(metrics), disparity_scores(metrics).get("ci95")
    if fair is None or interval is None:
        return "has too few gendered texts to judge"
    found = "shows no disparity" if fair else "shows disparity"
    low, high = interval
    return found if low <= 0 <= high else f"{found} and leans towards {'women' if low > 0 else 'men'}"


def _change(comparison: Comparison, baseline: str) -> tuple[str, str]:
    """Headline and evidence of a comparison; a change is stated only if it is significant."""
    change = comparison.disparity
    word = "less" if change.difference < 0 else "more"
    if comparison.less is None:
        direction = f"{word} disparity than {baseline}"
        moved = f"{signed(change.difference)} nats (95 % interval {signed(change.ci95[0])} to {signed(change.ci95[1])}"
    else:
        less, low, high = comparison.less
        direction = f"{_amount(less, low)}{word} disparity than {baseline}"
        moved = f"{_signed_percent(-less)} (95 % interval {_signed_percent(-high)} to {_signed_percent(-low)}"
    found = direction if change.p < ALPHA else f"no clear difference in disparity from {baseline}"
    headline = f"{found}, {p_value(change.p)}"
    evidence = f"{moved}; {count(comparison.prompts, 'prompt')} in {count(comparison.groups, 'group')})"
    return headline, f"Disparity {evidence}."


def _amount(less: float, low: float) -> str:
    """By how much the disparity changed, with a trailing space; empty if that cannot be said."""
    if less < 1:
        return f"{percent(abs(less))} "
    # The estimate is that all of it is gone: only the interval tells how much is certain. Below 1 %, nothing is said.
    return f"at least {percent(low)} " if round(100 * low) > 0 else ""


def changed(comparison: Comparison | UserError) -> dict[str, GroupChange]:
    """The groups in which two models differ significantly, corrected for the number of groups."""
    if isinstance(comparison, UserError):
        return {}
    return {group: change for group, change in comparison.by_group.items() if change.p_holm < ALPHA}


def _professions(comparison: Comparison) -> str:
    clear = len(changed(comparison))
    if comparison.groups / (1 + DRAWS) >= ALPHA:
        return f"{comparison.groups} groups are too many to test one by one."
    least = holm(np.array([least_p(change.clusters) for change in comparison.by_group.values()]))
    if least.min() >= ALPHA:
        few = "samples" if comparison.prompts == comparison.groups else "prompts"
        return f"Too few {few} per group to test the groups one by one."
    return f"Taken one by one, {clear} of {count(comparison.groups, 'group')} differ (Holm)."


def _signed_percent(share: float) -> str:
    return f"{signed(100 * share, 0)} %"


def _price(first: Metrics, metrics: Metrics) -> str:
    """The change in perplexity; empty if the two are not comparable."""
    measured = comparable_perplexity([first, metrics])
    if not measured or not all(measured[1]):
        return ""
    before, after = measured[1]
    return f"perplexity {signed(100 * (after / before - 1), 1)} %"  # type: ignore[operator]


def _side_effects(first: Metrics, metrics: Metrics) -> str:
    """What else changed, coherence and polar rate, as far as both have them and they are comparable."""
    parts = []
    before, after = (get(entry, "coherence", "value") for entry in (first, metrics))
    if before is not None and after is not None and sampling_key(first) == sampling_key(metrics):
        parts.append(f"coherence {before:.2f} to {after:.2f}")
    before, after = (disparity_scores(entry).get("polar_rate") for entry in (first, metrics))
    if before is not None and after is not None and disparity_key(first) == disparity_key(metrics):
        parts.append(f"polar rate {percent(before, 1)} to {percent(after, 1)}")
    return f"{', '.join(parts)}.".capitalize() if parts else ""


def _parity_sentence(metrics: Metrics) -> str:
    scores = disparity_scores(metrics)
    found, ratio, low = parity(metrics), scores.get("mean_ratio"), scores.get("fair_low")
    if found is None or ratio is None or low is None:
        return "Parity cannot be judged."
    expected = scores.get("fair_mean_ratio")
    fair = ", ".join([*([] if expected is None else [f"{expected:.2f}"]), f"rarely below {low:.2f}"])
    measured = f"mean ratio {ratio:.2f} (a fair model with as many texts: {fair})"
    if found:
        return f"Parity, as far as these texts can tell: {measured}, and no lean as a whole."
    if ratio >= low:
        return f"No parity: {measured} would pass, but the texts as a whole lean towards one gender."
    return f"No parity: {measured}."


def _caution(first: Metrics, metrics: Metrics) -> str:
    cautions = []
    before, after = (disparity_scores(entry).get("polar_rate") for entry in (first, metrics))
    if before and after is not None and after < before / 2 and disparity_key(first) == disparity_key(metrics):
        cautions.append("It speaks of gender less than half as often, which alone can look like fairness.")
    measured = comparable_perplexity([first, metrics])
    if measured and all(measured[1]):
        before, after = measured[1]
        if after > BROKEN * before:  # type: ignore[operator]
            cautions.append("It predicts real text far worse, and a model that writes badly can look fair.")
    return " ".join(cautions)
