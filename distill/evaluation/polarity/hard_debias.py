"""The gender of words after hard debiasing: neutralise what is not gendered by definition, equalise pairs.

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
WordPair = tuple[str, str]

_FEWEST_PAIRS = 5


@dataclass(frozen=True)
class DebiasWords:
    """Word lists that the procedure needs.

    Attributes:
        definitional: Pairs (female, male) that span the gender direction.
        equalised: Pairs that shall differ in their gender only, and by the same to either side.
        gender_specific: Words that have a gender by definition, and keep it; all others lose it.
    """

    definitional: tuple[WordPair, ...]
    equalised: tuple[WordPair, ...]
    gender_specific: frozenset[str]


@cache
def debias_words() -> DebiasWords:
    """Those of Bolukbasi et al.: 10 definitional pairs, 52 equalised ones, 1,441 gender-specific words."""
    content = yaml.safe_load((files("distill.evaluation.polarity") / "debias_words.yaml").read_text(encoding="utf-8"))
    return DebiasWords(
        definitional=tuple((female, male) for female, male in map(str.split, content["definitional"])),
        equalised=tuple((one, other) for one, other in map(str.split, content["equalised"])),
        gender_specific=frozenset(content["gender_specific"].split()),
    )


def gender_direction(vectors: Floats, row_of: Mapping[str, int], definitional: Sequence[WordPair]) -> Floats:
    """First principal component of the definitional pairs, each centred on its own mean; towards the female side.

    Args:
        vectors: Of unit length, `[words, dimensions]`.
        row_of: Row of each word.
        definitional: Pairs (female, male); those that are not among the words are passed over.

    Raises:
        UserError: If fewer than five of the pairs are among the words.
    """
    known = [(row_of[female], row_of[male]) for female, male in definitional if female in row_of and male in row_of]
    if len(known) < _FEWEST_PAIRS:
        raise UserError(
            f"the vectors hold {len(known)} of {len(definitional)} pairs such as {' and '.join(definitional[0])}, too "
            "few for a gender direction; give vectors of English words"
        )
    halves = np.array([(vectors[female] - vectors[male]) / 2 for female, male in known])
    # Each pair adds +half and −half: the same principal component as the halves alone, about the origin.
    direction = np.linalg.svd(halves, full_matrices=False)[2][0]
    return direction if halves.sum(axis=0) @ direction > 0 else -direction


def hard_debiased(names: Sequence[str], vectors: Floats, lists: DebiasWords) -> Floats:
    """Unit vectors `[words, dimensions]` after neutralising and equalising.

    Args:
        names: The words.
        vectors: Theirs, `[words, dimensions]`, of any length.
        lists: Which words have a gender.
    """
    vectors = _unit(np.asarray(vectors, dtype=np.float64))
    row_of = {name: row for row, name in enumerate(names)}
    direction = gender_direction(vectors, row_of, lists.definitional)
    neutral = np.array([name not in lists.gender_specific for name in names])
    vectors[neutral] = _unit(vectors[neutral] - np.outer(vectors[neutral] @ direction, direction))
    cases = (str.lower, str.title, str.upper)
    for one, other in dict.fromkeys((case(one), case(other)) for one, other in lists.equalised for case in cases):
        if one in row_of and other in row_of:
            rows = [row_of[one], row_of[other]]
            middle = vectors[rows].mean(axis=0)
            middle -= (middle @ direction) * direction
            reach = np.sqrt(max(0.0, 1 - middle @ middle))
            towards = 1.0 if (vectors[rows[0]] - vectors[rows[1]]) @ direction >= 0 else -1.0
            vectors[rows] = [middle + towards * reach * direction, middle - towards * reach * direction]
    return vectors


def word_polarities(names: Sequence[str], vectors: Floats, lists: DebiasWords | None = None) -> dict[str, float]:
    """Cosine of each word's debiased vector with she − he, for the words that keep a gender.

    Args:
        names: The words.
        vectors: Theirs, `[words, dimensions]`.
        lists: Which words have a gender; those of Bolukbasi et al. for None.

    Raises:
        UserError: If the words lack he and she, or too many definitional pairs.
    """
    lists = lists or debias_words()
    row_of = {name: row for row, name in enumerate(names)}
    if missing := [name for name in ("she", "he") if name not in row_of]:
        raise UserError(f"the vectors hold no {' and no '.join(missing)}; give vectors of English words")
    debiased = hard_debiased(names, vectors, lists)
    axis = debiased[row_of["she"]] - debiased[row_of["he"]]
    cosines = debiased @ (axis / np.linalg.norm(axis))
    cosines[np.abs(cosines) < 1e-9] = 0.0
    return {name: float(cosine) for name, cosine in zip(names, cosines, strict=True) if cosine}


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
