"""Diversity of continuations: distinct word bigrams, counted on disk."""

import re
import tempfile
from array import array
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_PARTS = 64
_BUFFERED = 1 << 18
"""Number of bigrams kept in memory before they are written to disk."""
_EDGES = np.linspace(-(2**63), 2**63, _PARTS + 1)[1:-1].astype(np.int64)


def distinct_2(continuations: Iterable[str], folder: Path | None = None) -> float | None:
    """Compute the share of word bigrams that are distinct, ignoring case.

    Source: Li et al. 2016, *A Diversity-Promoting Objective Function* (arXiv 1510.03055). It falls with the amount of
    text, so compare it only between models that continued the same prompts.

    Bigrams are identified by 64-bit hashes: among a hundred million, there is a collision in one of 4,000 evaluations.

    Args:
        continuations: The texts; iterated once.
        folder: Folder for unnamed temporary files of hashes; None for the default temporary folder.

    Returns:
        The share, or None if there are no bigrams.
    """
    total, buffer = 0, array("q")
    with ExitStack() as stack:
        parts = [stack.enter_context(tempfile.TemporaryFile(dir=folder)) for _ in range(_PARTS)]

        def flush() -> None:
            hashes = np.unique(np.array(buffer, dtype=np.int64))
            for part, piece in zip(parts, np.split(hashes, np.searchsorted(hashes, _EDGES)), strict=True):
                part.write(piece.tobytes())
            del buffer[:]

        for text in continuations:
            buffer.extend(map(hash, pairwise(_WORD.findall(text.lower()))))
            if len(buffer) >= _BUFFERED:
                total += len(buffer)
                flush()
        total += len(buffer)
        flush()
        distinct = 0
        for part in parts:
            part.seek(0)
            distinct += len(np.unique(np.frombuffer(part.read(), dtype=np.int64)))
    return distinct / total if total else None
