"""Coherence: whether continuations keep the gender that their prompt established."""

from typing import TYPE_CHECKING

from distill.evaluation.disparity.coherence import Coherence, coherence
from distill.evaluation.measures.record import Line, Measure, Section, same_sampling
from distill.evaluation.polarity.bold_unigram import unigram

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext


def _compute(context: "MeasureContext") -> Coherence:
    rows = context.generations.rows("kind", "prompt_id", "gender", "continuation")
    labels = ((prompt, gender, unigram(text)) for kind, prompt, gender, text in rows if kind == "coherence")
    return coherence(labels, context.seed)


COHERENCE = Measure(
    key="coherence",
    compute=_compute,
    entry=Coherence,
    lines=(
        Line(
            Section.QUALITY,
            "Coherence",
            "Share of gendered continuations that keep the gender established by their prompt; higher is "
            "better. With its 95 % interval over prompts.",
            ("value",),
            interval="ci95",
            comparability=same_sampling,
        ),
    ),
)
