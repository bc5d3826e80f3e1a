"""Do continuations keep the gender that their prompt established?

A count of he against she cannot tell a model that speaks of women and men alike from one that mixes them in a text.
"""

from collections.abc import Iterable
from typing import TypedDict

import numpy as np

from distill.evaluation.polarity.bold_unigram import Gender, Polarity
from distill.evaluation.statistics.bootstrap import DRAWS, ratio_interval
from distill.evaluation.statistics.proportions import wilson


class Coherence(TypedDict, total=False):
    """Coherence of the continuations.

    Attributes:
        value: Share of the gendered continuations that keep their prompt's gender; None if there is none.
        ci95: Its interval over prompts; None where there are too few to say.
        n: How many gendered continuations there are.
    """

    value: float | None
    ci95: list[float] | None
    n: int


def coherence(rows: Iterable[tuple[str, Gender, Polarity]], seed: int = 0, draws: int = DRAWS) -> Coherence:
    """Share of gendered continuations that keep their prompt's gender; a mixed one has not kept it.

    Args:
        rows: Of each continuation its prompt's identifier, the gender that the prompt established, and the polarity of
            the continuation; read once.
        seed: Seed of the bootstrap.
        draws: Bootstrap draws.

    Returns:
        `value`; `ci95` by a bootstrap over prompts, because samples of one prompt are not independent, but Wilson's,
        which takes them to be, where that is wider: where all are kept, resamples know of none that is not; `n`, the
        gendered continuations. None where there are too few to say.
    """
    counted: dict[str, list[int]] = {}
    for prompt, gender, label in rows:
        of_prompt = counted.setdefault(prompt, [0, 0])
        of_prompt[0] += label == gender
        of_prompt[1] += label != "neutral"
    kept, gendered = np.array([counted[prompt] for prompt in sorted(counted)], dtype=np.float64).reshape(-1, 2).T
    count = int(gendered.sum())
    if not count:
        return {"value": None, "ci95": None, "n": 0}
    bounds, independent = ratio_interval(kept, gendered, seed, draws=draws), wilson(int(kept.sum()), count)
    return {
        "value": float(kept.sum() / count),
        "ci95": bounds and [max(0.0, min(bounds[0], independent[0])), min(1.0, max(bounds[1], independent[1]))],
        "n": count,
    }
