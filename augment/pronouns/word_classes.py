"""What a word is like, told by the words beside it in raw text: a class, and how far it is a noun behind a determiner.

Words are sorted by what stands left and right of them (singular vectors of the positive pointwise mutual information,
then k-means on the sphere), so that what was learned of one word holds for others of its kind. Endings are sorted as if
each were a word that stands wherever a rare word with that ending does: words that never were seen are like the rare
ones, nearly all nouns, and not like the frequent ones.

What is to be predicted does not leak in: pronouns that label themselves all count as one and the same neighbour.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from augment.pronouns.model import ENDINGS, TOKEN, Context

CLASSES = 96
LEVELS = 16
NEIGHBOURS = 400
DIMENSIONS = 120
LEAST_COUNT = 5
RARE = 40
"""Of words that occur no more often than this too little is seen: they borrow from their ending …"""
BORROWED = 15
"""… as if they had been seen that many times more."""
RAREST = 12
"""Endings stand for the words that occur no more often than this."""
LEAST_OF_ENDING = 30

_PRONOUN = "her"
_LABELLED = frozenset(["him", "his", "me", "my", "them", "their", "us", "our", "her"])
# What stands before nouns, before verbs, before adjectives and at the beginning of a clause.
_BEFORE = ("the", "a an", "your its", "no every each another", "this these", "to", "very so too", "he she it i", ".")
# Among words that are no nouns log-odds reach furthest (and, to; better, home).
_FINER = (0.02, 0.04)
_MOST_OF_ONE = 30
_SPREAD = 3.0


def word_classes(
    texts: Iterable[str], labelled: Sequence[tuple[Context, bool]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Word → class and ending → class: a letter for the class, and one for how far it is a noun.

    `labelled`: contexts, and whether the pronoun there is a determiner.
    """
    words = [match.lower().replace("’", "'") for text in texts for match in TOKEN.findall(text)]
    words = [_PRONOUN if word in _LABELLED else word for word in words]
    counts = Counter(words)
    of_ending: Counter[str] = Counter()
    for word, count in counts.items():
        if count <= RAREST:
            of_ending.update(dict.fromkeys(_endings(word), count))
    vocabulary = [word for word, count in counts.most_common() if count >= LEAST_COUNT]
    endings = [ending for ending, count in of_ending.items() if count >= LEAST_OF_ENDING]
    neighbours = {word: column for column, (word, _) in enumerate(counts.most_common(NEIGHBOURS))}

    beside = _beside(words, counts, vocabulary, endings, neighbours)
    vectors = _vectors(beside)
    frequency = [counts[word] for word in vocabulary] + [of_ending[ending] for ending in endings]
    labels = cluster(vectors, np.sqrt(frequency), CLASSES).tolist()
    nouns = _noun_scores(vocabulary, neighbours, beside, vectors, labelled)
    steps = np.quantile(nouns[: len(vocabulary)], [*_FINER, *np.linspace(0, 1, LEVELS + 1)[1:-1]])
    levels = np.searchsorted(steps, nouns).tolist()
    told = [chr(ord("À") + label) + chr(ord("a") + level) for label, level in zip(labels, levels, strict=True)]
    return dict(zip(vocabulary, told, strict=False)), dict(zip(endings, told[len(vocabulary) :], strict=True))


def cluster(vectors: np.ndarray, weights: np.ndarray, number: int) -> np.ndarray:
    """[words] class of each, below `number`: k-means by the cosine of their vectors [words, dimensions]."""
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


def _beside(
    words: Sequence[str],
    counts: Counter[str],
    vocabulary: Sequence[str],
    endings: Sequence[str],
    neighbours: dict[str, int],
) -> np.ndarray:
    """[words and endings, 2 × neighbours] how often each neighbour stands behind it, then before it."""
    row = {word: position for position, word in enumerate(vocabulary)}
    row_of_ending = {ending: len(row) + position for position, ending in enumerate(endings)}
    columns = np.array([neighbours.get(word, -1) for word in words])
    beside = np.zeros((len(row) + len(row_of_ending), 2 * NEIGHBOURS), dtype=np.float32)

    def count(rows: np.ndarray) -> None:
        for at, other, side in ((rows[:-1], columns[1:], 0), (rows[1:], columns[:-1], NEIGHBOURS)):
            counted = (at >= 0) & (other >= 0)
            np.add.at(beside, (at[counted], other[counted] + side), 1)

    count(np.array([row.get(word, -1) for word in words]))
    for place in range(len(ENDINGS)):
        ended = {
            word: row_of_ending.get(found[place], -1)
            for word, number in counts.items()
            if number <= RAREST and len(found := _endings(word)[::-1]) > place
        }
        count(np.array([ended.get(word, -1) for word in words]))
    seen = beside.sum(1)
    for word, position in row.items():
        ending = next((row_of_ending[ending] for ending in _endings(word) if ending in row_of_ending), None)
        if counts[word] <= RARE and ending is not None:
            beside[position] += beside[ending] * (2 * BORROWED / seen[ending])
    return beside


def _vectors(beside: np.ndarray) -> np.ndarray:
    """[words, dimensions] unit vectors."""
    total, rows, columns = beside.sum(), beside.sum(1, keepdims=True) + 1, beside.sum(0, keepdims=True) + 1
    # Rare words say little of where they stand.
    information = np.log1p(beside * total / (rows * columns)) * (rows / (rows + 10))
    directions = np.linalg.svd(information.T @ information)[0][:, :DIMENSIONS]
    vectors = information @ directions
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6)


def _noun_scores(
    vocabulary: Sequence[str],
    neighbours: dict[str, int],
    beside: np.ndarray,
    vectors: np.ndarray,
    labelled: Sequence[tuple[Context, bool]],
) -> np.ndarray:
    """[words and endings] log-odds that a pronoun before it is a determiner, by a logistic regression on its places."""
    before = beside[:, NEIGHBOURS:].copy()
    before[:, neighbours[_PRONOUN]] = 0
    groups = [[neighbours[word] for word in group.split() if word in neighbours] for group in _BEFORE]
    seen = np.stack([before[:, group].sum(1) for group in groups], 1)
    seen = np.hstack([seen, before.sum(1, keepdims=True) - seen.sum(1, keepdims=True)])
    usual = seen.sum(0) / seen.sum() + 1e-6
    shares = np.log((seen + 2 * usual) / (seen.sum(1, keepdims=True) + 2) / usual)
    told = np.hstack([np.ones((len(seen), 1)), shares, _SPREAD * vectors])

    row = {word: position for position, word in enumerate(vocabulary)}
    examples = np.zeros((len(seen), 2))
    for (_, _, after, _, _), determiner in labelled:
        position = row.get(after.lower().replace("’", "'"))
        if position is not None:
            examples[position, int(determiner)] += 1
    # A frequent word is one word among others.
    number = examples.sum(1)
    examples *= (np.minimum(number, _MOST_OF_ONE) / np.maximum(number, 1))[:, None]
    number = examples.sum(1)
    weights = np.zeros(told.shape[1])
    for _ in range(20):
        expected = 1 / (1 + np.exp(-told @ weights))
        gradient = told.T @ (number * expected - examples[:, 1]) + weights
        curvature = (told * (number * expected * (1 - expected))[:, None]).T @ told + np.eye(len(weights))
        weights -= np.linalg.solve(curvature, gradient)
    return told @ weights
