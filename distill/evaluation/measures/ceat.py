"""Stereotypes in a model's contextual word embeddings: a check of something this project does not claim to improve."""

from typing import TYPE_CHECKING, Any, TypedDict

from distill.evaluation.comparability import Metrics, get
from distill.evaluation.measures.record import EACH, Line, Measure, Note, Section

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext


class CeatTest(TypedDict, total=False):
    """One test of contextual embeddings.

    Attributes:
        effect_size: Cohen's d, positive for the stereotype.
        p: Two-sided p value of a permutation test over the target words.
        p_random_effects: Two-sided p value of the random-effects model.
        tau2: Variance between draws in excess of the variance within them.
        words: Number of words tested.
        left_out: Words without enough contexts.
    """

    effect_size: float
    p: float
    p_random_effects: float
    tau2: float
    words: int
    left_out: list[str]


def _compute(context: "MeasureContext") -> dict[str, CeatTest | None] | None:
    from distill.evaluation.probes.ceat import measure_ceat

    contexts = context.inputs.ceat_contexts
    if contexts is None:
        return None
    return context.cache.get_or_compute("ceat", lambda: measure_ceat(context.model, contexts, context.seed))


def _comparability(metrics: Metrics, test: str) -> Any:
    return get(metrics, "settings", "ceat_sha256")


CEAT = Measure(
    key="ceat",
    compute=_compute,
    entry=dict[str, CeatTest],
    lines=(
        Line(
            Section.EMBEDDINGS,
            "CEAT, {name}",
            "Association of gender with stereotypes in the model’s vectors of words in context, as Cohen’s d, positive "
            "for the stereotype, with a p value by permutation. Less disparity in what a model writes says nothing "
            "about it.",
            (EACH, "effect_size"),
            "signed",
            notes=(Note("{}", (EACH, "p"), "p value"),),
            comparability=_comparability,
        ),
    ),
    method="The embedding test (CEAT, Guo and Caliskan 2021) is shown as a check. That a model writes with less "
    "disparity says nothing about its embeddings.",
)
