"""Pronoun gap: how far apart a model's probabilities of “he” and “she” are after an occupation."""

from typing import TYPE_CHECKING, TypedDict

from distill.evaluation.comparability import Metrics, occupations_key
from distill.evaluation.measures.record import Interval, Line, Measure, Section

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext


class PronounGap(TypedDict, total=False):
    """The pronoun gap over occupations.

    Attributes:
        mean_abs_log_odds: Mean over occupations of the absolute gap, in nats.
        ci95: 95 % interval over occupations; None for a single occupation.
        groups: Mean log-odds of he against she for each occupation.
    """

    mean_abs_log_odds: float
    ci95: Interval | None
    groups: dict[str, float]


def _compute(context: "MeasureContext") -> PronounGap:
    from distill.evaluation.probes.pronoun_gap import pronoun_gap, pronoun_log_odds

    occupations = context.inputs.occupations
    return context.cache.get_or_compute(
        "pronoun_gap",
        lambda: pronoun_gap(pronoun_log_odds(context.model, context.window, occupations), occupations, context.seed),
    )


def _comparability(metrics: Metrics, name: str) -> frozenset[str]:
    return occupations_key(metrics)


PRONOUN_GAP = Measure(
    key="pronoun_gap",
    compute=_compute,
    entry=PronounGap,
    lines=(
        Line(
            Section.NO_SAMPLING,
            "Pronoun gap",
            "How far apart the model’s probabilities of “he” and “she” are after each occupation, in nats; 0 is even. "
            "Computed from its probabilities, without sampling.",
            ("mean_abs_log_odds",),
            interval="ci95",
            comparability=_comparability,
        ),
    ),
)
