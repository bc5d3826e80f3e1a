"""The lines of the summary: what each measure is called, what it means, and how an evaluation's figure reads.

What metrics.json holds beyond the measures known here is shown as well, under its own key.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from distill.evaluation import Evaluation
from distill.report.formatting import clean, figure, key_to_words, p_value, percent, signed, span
from distill.report.metrics_access import (
    MAIN,
    TELLING,
    Metrics,
    disparity_key,
    disparity_scores,
    get,
    parity,
    perplexity_key,
    sampling_key,
    titles,
)

Cell = tuple[str, str]
"""A figure, and the interval or the yardstick beside it; both may be empty."""

WRITES = "What it writes"
MISSING: Cell = ("–", "")


@dataclass(frozen=True)
class Measure:
    """One line of the summary.

    Attributes:
        part: What it belongs to; nothing for the model itself.
        name: As it heads the line.
        meaning: In a sentence or two, for whoever has not met it.
        read: The figure of one evaluation's metrics; `MISSING` where it was not measured.
        yardstick: What the figure was measured with: those of another yardstick cannot be compared.
    """

    part: str
    name: str
    meaning: str
    read: Callable[[Metrics], Cell]
    yardstick: Callable[[Metrics], Any] = field(default=lambda metrics: None)

    @property
    def by_another_polarity(self) -> bool:
        """Whether a polarity other than the main one tells it."""
        return self.part.startswith(f"{WRITES}, ")


def _two(value: float) -> str:
    return f"{value:.2f}"


def _value(*keys: str, form: Callable[[float], str] = _two) -> Callable[[Metrics], Cell]:
    """The figure under these keys, with the interval that stands beside it."""

    def read(metrics: Metrics) -> Cell:
        value = get(metrics, *keys)
        return MISSING if value is None else (form(value), span(get(metrics, *keys[:-1], "ci95"), form))

    return read


def _parameters(metrics: Metrics) -> Cell:
    count = get(metrics, "model", "parameters")
    if count is None:
        return MISSING
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.{1 if count < 100 * size else 0}f} {unit}", ""
    return str(count), ""


PERPLEXITIES = {
    "token": (
        "Perplexity",
        "How surprised the model is by each token of a real text; lower is better. With its 95 % interval over "
        "documents. Only models with the same tokenizer can be compared by it.",
    ),
    "token_strided": (
        "Perplexity, overlapping",
        "The same with windows that overlap, so that every token has a context to be predicted from.",
    ),
    "word": (
        "Perplexity per word",
        "The same per word of the text, which compares models with different tokenizers, as long as all read as many "
        "tokens at once.",
    ),
}


def _perplexity(kind: str) -> Measure:
    def read(metrics: Metrics) -> Cell:
        value = get(metrics, "perplexity", kind, "value")
        if value is None:
            return MISSING
        digits = 2 if value < 1000 else 0
        return f"{value:.{digits}f}", span(get(metrics, "perplexity", kind, "ci95"), lambda v: f"{v:.{digits}f}")

    name, meaning = PERPLEXITIES.get(kind, (f"Perplexity, {key_to_words(kind)}", "Perplexity by another protocol."))
    return Measure("Real text", name, meaning, read, lambda metrics: perplexity_key(metrics, kind))


def _gendered(metrics: Metrics) -> Cell:
    value, tokens = (get(metrics, "gendered_tokens", key) for key in ("nll", "n"))
    return MISSING if value is None else (_two(value), "" if tokens is None else f"{tokens:,} tokens")


SHOWN_ELSEWHERE = ("ci95", "groups")
"""Keys of a disparity that stand beside others, or in the charts. So do all that begin with fair_ or end in _ci95."""


@dataclass(frozen=True)
class Scale:
    """How an entry of a disparity is named and written, and which entries a fair model's are."""

    name: str
    meaning: str
    form: Callable[[float], str] = _two
    interval: str = ""
    fair: str = ""
    bound: str = ""
    side: str = "at least"


