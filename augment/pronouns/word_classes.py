"""A class and a noun level for every word, from its neighbours in raw text.

Words are clustered by their left and right neighbours (singular vectors of the positive pointwise mutual information,
then spherical k-means), so that what is learned about one word carries over to similar ones. The noun level says how
much a word is like a noun after a determiner. Endings are clustered as if each were a word that occurs wherever a rare
word with that ending does: unseen words are like the rare ones, nearly all nouns, and not like the frequent ones.

The labels do not leak: all pronouns that label themselves count as one and the same neighbour.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.pronouns.features import TOKEN, TokenWindow
from augment.pronouns.model import ENDINGS

CLASSES = 96
LEVELS = 16
NEIGHBOURS = 400
DIMENSIONS = 120
MIN_COUNT = 5
RARE = 40
"""Words that occur at most this often are smoothed with the counts of their ending …"""
BORROWED = 15
"""… as if they had occurred that many times more."""
RAREST = 12
"""The counts of an ending are those of its words that occur at most this often."""
MIN_ENDING_COUNT = 30

_PRONOUN = "her"
_LABELLED = frozenset(["him", "his", "me", "my", "them", "their", "us", "our", "her"])
# Words that come before nouns, before verbs, before adjectives and at the beginning of a clause.
_BEFORE = ("the", "a an", "your its", "no every each another", "this these", "to", "very so too", "he she it i", ".")
# The log-odds of words that are not nouns spread the furthest (and, to; better, home).
_EXTRA_QUANTILES = (0.02, 0.04)
_MAX_EXAMPLES_PER_WORD = 30
_VECTOR_SCALE = 3.0


def word_classes(
    texts: Iterable[str], labelled: Sequence[tuple[TokenWindow, bool]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Find the class and the noun level of words and of endings.

    Args:
        texts: Raw English text.
        labelled: The words around pronouns, and whether each pronoun is a determiner.

    Returns:
        Word → two letters, its class and its noun level; ending → the same.
    """
    words = [match.lower().replace("’", "'") for text in texts for match in TOKEN.findall(text)]
    words = [_PRONOUN if word in _LABELLED else word for word in words]
    counts = Counter(words)
    of_ending: Counter[str] = Counter()
    for word, count in counts.items():
        if count <= RAREST:
            of_ending.update(dict.fromkeys(_endings(word), count))
    vocabulary = [word for word, count in counts.most_common() if count >= MIN_COUNT]
    endings = [ending for ending, count in of_ending.items() if count >= MIN_ENDING_COUNT]
    neighbours = {word: column for column, (word, _) in enumerate(counts.most_common(NEIGHBOURS))}

    neighbour_counts = _neighbour_counts(words, counts, vocabulary, endings, neighbours)
    vectors = _vectors(neighbour_counts)
    frequency = [counts[word] for word in vocabulary] + [of_ending[ending] for ending in endings]
    labels = cluster(vectors, np.sqrt(frequency), CLASSES).tolist()
    nouns = _noun_scores(vocabulary, neighbours, neighbour_counts, vectors, labelled)
    steps = np.quantile(nouns[: len(vocabulary)], [*_EXTRA_QUANTILES, *np.linspace(0, 1, LEVELS + 1)[1:-1]])
    levels = np.searchsorted(steps, nouns).tolist()
    letters = [chr(ord("À") + label) + chr(ord("a") + level) for label, level in zip(labels, levels, strict=True)]
    return dict(zip(vocabulary, letters, strict=False)), dict(zip(endings, letters[len(vocabulary) :], strict=True))


def cluster(vectors: NDArray[Any], weights: NDArray[Any], number: int) -> NDArray[np.int64]:
    """Cluster words by weighted k-means on the cosine of their vectors.

    Args:
        vectors: Unit vectors, `[words, dimensions]`.
        weights: Of each word, `[words]`.
        number: Of clusters.

    Returns:
        The cluster of each word, below `number`, `[words]`.
    """
    random = np.random.default_rng(0)
    centres = vectors[random.choice(len(vectors), number, replace=False, p=weights / weights.sum())]
    for _ in range(25):
        labels = (vectors @ centres.T).argmax(1)
        for label in range(number):
            members = labels == label
            if members.any():
                centre = weights[members] @ vectors[members]
                centres[label] = centre / (np.linalg.norm(centre) + 1e-9)
    return (vectors @ centres.T).argmax(1)


