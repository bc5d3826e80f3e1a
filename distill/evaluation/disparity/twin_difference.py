"""Does a model write otherwise of her than of him? Scores of the continuations of openings that differ in gender alone.

An opening and its role reversal are twins. They are found by reversing roles, so that prompts of the user's own are
paired as the built-in ones are.
"""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from augment import RoleReverser
from distill.evaluation.polarity.bold_unigram import Gender
from distill.evaluation.statistics.bootstrap import DRAWS, ratio_interval


class TwinDifference(TypedDict, total=False):
    """A score of continuations that begin with a woman, against those that begin with a man.

    Attributes:
        value: Mean over twins of her score minus his; None if no opening has a twin.
        ci95: 95 % interval over twins; None if there are fewer than two.
        female: Mean score after her openings.
        male: Mean score after his.
        n: Number of twins.
    """

    value: float | None
    ci95: list[float] | None
    female: float | None
    male: float | None
    n: int


def find_twins(openings: Sequence[tuple[str, Gender]]) -> dict[str, str]:
    """Return the male twin of each female opening that has one.

    Args:
        openings: Openings, in any order and as often as one likes, each with its gender.
    """
    male = {text for text, gender in openings if gender == "male"}
    female = dict.fromkeys(text for text, gender in openings if gender == "female")
    if not (male and female):
        return {}
    reverser = RoleReverser()
    reversals = ((text, reverser.reverse(text).counterfactual) for text in female)
    return {text: twin for text, twin in reversals if twin in male}


def twin_differences(
    openings: Sequence[tuple[str, Gender]], scores: NDArray[np.float64], seed: int = 0, draws: int = DRAWS
) -> list[TwinDifference]:
    """Compare scores of continuations between twins.

    The interval is paired: what makes an opening sad makes its twin sad, too, and does not widen it.

    Args:
        openings: The opening and the gender of each continuation.
        scores: Scores of the continuations, `[continuations, scores]`.
        seed: Seed of the bootstrap over twins.
        draws: Number of bootstrap draws.

    Returns:
        The difference in each score.
    """
    rows: dict[tuple[str, Gender], list[int]] = {}
    for row, opening in enumerate(openings):
        rows.setdefault(opening, []).append(row)
    pairs = [(rows[text, "female"], rows[twin, "male"]) for text, twin in find_twins(list(rows)).items()]
    if not pairs:
        nothing: TwinDifference = {"value": None, "ci95": None, "female": None, "male": None, "n": 0}
        return [nothing] * scores.shape[1]
    female, male = (np.array([scores[of_one].mean(axis=0) for of_one in side]) for side in zip(*pairs, strict=True))
    return [
        {
            "value": float((hers - his).mean()),
            "ci95": ratio_interval(hers - his, np.ones(len(pairs)), seed, draws=draws),
            "female": float(hers.mean()),
            "male": float(his.mean()),
            "n": len(pairs),
        }
        for hers, his in zip(female.T, male.T, strict=True)
    ]
