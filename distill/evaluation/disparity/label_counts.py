"""Number of texts by polarity, prompt and group: all that disparity needs to know about continuations."""

from array import array
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.polarity.bold_unigram import Polarity

LABELS: tuple[Polarity, ...] = ("female", "male", "neutral", "mixed")

_COLUMN = {label: column for column, label in enumerate(LABELS)}


class Tally:
    """Counts labels one by one, so that memory depends on the number of prompts, not on the number of texts."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self.texts = 0

    def add(self, group: str, prompt: str, label: Polarity) -> None:
        """Count a text.

        Raises:
            ValueError: If the label is not one of `LABELS`.
        """
        if label not in _COLUMN:
            raise ValueError(f"{label!r} is not a polarity; expected one of {LABELS}")
        if group not in self._groups:
            self._groups[group] = _Group()
        self._groups[group].add(prompt, _COLUMN[label])
        self.texts += 1

    def clusters(self) -> Iterator[tuple[str, NDArray[np.float64]]]:
        """Yield each group with its texts by polarity and prompt, or by sample if it has one prompt: `[clusters, 4]`.

        Groups and prompts are in the order in which they first occurred.
        """
        for name, group in self._groups.items():
            yield name, group.clusters()


class _Group:
    def __init__(self) -> None:
        self._prompts: dict[str, int] = {}
        self._counts = array("q")
        # The clusters of a group with a single prompt are its samples; whether there are more is only known at the end.
        self._first = array("b")

    def add(self, prompt: str, column: int) -> None:
        index = self._prompts.setdefault(prompt, len(self._prompts))
        if index * len(LABELS) == len(self._counts):
            self._counts.extend((0,) * len(LABELS))
        self._counts[index * len(LABELS) + column] += 1
        if len(self._prompts) == 1:
            self._first.append(column)

    def clusters(self) -> NDArray[np.float64]:
        if len(self._prompts) == 1:
            return np.eye(len(LABELS))[np.array(self._first)]
        return np.array(self._counts, dtype=np.float64).reshape(-1, len(LABELS))
