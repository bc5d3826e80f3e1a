"""Fuzz targets and the loop over their inputs: an input is determined by a seed and its number, and so reproducible."""

import random
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Target:
    """Something that accepts untrusted input.

    Attributes:
        name: The name on the command line.
        make: Makes an input with a source of randomness.
        check: Raises an exception, which counts as a crash, if an input breaks a promise.
        inputs: Number of inputs in a long run.
    """

    name: str
    make: Callable[[random.Random], Any]
    check: Callable[[Any], None]
    inputs: int


@dataclass(frozen=True)
class Crash:
    """An input that broke a promise.

    Attributes:
        number: The number of the input.
        shown: Its beginning.
        error: The end of the traceback.
    """

    number: int
    shown: str
    error: str


def one(target: Target, seed: int, number: int) -> Any:
    """The input with this number."""
    return target.make(random.Random(f"{target.name} {seed} {number}"))


def fuzz(
    target: Target, numbers: Iterable[int], seed: int = 0, seconds: float = float("inf")
) -> tuple[int, list[Crash]]:
    """Try the inputs with these numbers.

    Args:
        target: What to fuzz.
        numbers: Numbers of the inputs.
        seed: Another seed gives other inputs.
        seconds: Stop after this time.

    Returns:
        How many inputs were tried, and the crashes.
    """
    crashes = []
    tried = 0
    until = time.monotonic() + seconds
    for number in numbers:
        if time.monotonic() > until:
            break
        case = one(target, seed, number)
        tried += 1
        try:
            target.check(case)
        except Exception:
            crashes.append(Crash(number, repr(case)[:300], traceback.format_exc(limit=-2)))
    return tried, crashes


def check_line(error: Exception, *paths: Path) -> None:
    """Check that the error of a reader is one line, and names one of the files."""
    assert any(path.name in str(error) for path in paths), f"no file is named: {error}"
    assert "\n" not in str(error), f"more than one line: {error}"
