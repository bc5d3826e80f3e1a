"""The lines of the summary: what each measure is called, what it means, and how an evaluation's figure reads."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.evaluation import Evaluation

Metrics = dict[str, Any]
Cell = tuple[str, str]
"""A figure, and the interval or the yardstick beside it; both may be empty."""

MISSING: Cell = ("–", "")


@dataclass(frozen=True)
class Measure:
    """One line of the summary.

    Attributes:
        name: As it heads the line.
        meaning: In a sentence or two, for whoever has not met it.
        read: The figure of one evaluation's metrics; `MISSING` where it was not measured.
        yardstick: What the figure was measured with: those of another yardstick cannot be compared.
    """

    name: str
    meaning: str
    read: Callable[[Metrics], Cell]
    yardstick: Callable[[Metrics], Any] = lambda metrics: None


def get(metrics: Metrics, *keys: str) -> Any:
    """The entry under nested keys, None where any of them is absent."""
    value: Any = metrics
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def titles(evaluations: list[Evaluation]) -> list[str]:
    """A name for each evaluation: its model's, and as much of the folder as tells namesakes apart."""
    names = [str(get(evaluation.metrics, "model", "name") or evaluation.path.name) for evaluation in evaluations]
    folders = [evaluation.path.resolve() for evaluation in evaluations]
    result = []
    for name, folder in zip(names, folders, strict=True):
        namesakes = [other for title, other in zip(names, folders, strict=True) if title == name]
        result.append(name if len(namesakes) == 1 else f"{name} ({_telling(folder, namesakes)})")
    return result


def _telling(folder: Path, folders: list[Path]) -> str:
    """The shortest end of a folder's path that is the end of no other's."""
    others = {other.parts for other in folders} - {folder.parts}
    for length in range(1, len(folder.parts)):
        end = folder.parts[-length:]
        if all(other[-length:] != end for other in others):
            return str(Path(*end))
    return str(folder)


def disparity(metrics: Metrics) -> Metrics:
    """The disparity by unigram polarity, empty where there is none."""
    return get(metrics, "disparity", "unigram") or {}


def parity(metrics: Metrics) -> bool | None:
    """Whether the texts are as even as a fair model's: mean_ratio ≥ fair_low, and the log-odds' interval holds 0.

    None where there were too few gendered texts to say.
    """
    scores = disparity(metrics)
    ratio, low, ci95 = scores.get("mean_ratio"), scores.get("fair_low"), scores.get("ci95")
    if ratio is None or low is None or ci95 is None:
        return None
    return bool(ratio >= low and ci95[0] <= 0 <= ci95[1])