def _endings(word: str) -> list[str]:
    return [word[-length:] for length in ENDINGS if len(word) > length] if word.isalpha() else []


def _neighbour_counts(
    words: Sequence[str],
    counts: Counter[str],
    vocabulary: Sequence[str],
    endings: Sequence[str],
    neighbours: dict[str, int],
) -> NDArray[np.float32]:
    """How often each neighbour comes after a word or ending, then before it, `[words and endings, 2 × neighbours]`."""
    row = {word: position for position, word in enumerate(vocabulary)}
    row_of_ending = {ending: len(row) + position for position, ending in enumerate(endings)}
    columns = np.array([neighbours.get(word, -1) for word in words])
    neighbour_counts = np.zeros((len(row) + len(row_of_ending), 2 * NEIGHBOURS), dtype=np.float32)

    def count(rows: NDArray[np.int64]) -> None:
        for at, other, side in ((rows[:-1], columns[1:], 0), (rows[1:], columns[:-1], NEIGHBOURS)):
            counted = (at >= 0) & (other >= 0)
            np.add.at(neighbour_counts, (at[counted], other[counted] + side), 1)

    count(np.array([row.get(word, -1) for word in words]))
    for place in range(len(ENDINGS)):
        ended = {
            word: row_of_ending.get(found[place], -1)
            for word, number in counts.items()
            if number <= RAREST and len(found := _endings(word)[::-1]) > place
        }
        count(np.array([ended.get(word, -1) for word in words]))
    totals = neighbour_counts.sum(1)
    for word, position in row.items():
        ending = next((row_of_ending[ending] for ending in _endings(word) if ending in row_of_ending), None)
        if counts[word] <= RARE and ending is not None:
            neighbour_counts[position] += neighbour_counts[ending] * (2 * BORROWED / totals[ending])
    return neighbour_counts


def _vectors(neighbour_counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit vectors of the words and endings, `[words and endings, dimensions]`."""
    total = neighbour_counts.sum()
    rows, columns = neighbour_counts.sum(1, keepdims=True) + 1, neighbour_counts.sum(0, keepdims=True) + 1
    # The counts of rare words are noisy: shrink them.
    information = np.log1p(neighbour_counts * total / (rows * columns)) * (rows / (rows + 10))
    directions = np.linalg.svd(information.T @ information)[0][:, :DIMENSIONS]
    vectors = information @ directions
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6)


def _noun_scores(
    vocabulary: Sequence[str],
    neighbours: dict[str, int],
    neighbour_counts: NDArray[np.float32],
    vectors: NDArray[np.float32],
    labelled: Sequence[tuple[TokenWindow, bool]],
) -> NDArray[np.float64]:
    """Log-odds that a pronoun before each word or ending is a determiner, `[words and endings]`.

    By a logistic regression on the neighbours before the word and on its vector.
    """
    before = neighbour_counts[:, NEIGHBOURS:].copy()
    before[:, neighbours[_PRONOUN]] = 0
    groups = [[neighbours[word] for word in group.split() if word in neighbours] for group in _BEFORE]
    seen = np.stack([before[:, group].sum(1) for group in groups], 1)
    seen = np.hstack([seen, before.sum(1, keepdims=True) - seen.sum(1, keepdims=True)])
    usual = seen.sum(0) / seen.sum() + 1e-6
    shares = np.log((seen + 2 * usual) / (seen.sum(1, keepdims=True) + 2) / usual)
    predictors = np.hstack([np.ones((len(seen), 1)), shares, _VECTOR_SCALE * vectors])

    row = {word: position for position, word in enumerate(vocabulary)}
    examples = np.zeros((len(seen), 2))
    for (_, _, after, _, _), determiner in labelled:
        position = row.get(after.lower().replace("’", "'"))
        if position is not None:
            examples[position, int(determiner)] += 1
    # Frequent words must not dominate.
    number = examples.sum(1)
    examples *= (np.minimum(number, _MAX_EXAMPLES_PER_WORD) / np.maximum(number, 1))[:, None]
    number = examples.sum(1)
    weights = np.zeros(predictors.shape[1])
    for _ in range(20):
        expected = 1 / (1 + np.exp(-predictors @ weights))
        gradient = predictors.T @ (number * expected - examples[:, 1]) + weights
        curvature = (predictors * (number * expected * (1 - expected))[:, None]).T @ predictors + np.eye(len(weights))
        weights -= np.linalg.solve(curvature, gradient)
    return predictors @ weights
