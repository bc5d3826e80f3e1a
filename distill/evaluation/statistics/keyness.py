"""Which words does one model write more often than another?"""

from collections.abc import Iterable, Mapping
from math import log, sqrt
from typing import NamedTuple


class Keyness(NamedTuple):
    """How much more often the second of two models writes a word.

    Attributes:
        word: The word.
        first: Number of times that the first model wrote it.
        second: Number of times that the second model wrote it.
        change: Log-odds of the word in the second model's texts minus those in the first model's, in nats, shrunk
            towards 0 by the prior.
        z: The change divided by its standard deviation.
    """

    word: str
    first: int
    second: int
    change: float
    z: float


def keyness(first: Mapping[str, int], second: Mapping[str, int], prior: float | None = None) -> list[Keyness]:
    """Compare the words of two models by weighted log-odds with an informative Dirichlet prior.

    Words of one text are not independent, so that z ranks words and is no test.

    Source: Monroe, Colaresi & Quinn 2008, *Fightin' Words*, Political Analysis 16, equations 15, 16, 22 and 23.

    Args:
        first: Number of times that the first model wrote each word.
        second: The same for the second model.
        prior: Number of words that the prior weighs, α₀. It is divided among the words by their shares in the texts of
            both models; above 0. Default: as many as both models wrote.

    Returns:
        Every word that either model wrote, those with the largest |z| first.
    """
    totals = sum(first.values()), sum(second.values())
    both = sum(totals)
    size = both if prior is None else prior

    def log_odds(count: int, total: int, weight: float) -> float:
        return log(count + weight) - log(total + size - count - weight)

    found = []
    for word in _vocabulary(first, second):
        before, after = first.get(word, 0), second.get(word, 0)
        weight = size * (before + after) / both
        if before + after == both:
            change = 0.0  # the only word: its odds are infinite in either
        else:
            change = log_odds(after, totals[1], weight) - log_odds(before, totals[0], weight)
        deviation = sqrt(1 / (before + weight) + 1 / (after + weight))
        found.append(Keyness(word, before, after, change, change / deviation))
    return sorted(found, key=lambda key: (-abs(key.z), key.word))


def _vocabulary(first: Mapping[str, int], second: Mapping[str, int]) -> Iterable[str]:
    return (word for word in dict.fromkeys([*first, *second]) if first.get(word, 0) + second.get(word, 0))
