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

# Counterfactuals (None where nothing changed), the numbers of swaps and tells, and how many of either each text has.
_Packed = tuple[list[str | None], array, array, array, array]


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
    counterfactuals: list[str | None] = []
    numbers, tells, number_counts, tell_counts = array("q"), array("q"), array("q"), array("q")
    for text in texts:
        reversal = _reverser.reverse(text)
        counterfactuals.append(reversal.counterfactual if reversal.numbers else None)
        number_counts.append(len(reversal.numbers))
        tell_counts.append(len(reversal.tells))
        numbers.extend(reversal.numbers)
        for tell in reversal.tells:
            tells.extend(tell)
    return counterfactuals, numbers, tells, number_counts, tell_counts


def _unpack(texts: Sequence[str], packed: _Packed) -> Iterator["Reversal"]:
    from augment.reversal import Reversal

    counterfactuals, numbers, tell_numbers, number_counts, tell_counts = packed
    tells = iter(tell_numbers)
    tells = list(zip(tells, tells, strict=True))
    number = tell = 0
    for text, counterfactual, count, told in zip(texts, counterfactuals, number_counts, tell_counts, strict=True):
        yield Reversal(
            text,
            text if counterfactual is None else counterfactual,
            tuple(numbers[number : number + count]),
            tuple(tells[tell : tell + told]),
        )
        number, tell = number + count, tell + told
