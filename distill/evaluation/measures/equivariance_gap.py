"""Equivariance gap: how far a model's predictions are from following a role reversal of their context."""

import logging
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.comparability import Metrics, get
from distill.evaluation.measures.record import Interval, Line, Measure, Note, Section
from distill.evaluation.statistics.bootstrap import ratio_interval

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext

logger = logging.getLogger(__name__)


class Gap(TypedDict, total=False):
    """The mean gap over the positions of one kind.

    Attributes:
        value: Mean Jensen–Shannon divergence, in nats; None if there is no such position.
        ci95: 95 % interval over documents; None if fewer than two have such a position.
        n: Number of positions.
    """

    value: float | None
    ci95: Interval | None
    n: int


class EquivarianceGap(TypedDict, total=False):
    """The equivariance gap of a model on a text.

    Attributes:
        reversed: After a word that role reversal exchanges.
        neutral: Where nothing has revealed a gender yet.
    """

    reversed: Gap
    neutral: Gap


def _not_negative(gaps: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(gaps, 0)


def mean_gap(sums: NDArray[np.float64], counts: NDArray[np.float64], seed: int = 0) -> Gap:
    """Pool the positions of all documents, with an interval over documents.

    Args:
        sums: Sum of the gaps of each document, in nats, `[documents]`.
        counts: Number of its positions, `[documents]`.
        seed: Seed of the bootstrap over documents.
    """
    n = int(counts.sum())
    if n == 0:
        return {"value": None, "ci95": None, "n": 0}
    return {"value": float(sums.sum() / n), "ci95": ratio_interval(sums, counts, seed, _not_negative), "n": n}


def _compute(context: "MeasureContext") -> EquivarianceGap | None:
    if context.inputs.text is None:
        return None
    from distill.evaluation.probes.equivariance_gap import text_gaps
    from distill.perturbation.reversed_vocabulary import ReversedVocabulary

    tokenizer = context.model.tokenizer
    vocabulary = ReversedVocabulary.from_tokenizer(tokenizer) if tokenizer.is_fast else None
    if vocabulary is None or not len(vocabulary.tokens):
        reason = "none of its tokens is a gendered word" if vocabulary else "it does not tell where a token stands"
        logger.warning("%s: no equivariance gap with this tokenizer: %s", context.model.path, reason)
        return None
    gaps = text_gaps(context.model, context.inputs.text, context.window, vocabulary, context.cache)
    return {
        "reversed": mean_gap(gaps["reversed"], gaps["reversed_n"], context.seed),
        "neutral": mean_gap(gaps["neutral"], gaps["neutral_n"], context.seed),
    }


def _comparability(metrics: Metrics, kind: str) -> tuple[Any, ...]:
    text, window = (get(metrics, "settings", key) for key in ("text_sha256", "context"))
    return text, window, get(metrics, "equivariance_gap", kind, "n")


def _line(kind: Literal["reversed", "neutral"], title: str, explanation: str) -> Line:
    return Line(
        Section.NO_SAMPLING,
        title,
        explanation,
        (kind, "value"),
        "figure",
        interval="ci95",
        notes=(Note("{} positions", (kind, "n"), "count"),),
        comparability=_comparability,
    )


EQUIVARIANCE_GAP = Measure(
    key="equivariance_gap",
    compute=_compute,
    entry=EquivarianceGap,
    lines=(
        _line(
            "reversed",
            "Equivariance gap",
            "How much the model’s predictions after a gendered word of a real text differ from its predictions after "
            "the same text with genders exchanged, read with genders exchanged, too: the Jensen–Shannon divergence of "
            "the two, in nats, with its 95 % interval over documents. 0: it treats both genders alike. A model whose "
            "pronouns are balanced at the price of coherence has a small pronoun gap and a large equivariance gap.",
        ),
        _line(
            "neutral",
            "Equivariance gap, neutral text",
            "The same where nothing has revealed a gender yet, as after “The nurse said that”: how far the model is "
            "from expecting both genders equally.",
        ),
    ),
    method="The equivariance gap compares the prediction after every prefix of the text with the one after its role "
    "reversal, in which first names stay; prefixes in which a name or another word reveals a gender are left out.",
)