SCALES = {
    "mean_ratio": Scale(
        "Mean ratio",
        "Female to male texts, or male to female, whichever is below 1; the mean over professions with gendered texts. "
        "Few texts make it fall even for a perfectly fair model, so beside it stand what such a model would score with "
        "as many texts, and what it would reach in 97.5 % of all cases.",
        fair="fair_mean_ratio",
        bound="fair_low",
    ),
    "log_odds": Scale(
        "Log-odds",
        "Logarithm of the odds of female against male texts, mean over professions with gendered texts, with its 95 % "
        "interval over prompts. 0: neither gender prevails as a whole. Positive: women, negative: men.",
        signed,
        interval="ci95",
    ),
    "parity": Scale(
        "Parity",
        "Yes only if the mean ratio is at least what a fair model reaches and the interval of the log-odds holds 0. "
        "It says that no disparity was found with so many texts, not that there is none. Not judged where even a fair "
        f"model’s mean ratio may fall below {TELLING:g} with so few.",
    ),
    "rms_log_odds": Scale(
        "RMS log-odds",
        "Root mean square of the log-odds of professions with gendered texts, in nats: how far one leans, whichever "
        "way. Beside it what a fair model would score with as many texts, and what it exceeds in 2.5 % of all cases.",
        fair="fair_rms_log_odds",
        bound="fair_rms_high",
        side="at most",
    ),
    "difference": Scale(
        "Difference",
        "Female less male texts as a share of all texts, mean over professions with gendered texts, with its 95 % "
        "interval over prompts. The others, whose difference is 0, are left out.",
        lambda share: f"{signed(100 * share, 1)} %",
        interval="difference_ci95",
    ),
    "polar_rate": Scale(
        "Polar rate",
        "Share of the texts that speak of one gender more than of the other. Where it collapses, a model looks fair "
        "because it says less.",
        lambda rate: percent(rate, 1),
    ),
    "min_ratio": Scale(
        "Min ratio",
        "The ratio of the profession where it is least, of those with gendered texts; with few texts 0 is to be "
        "expected of a fair model.",
        fair="fair_min_ratio",
        bound="fair_min_low",
    ),
    "paper_mean_ratio": Scale(
        "Mean ratio, with zeros",
        "The mean ratio over all professions, counting as 0 where a gender does not occur, as earlier work did. For "
        "comparison with it alone.",
    ),
    "paper_min_ratio": Scale("Min ratio, with zeros", "The least ratio by the same rule."),
}
"""In the order of the lines; what else a disparity holds comes after them."""


def of_polarity(polarity: str) -> str:
    """The part of the summary that a polarity fills."""
    return WRITES if polarity == MAIN else f"{WRITES}, by {key_to_words(polarity)} polarity"


def _disparities(polarity: str, metrics: list[Metrics]) -> Iterator[Measure]:
    """The lines of one polarity: those that are known, then whatever else stands there."""
    suffix = "" if polarity == MAIN else f", {key_to_words(polarity)}"
    others = dict.fromkeys(key for each in metrics for key in disparity_scores(each, polarity))
    for key in dict.fromkeys([*SCALES, *others]):
        if key not in SHOWN_ELSEWHERE and not key.startswith("fair_") and not key.endswith("_ci95"):
            scale = SCALES.get(key, Scale(_title(key), "", figure))
            read = _parity(polarity) if key == "parity" else _scaled(polarity, key, scale)
            yield Measure(
                of_polarity(polarity),
                f"{scale.name}{suffix}",
                scale.meaning,
                read,
                partial(disparity_key, polarity=polarity),
            )


def _parity(polarity: str) -> Callable[[Metrics], Cell]:
    return lambda metrics: {True: ("yes", ""), False: ("no", ""), None: MISSING}[parity(metrics, polarity)]


def _scaled(polarity: str, key: str, scale: Scale) -> Callable[[Metrics], Cell]:
    def read(metrics: Metrics) -> Cell:
        scores = disparity_scores(metrics, polarity)
        value, fair, bound = scores.get(key), scores.get(scale.fair), scores.get(scale.bound)
        if not _number(value):
            return MISSING
        yardstick = [f"fair: {scale.form(fair)}"] if _number(fair) else []
        yardstick += [f"{scale.side} {scale.form(bound)}"] if _number(bound) else []
        interval = span(_interval(scores.get(scale.interval)), scale.form)
        return scale.form(value), "; ".join(filter(None, [interval, ", ".join(yardstick)]))

    return read


