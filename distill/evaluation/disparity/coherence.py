"""Do continuations keep the gender that their prompt established?

Counts of he and she alone cannot distinguish a model that speaks of women and men equally often from one that mixes
them up within a text.
"""

from collections.abc import Iterable
from typing import TypedDict

import numpy as np

from distill.evaluation.polarity.bold_unigram import Gender, Polarity
from distill.evaluation.statistics.bootstrap import DRAWS
from distill.evaluation.statistics.proportions import clustered_interval


class Coherence(TypedDict, total=False):
    """Coherence of the continuations.

    Attributes:
        value: Share of the gendered continuations that keep their prompt's gender; None if there are none.
        ci95: 95 % interval over prompts; None if there are too few prompts.
        n: Number of gendered continuations.
    """

    value: float | None
    ci95: list[float] | None
    n: int


def coherence(rows: Iterable[tuple[str, Gender, Polarity]], seed: int = 0, draws: int = DRAWS) -> Coherence:
    """Compute the share of gendered continuations that keep their prompt's gender; a mixed one does not keep it.

    Args:
        rows: For each continuation, the identifier of its prompt, the gender that the prompt establishes, and the
            polarity of the continuation; iterated once.
        seed: Seed of the bootstrap.
        draws: Bootstrap draws.

    Returns:
        `value`; `ci95`, from a bootstrap over prompts; `n`.
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
    return {
        "value": float(kept.sum() / count),
        "ci95": clustered_interval(kept, gendered, seed, draws),
        "n": count,
    }
