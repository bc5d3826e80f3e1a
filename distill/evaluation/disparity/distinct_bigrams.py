"""How varied are continuations? Pairs of neighbouring words, counted on disk."""

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
"""Pairs kept in memory before they are written to disk."""
_EDGES = np.linspace(-(2**63), 2**63, _PARTS + 1)[1:-1].astype(np.int64)


def distinct_2(continuations: Iterable[str], folder: Path | None = None) -> float | None:
    """Distinct pairs of neighbouring words over all such pairs, small and capital letters alike; None without a pair.

    Source: Li et al. 2016, *A Diversity-Promoting Objective Function* (arXiv 1510.03055). It falls with the amount of
    text, so compare it between models that continued the same prompts.

    Pairs are told apart by hashes of 64 bits: among a hundred million, two share one once in 4,000 evaluations.

    Args:
        continuations: The texts, read once.
        folder: Where hashes are stored on disk, in unnamed files; None: the folder of temporary files.
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
