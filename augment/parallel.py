"""Many texts on several processes: of what the others reverse, counterfactuals, records and tells come back.

This process is one of them, since what it reverses itself crosses no border. Between its own texts it looks for what
has come; a thread that did so would wait for its turn at every piece of a message. Whoever is done with a part takes
the next: processes are never equally fast.
"""

import contextlib
import fcntl
import gc
import multiprocessing
import os
import select
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, pairwise
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from augment.runtime.worker_lifetime import end_with_parent

if TYPE_CHECKING:
    from augment.records import Reversal
    from augment.reversal import RoleReverser

# Parts of all texts for each process.
_PARTS = 24
# Characters of its own texts between two looks for messages, some milliseconds' work.
_BETWEEN = 20_000
# Bytes of a pipe: more than most messages.
_MESSAGE = 1 << 20

# Of some texts: counterfactuals (None where nothing changed), records and tells. Three lists of what there is anyway:
# objects would be taken apart and put together one by one.
_Columns = tuple[list[str | None], list[bytes], list[tuple[tuple[int, int], ...]]]


def reverse_in_parallel(reverser: "RoleReverser", texts: Sequence[str], num_proc: int) -> list["Reversal"]:
    """Reverse texts, in order, on `num_proc` processes, two or more, this one among them.

    Raises:
        RuntimeError: one of the others ended before it was done.
        Exception: whatever a text raised there.
    """
    parts = _shrinking_parts(texts, min(_PARTS * num_proc, _Numbers.MOST))
    reversals: list[list[Reversal]] = [[] for _ in parts]
    numbers = _Numbers(len(parts))
    others: list[_Other] = []
    collecting = gc.isenabled()
    # Nothing that is made here is part of a cycle, and a collection looks at all that this process holds, while the
    # others wait for it.
    gc.disable()
    try:
        others.extend(_Other(reverser, parts, numbers) for _ in range(num_proc - 1))
        for number in numbers:
            for some in _equal_parts(parts[number], 1 + sum(map(len, parts[number])) // _BETWEEN):
                _receive(others, reversals, timeout=0)
                reversals[number] += [reverser.reverse(text) for text in some]
        while not all(other.done for other in others):
            _receive(others, reversals, timeout=None)
    finally:
        if collecting:
            gc.enable()
        numbers.close()
        for other in others:
            other.end()
    return list(chain.from_iterable(reversals))


def _receive(others: Sequence["_Other"], reversals: list[list["Reversal"]], timeout: int | None) -> None:
    """Put what others have sent in its place, a message of each; wait for the first of them so many milliseconds."""
    working = {other.receiving.fileno(): other for other in others if not other.done}
    messages = select.poll()
    for receiving in working:
        messages.register(receiving, select.POLLIN)
    for receiving, _ in messages.poll(timeout):
        working[receiving].receive(reversals)


def _shrinking_parts(texts: Sequence[str], number: int) -> list[Sequence[str]]:
    """The texts in so many parts, each shorter than the one before, down to a `number`th of the mean: whoever is done
    waits for little."""
    return _cut(texts, [1 - (left / number) ** 2 for left in range(number - 1, 0, -1)])


def _equal_parts(texts: Sequence[str], number: int) -> list[Sequence[str]]:
    """The texts in so many parts, nearly equal in characters; some may be empty."""
    return _cut(texts, [part / number for part in range(1, number)])


def _cut(texts: Sequence[str], shares: Sequence[float]) -> list[Sequence[str]]:
    """The texts in parts that end, in characters, after these shares of them all, and at the end."""
    ends = list(accumulate(len(text) + 1 for text in texts))
    total = ends[-1] if ends else 0
    bounds = [0, *(bisect_left(ends, total * share) for share in shares), len(texts)]
    return [texts[start:end] for start, end in pairwise(bounds)]


def _widen(pipe: Connection) -> None:
    """So that a message goes in as a whole, and its sender goes on; where the system has that, and allows it."""
    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _MESSAGE)


class _Numbers:
    """The numbers from 0 on, each for one process only: a pipe that all read from. A lock would stay shut behind a
    process that was killed."""

    _SIZE = array("I").itemsize
    # Nobody reads while they are written, and a pipe may be as small as this.
    MOST = select.PIPE_BUF // _SIZE

    def __init__(self, count: int):
        self._reading, writing = multiprocessing.Pipe(duplex=False)
        os.write(writing.fileno(), array("I", range(count)).tobytes())
        writing.close()

    def __iter__(self) -> Iterator[int]:
        while number := os.read(self._reading.fileno(), self._SIZE):
            yield array("I", number)[0]

    def close(self) -> None:
        self._reading.close()


class _Other:
    """Another process.

    Attributes:
        done: whether it has sent everything.
        receiving: where its messages come.
    """

    def __init__(self, reverser: "RoleReverser", parts: Sequence[Sequence[str]], numbers: _Numbers):
        self.done = False
        self._parts = parts
        self.receiving, sending = multiprocessing.Pipe(duplex=False)
        _widen(sending)
        self._process = multiprocessing.Process(
            target=_reverse_each, args=(reverser, parts, numbers, sending), daemon=True
        )
        self._process.start()
        # Only the other process may hold it, so that its end is noticed.
        sending.close()

    def receive(self, reversals: list[list["Reversal"]]) -> None:
        """Put the reversals of its next message in their place."""
        try:
            message = self.receiving.recv()
        except (EOFError, OSError):  # OSError in the middle of a message
            self._process.join()
            raise RuntimeError(
                f"a process that reversed texts ended with exit code {self._process.exitcode} before it was done"
            ) from None
        if isinstance(message, Exception):
            raise message
        if message is None:
            self.done = True
        else:
            number, columns = message
            reversals[number] += _from_columns(self._parts[number], columns)

    def end(self) -> None:
        self.receiving.close()
        # SIGTERM may be handled, by what this process was forked from
        self._process.kill()
        self._process.join()


def _reverse_each(
    reverser: "RoleReverser", parts: Sequence[Sequence[str]], numbers: _Numbers, sending: Connection
) -> None:
    end_with_parent()
    # What a fork left here is shared as long as nobody writes to it, and a collection would.
    gc.freeze()
    try:
        for number in numbers:
            sending.send((number, _columns(reverser, parts[number])))
        sending.send(None)
    except Exception as error:
        sending.send(error)


def _columns(reverser: "RoleReverser", texts: Sequence[str]) -> _Columns:
    reversals = [reverser.reverse(text) for text in texts]
    return (
        [reversal.counterfactual if reversal.record else None for reversal in reversals],
        [reversal.record for reversal in reversals],
        [reversal.tells for reversal in reversals],
    )


def _from_columns(texts: Sequence[str], columns: _Columns) -> Iterator["Reversal"]:
    from augment.records import Reversal

    counterfactuals, records, tells = columns
    changed = (text if other is None else other for text, other in zip(texts, counterfactuals, strict=True))
    return map(Reversal, texts, changed, records, tells)
