"""What a model costs, in words: each price with its interval, its margin, and whether it keeps within the margin."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from distill.evaluation.comparability import Metrics, disparity_key, get, perplexity_key, sampling_key
from distill.evaluation.paired.prices import Price
from distill.report.formatting import percent, signed
from distill.report.models import ReportedModel
from distill.report.verdict.contrasts import Contrast
from distill.report.verdict.seeds import Outcome, estimate

WITHIN = {"not worse": "shown", "worse": "refuted", "undecided": "undecided"}
"""The verdict of a price as the answer to “worse by the margin at most”."""


class _Wording(NamedTuple):
    """How a measure is written: its name, its value, the number of a change, and the unit of both change and margin."""

    name: str
    value: Callable[[float], str]
    change: Callable[[float], str]
    unit: str
    margin: float = 1.0


def _points(share: float) -> str:
    return signed(100 * share, 1)


_WORDINGS = {
    "perplexity": _Wording("perplexity", lambda value: f"{value:.2f}", _points, " %", 100),
    "gendered_nll": _Wording("gendered NLL", lambda value: f"{value:.2f}", lambda change: signed(change, 3), " nats"),
    "fluency": _Wording("fluency NLL", lambda value: f"{value:.2f}", lambda change: signed(change, 3), " nats"),
    "coherence": _Wording("coherence", lambda value: f"{value:.2f}", lambda change: signed(change, 3), ""),
    "polar_rate": _Wording("polar rate", lambda value: percent(value, 1), _points, " %", 100),
    "mixed": _Wording("mixed texts", lambda value: percent(value, 1), _points, " points", 100),
    "pronoun_gap": _Wording("pronoun gap", lambda value: f"{value:.2f}", signed, " nats"),
}


def price_sentence(price: Price) -> str:
    """A price as “coherence 0.98 to 0.83 (−0.153, 95 % interval −0.188 to −0.117; at most 0.02 worse: refuted)”."""
    words = _WORDINGS[price.measure]
    details = [f"{words.change(price.change)}{words.unit}{_interval(price, ', 95 % interval ')}", _judgement(price)]
    between = f"{words.value(price.baseline)} to {words.value(price.value)}"
    return f"{words.name} {between} ({'; '.join(filter(None, details))})"


def change_sentence(price: Price) -> str:
    """A price without its values, as “perplexity +0.3 % (+0.2 to +0.4 %; at most 1 % worse: shown)”."""
    words = _WORDINGS[price.measure]
    details = "; ".join(filter(None, [_interval(price, ""), _judgement(price)]))
    return f"{words.name} {words.change(price.change)}{words.unit}" + (f" ({details})" if details else "")


def _interval(price: Price, before: str) -> str:
    words = _WORDINGS[price.measure]
    low, high = map(words.change, price.ci95)
    return f"{before}{low} to {high}{words.unit}"


def _judgement(price: Price) -> str:
    if price.verdict is None or price.margin is None:
        return ""
    words = _WORDINGS[price.measure]
    return f"at most {words.margin * price.margin:g}{words.unit} worse: {WITHIN[price.verdict]}"


def perplexity_sentence(contrast: Contrast, outcome: Outcome) -> str:
    """The change in perplexity; empty if the two are not comparable."""
    if price := outcome.prices.get("perplexity"):
        return change_sentence(price)
    # Evaluations of older versions lack the losses by document.
    values = perplexities(contrast)
    return f"perplexity {signed(100 * (values[1] / values[0] - 1), 1)} %" if values else ""


def perplexities(contrast: Contrast) -> tuple[float, float] | None:
    """The perplexity of both models, without pairing; None if they are not comparable or one was not measured."""
    models = (contrast.baseline, contrast.model)
    measured = comparable_perplexity([run.metrics for model in models for run in model.runs])
    if measured is None:
        return None
    before, after = (estimate(model, "perplexity", measured[0], "value") for model in models)
    return None if before is None or after is None else (before.value, after.value)


def other_prices(contrast: Contrast, outcome: Outcome, told: Collection[str]) -> str:
    """A sentence with the prices that a headline does not tell; empty if nothing is comparable.

    Args:
        contrast: The comparison.
        outcome: What it found.
        told: Measures that are told elsewhere, besides the perplexity.
    """
    told = {*told, "perplexity"}
    sentences = {measure: price_sentence(price) for measure, price in outcome.prices.items()}
    parts = [sentence for measure, sentence in (_unpaired(contrast) | sentences).items() if measure not in told]
    said = ", ".join(parts)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def _unpaired(contrast: Contrast) -> dict[str, str]:
    """Coherence and polar rate of both models, for those of which no paired price is known."""
    first, other = contrast.baseline.first.metrics, contrast.model.first.metrics
    paths = {"coherence": ("coherence", "value"), "polar_rate": ("disparity", "unigram", "polar_rate")}
    keys = {"coherence": sampling_key, "polar_rate": disparity_key}
    parts = {}
    for measure, path in paths.items():
        before, after = (get(metrics, *path) for metrics in (first, other))
        if before is not None and after is not None and keys[measure](first) == keys[measure](other):
            words = _WORDINGS[measure]
            parts[measure] = f"{words.name} {words.value(before)} to {words.value(after)}"
    return parts


def run_by_run(contrast: Contrast) -> str:
    """The verdict on each price of each pair of runs; empty for a single pair."""
    if len(contrast.runs) == 1:
        return ""
    measures = [measure for measure, price in contrast.first.prices.items() if price.verdict is not None]
    parts = []
    for measure in measures:
        verdicts = [pair.prices[measure].verdict for pair in contrast.runs if measure in pair.prices]
        parts.append(f"{_WORDINGS[measure].name} {', '.join(WITHIN[each] for each in verdicts if each)}")
    return f"Within the margins, run by run: {'; '.join(parts)}." if parts else ""


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


def perplexity_of(model: ReportedModel) -> tuple[str, ...] | None:
    """The path of the perplexity that a model has, by token if possible."""
    for kind in ("token", "word"):
        if get(model.first.metrics, "perplexity", kind, "value") is not None:
            return "perplexity", kind, "value"
    return None
