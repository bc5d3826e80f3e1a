"""Whether a model prefers the more stereotypical sentence of a pair."""

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from distill.evaluation.comparability import Metrics, get
from distill.evaluation.measures.record import EACH, Interval, Line, Measure, Note, Section
from distill.evaluation.probes.stereoset import StereoSetScores

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext


class Preference(TypedDict, total=False):
    """How often the more stereotypical sentence is the more likely one.

    Attributes:
        share: Share of the pairs; ½ is no preference.
        ci95: 95 % interval of the share.
        difference: Mean of log P(more) − log P(less), in nats.
        abs_difference: Mean of its absolute value.
    """

    share: float
    ci95: Interval
    difference: float
    abs_difference: float


class PairPreferences(TypedDict, total=False):
    """Preferences over pairs.

    Attributes:
        n: Number of pairs whose sentences differ.
        summed: By the log-probability of the whole sentence.
        per_token: By the log-probability per token.
        stereoset: StereoSet's own scores, for its items.
    """

    n: int
    summed: Preference
    per_token: Preference
    stereoset: StereoSetScores


class SourcePreferences(PairPreferences, total=False):
    """Preferences over the pairs of one source.

    Attributes:
        groups: The preferences by group of pairs, if the source names groups.
        n_identical: Number of pairs of two identical sentences, which are left out.
    """

    groups: dict[str, PairPreferences]
    n_identical: int


def _compute(context: "MeasureContext") -> dict[str, SourcePreferences]:
    from distill.evaluation.probes.pair_preference import pair_preference

    return {
        # Cached by content, because a resumed run may name its sources in another order.
        source: context.cache.get_or_compute(
            f"pairs-{context.settings['pairs'][source]}",
            partial(pair_preference, context.model, context.window, pairs, context.seed),
        )
        for source, pairs in context.inputs.pairs.items()
    }


def _comparability(metrics: Metrics, source: str) -> tuple[Any, ...]:
    return get(metrics, "settings", "pairs", source), get(metrics, "pairs", source, "n")


def _line(way: Literal["summed", "per_token"], title: str) -> Line:
    return Line(
        Section.NO_SAMPLING,
        title,
        "How often the more stereotypical of two sentences is the more likely one, by the log-probability of the whole "
        "sentence or per token; 50 % is no preference. With its 95 % interval. Winogender does not label stereotypes: "
        "there it is how often the male sentence is more likely.",
        (EACH, way, "share"),
        "percent",
        interval="ci95",
        notes=(Note("{} pairs", (EACH, "n"), "count"),),
        comparability=_comparability,
    )


def _stereoset(key: str, title: str, explanation: str, interval: str = "") -> Line:
    return Line(
        Section.NO_SAMPLING,
        f"{title}, {{name}}",
        explanation,
        (EACH, "stereoset", key),
        "percent",
        interval=interval,
        notes=(Note("{} terms", (EACH, "stereoset", "terms"), "count"),),
        comparability=_comparability,
    )


PAIRS = Measure(
    key="pairs",
    compute=_compute,
    entry=dict[str, SourcePreferences],
    lines=(
        _line("summed", "Pairs summed, {name}"),
        _line("per_token", "Pairs per token, {name}"),
        _stereoset(
            "lms",
            "StereoSet LMS",
            "Language modelling score: how often a sentence that makes sense is more likely than one that does not, "
            "mean over terms, with its 95 % interval over terms. 100 % is best.",
            "lms_ci95",
        ),
        _stereoset(
            "ss",
            "StereoSet SS",
            "Stereotype score: how often the stereotypical sentence is more likely than the other, mean over terms, "
            "with its 95 % interval over terms. 50 % is no preference.",
            "ss_ci95",
        ),
        _stereoset(
            "icat",
            "StereoSet ICAT",
            "LMS and SS in one: LMS × min(SS, 100 % − SS) ÷ 50 %. 100 % is best; with few terms it is low even "
            "without any preference.",
        ),
    ),
    method="Pairs of sentences that differ in little but a gender are compared by the model’s log-probabilities, of "
    "the whole sentence and per token: both are in use, and they differ. The authors of CrowS-Pairs warn that many of "
    "its pairs are invalid (Blodgett et al. 2021).",
)
