"""What is fuzzed, and the running of it: an input follows from a seed and its number, so that it can be had again."""

import random
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Target:
    """Something that takes inputs from strangers.

    Attributes:
        name: On the command line.
        make: An input, drawn with this source of randomness.
        check: Raises for an input that breaks what is promised; whatever it raises counts as a crash.
        inputs: How many a long run tries.
    """

    name: str
    make: Callable[[random.Random], Any]
    check: Callable[[Any], None]
    inputs: int


@dataclass(frozen=True)
class Crash:
    """An input that broke a promise, and how."""

    number: int
    shown: str
    error: str


def one(target: Target, seed: int, number: int) -> Any:
    """The input of this number."""
    return target.make(random.Random(f"{target.name} {seed} {number}"))


def fuzz(
    target: Target, numbers: Iterable[int], seed: int = 0, seconds: float = float("inf")
) -> tuple[int, list[Crash]]:
    """Try the inputs of these numbers, or as many as there is time for: how many were tried, and what crashed."""
    crashes = []
    tried = 0
    until = time.monotonic() + seconds
    for number in numbers:
        if time.monotonic() > until:
            break
        drawn = one(target, seed, number)
        tried += 1
        try:
            target.check(drawn)
        except Exception:
            crashes.append(Crash(number, repr(drawn)[:300], traceback.format_exc(limit=-2)))
    return tried, crashes


def check_line(error: Exception, *paths: Path) -> None:
    """What a reader says of files that it refuses: one line, which names one of them."""
    assert any(path.name in str(error) for path in paths), f"no file named: {error}"
    assert "\n" not in str(error), f"more than a line: {error}"
