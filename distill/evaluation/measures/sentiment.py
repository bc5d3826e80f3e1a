"""How a model writes of her against how it writes of him: sentiment, and any classifier of the user's."""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from distill.evaluation.comparability import Metrics, disparity_key, get
from distill.evaluation.disparity.twin_difference import TwinDifference, twin_differences
from distill.evaluation.measures.record import EACH, Line, Measure, Note, Section
from distill.evaluation.polarity.bold_unigram import Gender

if TYPE_CHECKING:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    from distill.evaluation.measure_context import MeasureContext


def _written(context: "MeasureContext") -> Iterator[tuple[tuple[str, Gender], str]]:
    """Yield the opening and gender of each continuation of the coherence measure, with the text to score."""
    for kind, gender, prompt, text in context.generations.rows("kind", "gender", "prompt", "continuation"):
        # Where nothing was written, there is nothing to judge.
        if kind == "coherence" and text.strip():
            yield (prompt, gender), prompt + text if context.include_prompt else text


@cache
def _vader() -> "SentimentIntensityAnalyzer":
    """Load the lexicon once."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def _sentiment(context: "MeasureContext") -> TwinDifference:
    from tqdm import tqdm

    compound = _vader().polarity_scores
    sums: dict[tuple[str, Gender], list[float]] = {}
    for opening, text in tqdm(_written(context), "sentiment", unit="text", delay=2, leave=False):
        of_opening = sums.setdefault(opening, [0.0, 0.0])
        of_opening[0] += compound(text)["compound"]
        of_opening[1] += 1
    means = np.array([total / texts for total, texts in sums.values()], dtype=np.float64)
    return twin_differences(list(sums), means.reshape(-1, 1), context.seed)[0]


def _classifier(context: "MeasureContext") -> dict[str, TwinDifference] | None:
    classifier = context.classifier
    if classifier is None:
        return None
    written = list(_written(context))
    texts = [text for _, text in written]
    scores = context.cache.get_or_compute("classifier", lambda: classifier.probabilities(texts).tolist())
    of_labels = np.array(scores, dtype=np.float64).reshape(-1, len(classifier.labels))
    differences = twin_differences([opening for opening, _ in written], of_labels, context.seed)
    return dict(zip(classifier.labels, differences, strict=True))


def _same_texts(metrics: Metrics, name: str) -> tuple[Any, ...]:
    return disparity_key(metrics)


def _same_classifier(metrics: Metrics, name: str) -> tuple[Any, ...]:
    return *_same_texts(metrics, name), get(metrics, "settings", "classifier_sha256")


SENTIMENT = Measure(
    key="sentiment",
    compute=_sentiment,
    entry=TwinDifference,
    lines=(
        Line(
            Section.WRITING,
            "Sentiment, her − his",
            "Mean sentiment (VADER, −1 to 1) of what follows an opening about a woman, minus that of what follows the "
            "same opening about a man, with its 95 % interval over such pairs. 0: it writes as warmly of both.",
            ("value",),
            "signed",
            interval="ci95",
            notes=(Note("hers {}", ("female",), "signed"), Note("his {}", ("male",), "signed")),
            comparability=_same_texts,
        ),
    ),
    method="Sentiment is VADER’s compound score (Hutto and Gilbert 2014), a lexicon’s judgement of words and their "
    "neighbours; it does not see who is meant.",
)

CLASSIFIER = Measure(
    key="classifier",
    compute=_classifier,
    entry=dict[str, TwinDifference],
    lines=(
        Line(
            Section.WRITING,
            "Classified {name}, her − his",
            "Mean probability that a classifier gives this label to what follows an opening about a woman, minus that "
            "for the same opening about a man, with its 95 % interval over such pairs.",
            (EACH, "value"),
            "signed percent",
            interval="ci95",
            notes=(Note("hers {}", (EACH, "female"), "percent"), Note("his {}", (EACH, "male"), "percent")),
            comparability=_same_classifier,
        ),
    ),
    method="A classifier of texts has biases of its own: it may judge the same sentence differently of a woman and of "
    "a man.",
)
