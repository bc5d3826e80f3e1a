"""Gender of words after hard debiasing: neutralise words that are not gendered by definition, and equalise pairs.

Source: Bolukbasi et al. 2016, *Man is to Computer Programmer as Woman is to Homemaker? Debiasing Word Embeddings*
(NeurIPS, arXiv 1607.06520), section 6, with the words of tolga-b/debiaswe, in `debias_words.yaml`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import yaml
from numpy.typing import NDArray

from distill.errors import UserError

Floats = NDArray[np.float64]
WordVectors = NDArray[np.float32] | NDArray[np.float64]
WordPair = tuple[str, str]

_FEWEST_PAIRS = 5


@dataclass(frozen=True)
class DebiasWords:
    """Word lists for hard debiasing.

    Attributes:
        definitional: Pairs (female, male) that span the gender direction.
        equalised: Pairs that should differ only in gender, symmetrically about 0.
        gender_specific: Words that have a gender by definition and keep it; all other words lose it.
    """

    definitional: tuple[WordPair, ...]
    equalised: tuple[WordPair, ...]
    gender_specific: frozenset[str]


@cache
def debias_words() -> DebiasWords:
    """Return the lists of Bolukbasi et al.: 10 definitional pairs, 52 equalised pairs, 1,441 gender-specific words."""
    content = yaml.safe_load((files("distill.evaluation.polarity") / "debias_words.yaml").read_text(encoding="utf-8"))
    return DebiasWords(
        definitional=tuple((female, male) for female, male in map(str.split, content["definitional"])),
        equalised=tuple((one, other) for one, other in map(str.split, content["equalised"])),
        gender_specific=frozenset(content["gender_specific"].split()),
    )


def gender_direction(vectors: Floats, row_of: Mapping[str, int], definitional: Sequence[WordPair]) -> Floats:
    """Return the first principal component of the definitional pairs, each centred; it points to the female side.

    Args:
        vectors: Unit vectors, `[words, dimensions]`.
        row_of: Row of each word.
        definitional: Pairs (female, male); pairs with unknown words are skipped.

    Raises:
        UserError: If fewer than five pairs are known.
    """
    known = [(row_of[female], row_of[male]) for female, male in definitional if female in row_of and male in row_of]
    if len(known) < _FEWEST_PAIRS:
        raise UserError(
            f"the vectors contain only {len(known)} of {len(definitional)} pairs such as "
            f"{' and '.join(definitional[0])}, too few for a gender direction; give vectors of English words"
        )
    halves = np.array([(vectors[female] - vectors[male]) / 2 for female, male in known])
    # Each pair contributes +half and −half; the halves alone have the same principal component about the origin.
    direction = np.linalg.svd(halves, full_matrices=False)[2][0]
    return direction if halves.sum(axis=0) @ direction > 0 else -direction


def hard_debiased(names: Sequence[str], vectors: WordVectors, lists: DebiasWords) -> Floats:
    """Return unit vectors `[words, dimensions]` after neutralising and equalising.

    Args:
        names: The words.
        vectors: Their vectors, `[words, dimensions]`, of any length.
        lists: Word lists.

    Raises:
        UserError: If too few definitional pairs are known.
    """
    unit = _unit(np.asarray(vectors, dtype=np.float64))
    row_of = {name: row for row, name in enumerate(names)}
    direction = gender_direction(unit, row_of, lists.definitional)
    neutral = np.array([name not in lists.gender_specific for name in names])
    unit[neutral] = _unit(unit[neutral] - np.outer(unit[neutral] @ direction, direction))
    cases = (str.lower, str.title, str.upper)
    for one, other in dict.fromkeys((case(one), case(other)) for one, other in lists.equalised for case in cases):
        if one in row_of and other in row_of:
            rows = [row_of[one], row_of[other]]
            middle = unit[rows].mean(axis=0)
            middle -= (middle @ direction) * direction
            reach = np.sqrt(max(0.0, 1 - middle @ middle))
            towards = 1.0 if (unit[rows[0]] - unit[rows[1]]) @ direction >= 0 else -1.0
            unit[rows] = [middle + towards * reach * direction, middle - towards * reach * direction]
    return unit


def word_polarities(names: Sequence[str], vectors: WordVectors, lists: DebiasWords | None = None) -> dict[str, float]:
    """Return the cosine of each word's debiased vector with she − he, for the words that keep a gender.

    Args:
        names: The words.
        vectors: Their vectors, `[words, dimensions]`.
        lists: Word lists; None for those of Bolukbasi et al.

    Raises:
        UserError: If she or he is unknown, or too few definitional pairs are known.
    """
    lists = lists or debias_words()
    row_of = {name: row for row, name in enumerate(names)}
    if missing := [name for name in ("she", "he") if name not in row_of]:
        raise UserError(f"the vectors contain no {' and no '.join(missing)}; give vectors of English words")
    debiased = hard_debiased(names, vectors, lists)
    axis = debiased[row_of["she"]] - debiased[row_of["he"]]
    cosines = debiased @ (axis / np.linalg.norm(axis))
    cosines[np.abs(cosines) < 1e-9] = 0.0
    return {name: float(cosine) for name, cosine in zip(names, cosines, strict=True) if cosine}


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
