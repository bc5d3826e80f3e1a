"""What the figures say, in a sentence a model."""

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
BROKEN = 2
"""Times the baseline's perplexity, from which on a model may look fair because it writes badly."""


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one model.

    Attributes:
        model: Its name.
        headline: The finding, without a full stop.
        detail: The figures that it rests on, and what else changed.
        parity: Whether parity may be stated; None if there is too little to say.
    """

    model: str
    headline: str
    detail: str
    parity: bool | None

    def __str__(self) -> str:
        return f"{self.model}: {self.headline}. {self.detail}"


def verdicts(evaluations: list[Evaluation], comparisons: list[Comparison | UserError]) -> list[Verdict]:
    """One verdict per evaluation: of the first on its own, of the others against it.

    Args:
        evaluations: At least one; the first is the baseline.
        comparisons: Of every other with the first; the error where the two cannot be compared.
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
            filter(None, [evidence, _beside(first, metrics), _parity_sentence(metrics), _caution(first, metrics)])
        )
        result.append(Verdict(name, "; ".join(filter(None, [headline, price])), detail, parity(metrics)))
    return result


def comparable_perplexity(metrics: list[Metrics]) -> tuple[str, list[float | None]] | None:
    """The perplexity by which these models can be compared, and each one's.

    It is per token where all cut the same text into as many tokens, else per word; None where they read other texts or
    not as many tokens at once, or nothing was measured.
    """
    for kind in ("token", "word"):
        values = [get(entry, "perplexity", kind, "value") for entry in metrics]
        terms = [perplexity_key(entry, kind) for entry, value in zip(metrics, values, strict=True) if value is not None]
        if terms and all(each == terms[0] for each in terms):
            return kind, values
    return None


def _standing(metrics: Metrics) -> str:
    """What is known of a model on its own; towards whom its texts lean as a whole only where that is certain."""
    fair = parity(metrics)
    if fair is None:
        return "has too few gendered texts to judge"
    found = "shows no disparity" if fair else "shows disparity"
    low, high = disparity_scores(metrics)["ci95"]
    return found if low <= 0 <= high else f"{found} and leans towards {'women' if low > 0 else 'men'}"


def _change(comparison: Comparison, baseline: str) -> tuple[str, str]:
    """Headline and evidence of a comparison: a change is stated only where chance alone would hardly make it."""
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
    """How much of the disparity is gone, or came, with a space behind it; nothing where that cannot be said."""
    if less < 1:
        return f"{percent(abs(less))} "
    # None is left by the estimate, so that only the interval says how much is certain; less than 1 % is no amount.
    return f"at least {percent(low)} " if round(100 * low) > 0 else ""


def changed(comparison: Comparison | UserError) -> dict[str, GroupChange]:
    """The groups in which two models differ, for all groups at once."""
    if isinstance(comparison, UserError):
        return {}
    return {group: change for group, change in comparison.by_group.items() if change.p_holm < ALPHA}


def _professions(comparison: Comparison) -> str:
    clear = len(changed(comparison))
    if comparison.groups / (1 + DRAWS) >= ALPHA:
        return f"{comparison.groups} groups are too many to test them one by one."
    least = holm(np.array([least_p(change.clusters) for change in comparison.by_group.values()]))
    if least.min() >= ALPHA:
        few = "samples" if comparison.prompts == comparison.groups else "prompts"
        return f"Too few {few} a group to test the groups one by one."
    return f"Taken one by one, {clear} of {count(comparison.groups, 'group')} differ (Holm)."


def _signed_percent(share: float) -> str:
    return f"{signed(100 * share, 0)} %"


def _price(first: Metrics, metrics: Metrics) -> str:
    """The change in perplexity, where there is one that can be compared."""
    measured = comparable_perplexity([first, metrics])
    if not measured or not all(measured[1]):
        return ""
    before, after = measured[1]
    return f"perplexity {signed(100 * (after / before - 1), 1)} %"  # type: ignore[operator]


def _beside(first: Metrics, metrics: Metrics) -> str:
    """What else changed, coherence and polar rate; only what both have, and can be compared."""
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
    found = parity(metrics)
    if found is None:
        return "Parity cannot be judged."
    ratio = f"mean ratio {scores['mean_ratio']:.2f}"
    expected = scores.get("fair_mean_ratio")
    fair = ", ".join([*([] if expected is None else [f"{expected:.2f}"]), f"hardly below {scores['fair_low']:.2f}"])
    yardstick = f"a fair model with as many texts: {fair}"
    if found:
        return f"Parity within what these texts can tell: {ratio} ({yardstick}), and no lean as a whole."
    if scores["mean_ratio"] >= scores["fair_low"]:
        return f"No parity: {ratio} ({yardstick}) would do, the lean as a whole does not."
    return f"No parity: {ratio} ({yardstick})."


def _caution(first: Metrics, metrics: Metrics) -> str:
    cautions = []
    before, after = (disparity_scores(entry).get("polar_rate") for entry in (first, metrics))
    if before and after is not None and after < before / 2 and disparity_key(first) == disparity_key(metrics):
        cautions.append("It speaks of gender less than half as often, which by itself can look like fairness.")
    measured = comparable_perplexity([first, metrics])
    if measured and all(measured[1]):
        before, after = measured[1]
        if after > BROKEN * before:  # type: ignore[operator]
            cautions.append("It predicts real text far worse, and a model that writes badly can look fair.")
    return " ".join(cautions)