def _reference(metrics: Metrics) -> Any:
    return get(metrics, "settings", "reference_sha256") or get(metrics, "fluency", "reference")


def _fluency(metrics: Metrics) -> Cell:
    value = get(metrics, "fluency", "nll")
    return MISSING if value is None else (_two(value), f"reference: {clean(get(metrics, 'fluency', 'reference'))}")


def _occupations(metrics: Metrics) -> frozenset[str]:
    return frozenset(get(metrics, "pronoun_gap", "groups") or {})


SIZE = Measure("", "Parameters", "Size of the model: how many numbers it consists of.", _parameters)
GENDERED = Measure(
    "Real text",
    "Gendered NLL",
    "Negative log-likelihood, in nats, of the gendered tokens of that text: the price that is paid on the very words a "
    "debiased model was changed on. Lower is better.",
    _gendered,
    # Their costs are those of `token`.
    lambda metrics: (*perplexity_key(metrics, "token"), get(metrics, "gendered_tokens", "n")),
)
HOW_IT_WRITES = (
    Measure(
        "How it writes",
        "Coherence",
        "Of the gendered continuations of a prompt that has set a gender, the share that keeps it; higher is better. "
        "With its 95 % interval over prompts.",
        _value("coherence", "value"),
        sampling_key,
    ),
    Measure(
        "How it writes",
        "Fluency NLL",
        "How surprising the continuations are to a reference model, in nats per token. A broken model looks fair; "
        "here it shows. Only figures of the same prompts and sampling, under the same reference, can be compared.",
        _fluency,
        lambda metrics: (*sampling_key(metrics), _reference(metrics)),
    ),
    Measure(
        "How it writes",
        "Distinct bigrams",
        "Share of the word pairs in the continuations that differ; near 0, the model repeats itself. It falls with the "
        "amount of text: only figures of as many continuations of the same prompts can be compared.",
        _value("fluency", "distinct_2"),
        lambda metrics: (*sampling_key(metrics), get(metrics, "settings", "samples")),
    ),
)
PRONOUN_GAP = Measure(
    "Without sampling",
    "Pronoun gap",
    "How far apart the model holds “he” and “she” after each occupation, in nats; 0 is even. Measured on its "
    "probabilities, without sampling.",
    _value("pronoun_gap", "mean_abs_log_odds"),
    _occupations,
)
KNOWN = (
    "schema", "model", "settings", "perplexity", "gendered_tokens", "disparity", "coherence", "fluency", "pronoun_gap",
    "pairs", "ceat",
)  # fmt: skip


WAYS = {"summed": "summed", "per_token": "per token"}


def _pairs(metrics: list[Metrics]) -> Iterator[Measure]:
    """How often `Pair.more` is preferred, by either way of measuring, for each source of pairs."""
    for source in dict.fromkeys(source for each in metrics for source in each.get("pairs") or {}):
        for way, spelt in WAYS.items():
            yield Measure(
                "Without sampling",
                f"Pairs {spelt}, {clean(source, 40)}",
                "How often the more stereotypical of two sentences is the likelier one, by the log-probability of the "
                "whole or per token; 50 % is no preference. With its 95 % interval. Of Winogender’s sentences none is "
                "called a stereotype: there it is how often the male one is.",
                _preference("pairs", source, way),
                lambda metrics, source=source: (
                    get(metrics, "settings", "pairs", source),
                    get(metrics, "pairs", source, "n"),
                ),
            )


def _preference(*keys: str) -> Callable[[Metrics], Cell]:
    def read(metrics: Metrics) -> Cell:
        share = get(metrics, *keys, "share")
        if not _number(share):
            return MISSING
        interval = span(_interval(get(metrics, *keys, "ci95")), lambda end: percent(end, 1))
        return percent(share, 1), f"{interval}; {get(metrics, *keys[:-1], 'n')} pairs"

    return read


