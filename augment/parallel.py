"""Many texts on several processes: each text goes one way, its counterfactual and its spans as bytes the other."""

from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augment.reversal import Reversal, RoleReverser

_LARGEST_CHUNK = 4000
_CHUNKS_PER_PROCESS = 8

# A process's own, so that it travels once and not with every chunk.
_reverser: "RoleReverser"

# Counterfactuals (None where nothing changed), all records in one and all tells in one, and the length of each.
_Packed = tuple[list[str | None], bytes, array, array, array]


def reverse_in_parallel(reverser: "RoleReverser", texts: Sequence[str], num_proc: int) -> Iterator["Reversal"]:
    """Reverse texts, in order, on `num_proc` processes."""
    size = max(1, min(_LARGEST_CHUNK, len(texts) // (_CHUNKS_PER_PROCESS * num_proc)))
    chunks = [texts[start : start + size] for start in range(0, len(texts), size)]
    with ProcessPoolExecutor(num_proc, initializer=_begin, initargs=(reverser,)) as pool:
        for chunk, packed in zip(chunks, pool.map(_reverse_chunk, chunks), strict=True):
            yield from _unpack(chunk, packed)


def _begin(reverser: "RoleReverser") -> None:
    global _reverser
    _reverser = reverser


def _reverse_chunk(texts: Sequence[str]) -> _Packed:
    reversals = [_reverser.reverse(text) for text in texts]
    return (
        [reversal.counterfactual if reversal.record else None for reversal in reversals],
        b"".join(reversal.record for reversal in reversals),
        array("q", (place for reversal in reversals for tell in reversal.tells for place in tell)),
        array("q", [len(reversal.record) for reversal in reversals]),
        array("q", [len(reversal.tells) for reversal in reversals]),
    )


def _unpack(texts: Sequence[str], packed: _Packed) -> Iterator["Reversal"]:
    from augment.reversal import Reversal

    counterfactuals, records, places, lengths, counts = packed
    place = iter(places)
    tells = list(zip(place, place, strict=True))
    start = tell = 0
    for text, counterfactual, length, count in zip(texts, counterfactuals, lengths, counts, strict=True):
        end, told = start + length, tell + count
        yield Reversal(
            text, text if counterfactual is None else counterfactual, records[start:end], tuple(tells[tell:told])
        )
        start, tell = end, told