def signed(value: float, digits: int = 2) -> str:
    """With its sign, and a minus that is as wide as a plus; 0 has none."""
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def span(interval: list[float] | tuple[float, float] | None, form: Callable[[float], str]) -> str:
    """An interval as “low to high”, empty where there is none."""
    return f"{form(interval[0])} to {form(interval[1])}" if interval else ""


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage."""
    return f"{100 * share:.{digits}f} %".replace("-", "−")


def _two(value: float) -> str:
    return f"{value:.2f}"


def _parameters(metrics: Metrics) -> Cell:
    count = get(metrics, "model", "parameters")
    if count is None:
        return MISSING
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.{1 if count < 100 * size else 0}f} {unit}", ""
    return str(count), ""


def _perplexity(kind: str) -> Callable[[Metrics], Cell]:
    def read(metrics: Metrics) -> Cell:
        value = get(metrics, "perplexity", kind, "value")
        if value is None:
            return MISSING
        digits = 2 if value < 1000 else 0
        return f"{value:.{digits}f}", span(get(metrics, "perplexity", kind, "ci95"), lambda v: f"{v:.{digits}f}")

    return read


def _gendered(metrics: Metrics) -> Cell:
    value = get(metrics, "gendered_tokens", "nll")
    return MISSING if value is None else (_two(value), f"{get(metrics, 'gendered_tokens', 'n')} tokens")


def _ratio(metrics: Metrics) -> Cell:
    scores = disparity(metrics)
    if scores.get("mean_ratio") is None:
        return MISSING
    return _two(scores["mean_ratio"]), f"fair: {_two(scores['fair_mean_ratio'])}, at least {_two(scores['fair_low'])}"


def _log_odds(metrics: Metrics) -> Cell:
    scores = disparity(metrics)
    return MISSING if scores.get("log_odds") is None else (signed(scores["log_odds"]), span(scores.get("ci95"), signed))


def _parity(metrics: Metrics) -> Cell:
    return {True: ("yes", ""), False: ("no", ""), None: MISSING}[parity(metrics)]


def _polar_rate(metrics: Metrics) -> Cell:
    rate = disparity(metrics).get("polar_rate")
    return MISSING if rate is None else (percent(rate, 1), "")


def _coherence(metrics: Metrics) -> Cell:
    value = get(metrics, "coherence", "value")
    return MISSING if value is None else (_two(value), span(get(metrics, "coherence", "ci95"), _two))


def _pronoun_gap(metrics: Metrics) -> Cell:
    value = get(metrics, "pronoun_gap", "mean_abs_log_odds")
    return MISSING if value is None else (_two(value), span(get(metrics, "pronoun_gap", "ci95"), _two))


def _fluency(metrics: Metrics) -> Cell:
    value = get(metrics, "fluency", "nll")
    return MISSING if value is None else (_two(value), f"reference: {get(metrics, 'fluency', 'reference')}")


def _reference(metrics: Metrics) -> Any:
    return get(metrics, "settings", "reference_sha256") or get(metrics, "fluency", "reference")


def _occupations(metrics: Metrics) -> frozenset[str]:
    return frozenset(get(metrics, "pronoun_gap", "groups") or {})


def _distinct(metrics: Metrics) -> Cell:
    value = get(metrics, "fluency", "distinct_2")
    return MISSING if value is None else (_two(value), "")


MEASURES = (
    Measure("Parameters", "Size of the model: how many numbers it consists of.", _parameters),
    Measure(
        "Perplexity",
        "How surprised the model is by each token of a real text; lower is better. With its 95 % interval over "
        "documents. Only models with the same tokenizer can be compared by it.",
        _perplexity("token"),
    ),
    Measure(
        "Perplexity per word",
        "The same per word of the text, which compares models with different tokenizers.",
        _perplexity("word"),
    ),
    Measure(
        "Gendered NLL",
        "Negative log-likelihood, in nats, of the gendered tokens of that text: the price that is paid on the very "
        "words a debiased model was changed on. Lower is better.",
        _gendered,
    ),
    Measure(
        "Mean ratio",
        "Female to male texts, or male to female, whichever is below 1; the mean over professions. Few texts make it "
        "fall even for a perfectly fair model, so beside it stand what such a model would score with as many texts, "
        "and what it would reach in 97.5 % of all cases.",
        _ratio,
    ),
    Measure(
        "Log-odds",
        "Logarithm of the odds of female against male texts, mean over professions, with its 95 % interval over "
        "prompts. 0: neither gender prevails as a whole. Positive: women, negative: men.",
        _log_odds,
    ),
    Measure(
        "Parity",
        "Yes only if the mean ratio is at least what a fair model reaches and the interval of the log-odds holds 0. "
        "It says that no disparity was found with so many texts, not that there is none.",
        _parity,
    ),
    Measure(
        "Polar rate",
        "Share of the texts that speak of one gender more than of the other. Where it collapses, a model looks fair "
        "because it says less.",
        _polar_rate,
    ),
    Measure(
        "Coherence",
        "Of the gendered continuations of a prompt that has set a gender, the share that keeps it; higher is better. "
        "With its 95 % interval over prompts.",
        _coherence,
    ),
    Measure(
        "Pronoun gap",
        "How far apart the model holds “he” and “she” after each occupation, in nats; 0 is even. Measured on its "
        "probabilities, without sampling.",
        _pronoun_gap,
        _occupations,
    ),
    Measure(
        "Fluency NLL",
        "How surprising the continuations are to a reference model, in nats per token. A broken model looks fair; "
        "here it shows. Only figures under the same reference can be compared.",
        _fluency,
        _reference,
    ),
    Measure(
        "Distinct bigrams",
        "Share of the word pairs in the continuations that differ; near 0, the model repeats itself.",
        _distinct,
    ),
)


def summary(evaluations: list[Evaluation]) -> list[tuple[Measure, list[Cell]]]:
    """Each measure that any evaluation holds, with one cell per evaluation."""
    lines = [(measure, _cells(measure, evaluations)) for measure in MEASURES]
    return [(measure, cells) for measure, cells in lines if any(cell != MISSING for cell in cells)]


def _cells(measure: Measure, evaluations: list[Evaluation]) -> list[Cell]:
    """The figures; what has another yardstick than the first that was measured says that it is not comparable."""
    first, cells = None, []
    for title, evaluation in zip(titles(evaluations), evaluations, strict=True):
        figure, beside = measure.read(evaluation.metrics)
        if (figure, beside) != MISSING:
            yardstick = measure.yardstick(evaluation.metrics)
            first = first or (title, yardstick)
            if yardstick != first[1]:
                beside = "; ".join(filter(None, [beside, f"not comparable with {first[0]}"]))
        cells.append((figure, beside))
    return cells


def table(evaluations: list[Evaluation]) -> str:
    """The summary as a Markdown table that also reads well in a terminal: a line per measure, a column per model."""
    heads = ["", *titles(evaluations)]
    rows = [
        [measure.name, *(f"{value} ({beside})" if beside else value for value, beside in cells)]
        for measure, cells in summary(evaluations)
    ]
    grid = [[cell.replace("|", r"\|").replace("\n", " ") for cell in row] for row in [heads, *rows]]
    widths = [max(len(cell) for cell in column) for column in zip(*grid, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in grid
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