def _ceat(metrics: list[Metrics]) -> Iterator[Measure]:
    for test in dict.fromkeys(test for each in metrics for test in each.get("ceat") or {}):
        yield Measure(
            "Embeddings, as a check",
            f"CEAT, {clean(test)}",
            "Association of gender with stereotypes in the model’s vectors of words in context, as Cohen’s d, positive "
            "for the stereotype, with a p value by permutation. Less disparity in what a model writes says nothing "
            "about it.",
            lambda metrics, test=test: _effect(get(metrics, "ceat", test)),
            lambda metrics: get(metrics, "settings", "ceat_sha256"),
        )


def _effect(entry: Any) -> Cell:
    size, p = get(entry, "effect_size"), get(entry, "p")
    if not _number(size):
        return MISSING
    return signed(size), p_value(p) if _number(p) else ""


def measures(metrics: list[Metrics]) -> list[Measure]:
    """Every line that these evaluations fill."""
    kinds = dict.fromkeys([*PERPLEXITIES, *(kind for each in metrics for kind in each.get("perplexity") or {})])
    polarities = dict.fromkeys([MAIN, *(polarity for each in metrics for polarity in each.get("disparity") or {})])
    return [
        SIZE,
        *map(_perplexity, kinds),
        GENDERED,
        *(line for polarity in polarities for line in _disparities(polarity, metrics)),
        *HOW_IT_WRITES,
        PRONOUN_GAP,
        *_pairs(metrics),
        *_ceat(metrics),
        *_others(metrics),
    ]


def _others(metrics: list[Metrics]) -> Iterator[Measure]:
    """A line for every group of figures under a key that is not known here."""
    found: dict[tuple[str, ...], None] = {}
    for each in metrics:
        for key, value in each.items():
            if key not in KNOWN:
                found.update(dict.fromkeys(_leaves((key,), value)))
    for path in found:
        name = " · ".join([_title(path[0]), *map(key_to_words, path[1:])])
        yield Measure("Other", name, "", lambda metrics, path=path: _figures(get(metrics, *path)))


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[str, ...]]:
    """Paths of the dictionaries that hold a number at once; what lies under `groups` is for other eyes."""
    if _number(value):
        yield path
    elif isinstance(value, dict):
        if any(map(_number, value.values())):
            yield path
        for key, entry in value.items():
            if isinstance(entry, dict) and key != "groups":
                yield from _leaves((*path, key), entry)


def _figures(entry: Any) -> Cell:
    """The first number of an entry, and beside it its interval and its other numbers by name."""
    if _number(entry):
        return figure(entry), ""
    numbers = [(key, value) for key, value in (entry or {}).items() if _number(value)]
    if not numbers:
        return MISSING
    (_, first), *others = numbers
    beside = [
        span(_interval(entry.get("ci95")), figure),
        *(f"{key_to_words(key)} {figure(value)}" for key, value in others),
    ]
    return figure(first), "; ".join(filter(None, beside))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _interval(value: Any) -> list[float] | None:
    return value if isinstance(value, list) and len(value) == 2 and all(map(_number, value)) else None


def _title(key: str) -> str:
    text = key_to_words(key)
    return f"{text[:1].upper()}{text[1:]}"


def summary(evaluations: list[Evaluation]) -> list[tuple[Measure, list[Cell]]]:
    """Each measure that any evaluation holds, with one cell per evaluation."""
    lines = [
        (measure, _cells(measure, evaluations))
        for measure in measures([evaluation.metrics for evaluation in evaluations])
    ]
    return [(measure, cells) for measure, cells in lines if any(cell != MISSING for cell in cells)]


def _cells(measure: Measure, evaluations: list[Evaluation]) -> list[Cell]:
    """The figures; what has another yardstick than the first that was measured says that it is not comparable."""
    first, cells = None, []
    for title, evaluation in zip(titles(evaluations), evaluations, strict=True):
        shown, beside = measure.read(evaluation.metrics)
        if (shown, beside) != MISSING:
            yardstick = measure.yardstick(evaluation.metrics)
            first = first or (title, yardstick)
            if yardstick != first[1]:
                beside = "; ".join(filter(None, [beside, f"not comparable with {first[0]}"]))
        cells.append((shown, beside))
    return cells
