"""Many texts on several processes: of what the others reverse, counterfactuals and spans come back as bytes.

This process is one of them, since what it reverses itself crosses no border. Between its own texts it looks for what
has come; a thread that did so would wait for its turn at every piece of a message.
"""

import gc
import multiprocessing
from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, pairwise
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from augment.orphans import end_with_parent

if TYPE_CHECKING:
    from augment.reversal import Reversal, RoleReverser

# What it takes to receive a text's reversal, as a share of what it takes to make it.
_RECEIVING = 0.1
_MESSAGES = 16
# Characters of its own texts between two looks for messages, some milliseconds' work.
_BETWEEN = 20_000

# Counterfactuals (None where nothing changed), all records in one and all tells in one, and the length of each.
_Packed = tuple[list[str | None], bytes, array, array, array]


def reverse_in_parallel(reverser: "RoleReverser", texts: Sequence[str], num_proc: int) -> list["Reversal"]:
    """Reverse texts, in order, on `num_proc` processes, two or more, this one among them.

    Raises:
        RuntimeError: one of the others ended before it was done.
        Exception: whatever a text raised there.
    """
    first, *shares = _shares(texts, num_proc)
    others: list[_Other] = []
    reversals = []
    try:
        others.extend(_Other(reverser, share) for share in shares)
        for batch in _parts(first, 1 + sum(map(len, first)) // _BETWEEN):
            _receive(others, timeout=0)
            reversals += [reverser.reverse(text) for text in batch]
        while any(other.left for other in others):
            _receive(others, timeout=None)
    finally:
        for other in others:
            other.end()
    return list(chain(reversals, *(other.received for other in others)))


def _receive(others: Sequence["_Other"], timeout: float | None) -> None:
    """Take what others have sent, a message of each; wait for the first of them for so many seconds."""
    working = {other.receiving: other for other in others if other.left}
    for receiving in wait(list(working), timeout):
        working[receiving].receive()


def _shares(texts: Sequence[str], num_proc: int) -> list[Sequence[str]]:
    """As long for every process; the first one's is shorter, or empty, since it receives what the others made."""
    each = 1 / (num_proc - 1)
    first = max(0.0, (each - _RECEIVING) / (1 + each - _RECEIVING))
    return _cut(texts, [first + (1 - first) * each * number for number in range(num_proc)])


def _cut(texts: Sequence[str], parts: Sequence[float]) -> list[Sequence[str]]:
    """The texts up to these parts of all characters, from 0 to 1."""
    ends = list(accumulate(len(text) + 1 for text in texts))
    total = ends[-1] if ends else 0
    bounds = [0, *(bisect_left(ends, total * part) for part in parts[:-1]), len(texts)]
    return [texts[start:end] for start, end in pairwise(bounds)]


def _parts(texts: Sequence[str], number: int) -> list[Sequence[str]]:
    return _cut(texts, [(part + 1) / number for part in range(number)])


class _Other:
    """Another process, and what has come from it.

    Attributes:
        left: the texts of the messages that have not come yet.
        received: the reversals of the others.
        receiving: where they come.
    """

    def __init__(self, reverser: "RoleReverser", texts: Sequence[str]):
        messages = _parts(texts, _MESSAGES)
        self.left = deque(messages)
        self.received: list[Reversal] = []
        self.receiving, sending = multiprocessing.Pipe(duplex=False)
        self._process = multiprocessing.Process(target=_reverse_each, args=(reverser, messages, sending), daemon=True)
        self._process.start()
        # Only the other process may hold it, so that its end is noticed.
        sending.close()

    def receive(self) -> None:
        try:
            packed = self.receiving.recv()
        except (EOFError, OSError):  # OSError in the middle of a message
            self._process.join()
            raise RuntimeError(
                f"a process that reversed texts ended with exit code {self._process.exitcode} before it was done"
            ) from None
        if isinstance(packed, Exception):
            raise packed
        self.received += _unpack(self.left.popleft(), packed)

    def end(self) -> None:
        self.receiving.close()
        # SIGTERM may be handled, by what this process was forked from
        self._process.kill()
        self._process.join()


def _reverse_each(reverser: "RoleReverser", messages: Sequence[Sequence[str]], sending: Connection) -> None:
    end_with_parent()
    # What a fork left here is shared as long as nobody writes to it, and a collection would.
    gc.freeze()
    try:
        for texts in messages:
            sending.send(_packed(reverser, texts))
    except Exception as error:
        sending.send(error)


def _packed(reverser: "RoleReverser", texts: Sequence[str]) -> _Packed:
    counterfactuals: list[str | None] = []
    records: list[bytes] = []
    places, lengths, counts = array("q"), array("q"), array("q")
    for text in texts:
        reversal = reverser.reverse(text)
        counterfactuals.append(reversal.counterfactual if reversal.record else None)
        records.append(reversal.record)
        lengths.append(len(reversal.record))
        counts.append(len(reversal.tells))
        for tell in reversal.tells:
            places.extend(tell)
    return counterfactuals, b"".join(records), places, lengths, counts


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
