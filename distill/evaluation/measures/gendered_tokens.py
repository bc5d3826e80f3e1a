"""Negative log-likelihood of the gendered words of real text."""

from typing import TYPE_CHECKING, Any, TypedDict

from distill.evaluation.comparability import Metrics, gendered_key
from distill.evaluation.likelihood.perplexity import TextCosts
from distill.evaluation.measures.record import Line, Measure, Note, Section

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext


class GenderedTokens(TypedDict, total=False):
    """Negative log-likelihood of the tokens that role reversal would swap.

    Attributes:
        nll: Mean per token, in nats; None if there are no such tokens.
        n: Number of such tokens.
    """

    nll: float | None
    n: int


def gendered_cost(costs: TextCosts) -> GenderedTokens:
    """Summarise the gendered tokens of a text: their mean negative log-likelihood and their number."""
    nats, count = costs["gendered"].sum(), costs["gendered_tokens"].sum()
    return {"nll": float(nats / count) if count else None, "n": int(count)}


def _compute(context: "MeasureContext") -> GenderedTokens:
    return {"nll": None, "n": 0} if context.text_costs is None else gendered_cost(context.text_costs)


def _comparability(metrics: Metrics, name: str) -> tuple[Any, ...]:
    return gendered_key(metrics)


GENDERED_TOKENS = Measure(
    key="gendered_tokens",
    compute=_compute,
    entry=GenderedTokens,
    lines=(
        Line(
            Section.REAL_TEXT,
            "Gendered NLL",
            "Negative log-likelihood, in nats, of the gendered tokens of that text: the cost in exactly those "
            "words that debiasing affects. Lower is better.",
            ("nll",),
            notes=(Note("{} tokens", ("n",), "count"),),
            comparability=_comparability,
        ),
    ),
)
