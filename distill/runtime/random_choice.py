"""Choices that a seed repeats on every machine and in every version of Python."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def pick(rng: random.Random, options: Sequence[T]) -> T:
    """Choose one of the options, by `Random.random`: the only method whose sequence is guaranteed not to change."""
    return options[int(rng.random() * len(options))]
