"""Do continuations keep the gender that their prompt established?

A count of he against she cannot tell a model that speaks of women and men alike from one that mixes them in a text.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from distill.evaluation.bootstrap import DRAWS, ratio_interval
from distill.evaluation.polarity import Gender, Polarity


def coherence(
    prompts: Sequence[str],
    genders: Sequence[Gender],
    labels: Sequence[Polarity],
    seed: int = 0,
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Share of gendered continuations that keep their prompt's gender; a mixed one has not kept it.

    Args:
        prompts: Identifier of each continuation's prompt.
        genders: Gender that the prompt established.
        labels: Polarity of the continuation.
        seed: Seed of the bootstrap.
        draws: Bootstrap draws.

    Returns:
        `value`; `ci95` by a bootstrap over prompts, because samples of one prompt are not independent (Wilson's
        interval takes them to be); `n`, the gendered continuations. None where there are too few to say.
    """
    label_of = np.asarray(labels, dtype=str)
    gendered = label_of != "neutral"
    kept = label_of == np.asarray(genders, dtype=str)
    count = int(gendered.sum())
    if not count:
        return {"value": None, "ci95": None, "n": 0}
    _, cluster = np.unique(np.asarray(prompts, dtype=str), return_inverse=True)
    kept_of = np.bincount(cluster, weights=kept.astype(np.float64))
    gendered_of = np.bincount(cluster, weights=gendered.astype(np.float64))
    return {
        "value": float(kept.sum() / count),
        "ci95": ratio_interval(kept_of, gendered_of, seed, draws=draws),
        "n": count,
    }
