"""Read evaluations of older versions as if the current one had written them."""

from typing import Any

import pandas as pd

from distill.evaluation.comparability import MAIN_POLARITY, get
from distill.evaluation.disparity.rescoring import SCORED, count_labels
from distill.evaluation.disparity.scores import noise_free_scores, odds_of_clusters
from distill.evaluation.margins import Margins
from distill.evaluation.polarity.bold_unigram import unigram
from distill.evaluation.schema import SCHEMA

_OF_SCHEMA_1 = ("rms_log_odds", "fair_rms_log_odds", "fair_rms_high")
"""Keys of a disparity that schema 2 defines otherwise, or no longer has."""


def without_old_keys(metrics: Any) -> Any:
    """Return a metrics.json of schema 1 without what schema 2 defines otherwise; anything else as it is.

    Schema 1 knew neither noise-free disparities nor margins; its root mean square contained the sampling noise.
    """
    disparity = get(metrics, "disparity")
    if get(metrics, "schema") != 1 or not isinstance(disparity, dict):
        return metrics
    kept = {
        polarity: {key: value for key, value in scores.items() if key not in _OF_SCHEMA_1}
        if isinstance(scores, dict)
        else scores
        for polarity, scores in disparity.items()
    }
    return {**metrics, "disparity": kept}


def upgrade(metrics: dict[str, Any], generations: pd.DataFrame) -> dict[str, Any]:
    """Add what schema 1 lacks, as far as it follows from the continuations: the disparity by the main polarity.

    Args:
        metrics: Valid content of a metrics.json, as `without_old_keys` returns it.
        generations: The continuations that it describes.
    """
    if metrics["schema"] == SCHEMA:
        return metrics
    upgraded = {**metrics, "schema": SCHEMA}
    scores = get(metrics, "disparity", MAIN_POLARITY)
    if not scores:
        return upgraded
    include_prompt = get(metrics, "settings", "include_prompt") is True
    columns = [generations[name] for name in SCORED]
    tally = count_labels(zip(*columns, strict=True), unigram, include_prompt)
    groups = list(tally.clusters())
    gendered = [(name, clusters) for name, clusters in groups if clusters[:, :2].sum()]
    if not gendered:
        return upgraded
    names, counts = [name for name, _ in gendered], [clusters for _, clusters in gendered]
    added = noise_free_scores(odds_of_clusters(counts), names, tally.texts / len(groups), Margins().parity)
    return {**upgraded, "disparity": {**metrics["disparity"], MAIN_POLARITY: {**scores, **added}}}
