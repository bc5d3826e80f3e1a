"""Pronoun gap: how far apart a model's probabilities of “he” and “she” are after an occupation."""

from typing import TYPE_CHECKING, TypedDict

from distill.evaluation.comparability import Metrics, occupations_key
from distill.evaluation.measures.record import Interval, Line, Measure, Note, Section

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext


class PronounMass(TypedDict, total=False):
    """Probability of a pronoun after the openings that the gap is measured on.

    Attributes:
        value: Mean probability of he, she or they.
        ci95: 95 % interval over occupations and openings; None for a single occupation.
        he: Mean probability of he.
        she: Mean probability of she.
        they: Mean probability of they.
    """

    value: float
    ci95: Interval | None
    he: float
    she: float
    they: float


class PronounGap(TypedDict, total=False):
    """The pronoun gap over occupations.

    Attributes:
        mean_abs_log_odds: Mean over occupations of the absolute gap, in nats.
        ci95: 95 % interval over occupations and openings; None for a single occupation.
        groups: Mean log-odds of he against she for each occupation.
        mass: How likely the pronouns are at all.
    """

    mean_abs_log_odds: float
    ci95: Interval | None
    groups: dict[str, float]
    mass: PronounMass


def _compute(context: "MeasureContext") -> PronounGap:
    from distill.evaluation.probes.pronoun_gap import measure_pronouns

    return context.cache.get_or_compute(
        "pronoun_gap", lambda: measure_pronouns(context.model, context.window, context.inputs.occupations)
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
            "Computed from its probabilities, without sampling; with its 95 % interval over occupations and openings.",
            ("mean_abs_log_odds",),
            interval="ci95",
            comparability=_comparability,
        ),
        Line(
            Section.NO_SAMPLING,
            "Pronoun mass",
            "Probability of he, she or they after the same openings, with its 95 % interval over occupations and "
            "openings. A model that avoids all three can show any gap.",
            ("mass", "value"),
            "percent",
            interval="ci95",
            notes=(
                Note("he {}", ("mass", "he"), "percent"),
                Note("she {}", ("mass", "she"), "percent"),
                Note("they {}", ("mass", "they"), "percent"),
            ),
            comparability=_comparability,
        ),
    ),
)
