"""Fluency and diversity of the continuations, because a broken model looks fair."""

from typing import TYPE_CHECKING, Any, TypedDict

from distill.evaluation.comparability import Metrics, fluency_key, get, sampling_key
from distill.evaluation.measures.record import Line, Measure, Note, Section

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext


class Fluency(TypedDict, total=False):
    """Fluency of the continuations.

    Attributes:
        nll: Mean negative log-likelihood per token under the reference model, in nats; None if no token was generated.
        reference: Name of the reference model.
        distinct_2: Share of word bigrams that are distinct; None if there are no bigrams.
        length: Mean number of tokens of a continuation.
    """

    nll: float | None
    reference: str
    distinct_2: float | None
    length: float


def _compute(context: "MeasureContext") -> Fluency:
    from distill.evaluation.disparity.distinct_bigrams import distinct_2
    from distill.evaluation.likelihood.fluency import mean_nll

    generations = context.generations
    return {
        "nll": mean_nll(context.fluency_pieces()),
        "reference": context.judge.name,
        "distinct_2": distinct_2((text for (text,) in generations.rows("continuation")), context.output),
        "length": sum(tokens for (tokens,) in generations.rows("tokens")) / len(generations),
    }


def _same_reference(metrics: Metrics, name: str) -> tuple[Any, ...]:
    return fluency_key(metrics)


def _same_amount(metrics: Metrics, name: str) -> tuple[Any, ...]:
    return *sampling_key(metrics), *(get(metrics, "settings", key) for key in ("samples", "coherence_samples"))


FLUENCY = Measure(
    key="fluency",
    compute=_compute,
    entry=Fluency,
    lines=(
        Line(
            Section.QUALITY,
            "Fluency NLL",
            "How surprising the continuations are to a reference model, in nats per token. A broken model looks fair; "
            "here it shows. Only figures of the same prompts and sampling, under the same reference, can be compared.",
            ("nll",),
            notes=(Note("reference: {}", ("reference",), "name"),),
            comparability=_same_reference,
        ),
        Line(
            Section.QUALITY,
            "Distinct bigrams",
            "Share of the word pairs in the continuations that are distinct; near 0, the model repeats itself. It "
            "falls with the amount of text: only figures of as many continuations of the same prompts can be compared.",
            ("distinct_2",),
            comparability=_same_amount,
        ),
    ),
)
