"""Many texts on several processes: workers send back the counterfactuals, records and tells of what they reverse.

This process takes its share, since what it reverses itself need not be sent. Between its own texts it looks for
messages; a thread that did so would wait for its turn at every piece of a message. Whoever is done with a part takes
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
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain, pairwise
from multiprocessing.connection import Connection

from augment.records import Reversal
from augment.runtime.worker_lifetime import exit_with_parent, leave_signals_to_parent, signals_blocked

# Parts of all texts for each process.
_PARTS = 24
# Characters of its own texts between two looks for messages, some milliseconds' work.
_BETWEEN = 20_000
# Bytes of a pipe: more than most messages.
_MESSAGE = 1 << 20

_Reverse = Callable[[str], Reversal]

# Of some texts: counterfactuals (None where nothing changed), records and tells. Three lists of what there is anyway:
# objects would be taken apart and put together one by one.
_Columns = tuple[list[str | None], list[bytes], list[tuple[tuple[int, int], ...]]]


def reverse_in_parallel(reverse: _Reverse, texts: Sequence[str], num_proc: int) -> list[Reversal]:
    """Reverse texts, in order, on several processes, this one among them.

    Args:
        reverse: Reverses one text.
        texts: What to reverse.
        num_proc: Number of processes, 2 or more.

    Raises:
        RuntimeError: If a worker ended before it was done.
        Exception: If `reverse` raised it there.
    """
    parts = _shrinking_parts(texts, min(_PARTS * num_proc, _WorkQueue.MOST))
    reversals: list[list[Reversal]] = [[] for _ in parts]
    queue = _WorkQueue(len(parts))
    workers: list[_Worker] = []
    collecting = gc.isenabled()
    # Nothing that is made here is part of a cycle, and a collection looks at all that this process holds, while workers
    # wait for it.
    gc.disable()
    try:
        workers.extend(_Worker(reverse, parts, queue) for _ in range(num_proc - 1))
        for number in queue:
            for some in _equal_parts(parts[number], 1 + sum(map(len, parts[number])) // _BETWEEN):
                _receive(workers, reversals, timeout=0)
                reversals[number] += [reverse(text) for text in some]
        while not all(worker.done for worker in workers):
            _receive(workers, reversals, timeout=None)
    finally:
        if collecting:
            gc.enable()
        queue.close()
        for worker in workers:
            worker.end()
    return list(chain.from_iterable(reversals))


def _receive(workers: Sequence["_Worker"], reversals: list[list[Reversal]], timeout: int | None) -> None:
    """Take one message of each worker that has sent one; wait for the first for `timeout` ms, None: forever."""
    working = {worker.receiving.fileno(): worker for worker in workers if not worker.done}
    messages = select.poll()
    for receiving in working:
        messages.register(receiving, select.POLLIN)
    for receiving, _ in messages.poll(timeout):
        working[receiving].receive(reversals)


def _shrinking_parts(texts: Sequence[str], number: int) -> list[Sequence[str]]:
    """The texts in `number` parts, each shorter than the one before, so that nobody waits long for the last one."""
    return _cut(texts, [1 - (left / number) ** 2 for left in range(number - 1, 0, -1)])


def _equal_parts(texts: Sequence[str], number: int) -> list[Sequence[str]]:
    """The texts in `number` parts of nearly equal numbers of characters; some may be empty."""
    return _cut(texts, [part / number for part in range(1, number)])


def _cut(texts: Sequence[str], shares: Sequence[float]) -> list[Sequence[str]]:
    """The texts in parts that end after these shares of all characters, and at the end."""
    ends = list(accumulate(len(text) + 1 for text in texts))
    total = ends[-1] if ends else 0
    bounds = [0, *(bisect_left(ends, total * share) for share in shares), len(texts)]
    return [texts[start:end] for start, end in pairwise(bounds)]


def _widen(pipe: Connection) -> None:
    """Let a whole message fit, so that its sender goes on at once; where the system can do that, and allows it."""
    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _MESSAGE)


class _WorkQueue:
    """Numbers of parts, each taken by one process only: a pipe that all read from.

    A lock would stay locked behind a process that was killed.
    """

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


class _Worker:
    """A worker process.

    Attributes:
        done: Whether it has sent everything.
        receiving: The pipe that its messages come through.
    """

    def __init__(self, reverse: _Reverse, parts: Sequence[Sequence[str]], queue: _WorkQueue):
        self.done = False
        self._parts = parts
        self.receiving, sending = multiprocessing.Pipe(duplex=False)
        _widen(sending)
        self._process = multiprocessing.Process(
            target=_reverse_each, args=(reverse, parts, queue, sending), daemon=True
        )
        with signals_blocked():
            self._process.start()
        # Only the worker may hold it, so that its end is noticed.
        sending.close()

    def receive(self, reversals: list[list[Reversal]]) -> None:
        """Put the reversals of its next message in their place.

        Raises:
            RuntimeError: If the worker ended before it was done.
            Exception: If a text raised it there.
        """
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
        """End the worker, whatever it is doing."""
        self.receiving.close()
        # SIGTERM may still be blocked.
        self._process.kill()
        self._process.join()


def _reverse_each(reverse: _Reverse, parts: Sequence[Sequence[str]], queue: _WorkQueue, sending: Connection) -> None:
    leave_signals_to_parent()
    exit_with_parent()
    # Memory is shared with the parent until somebody writes to it, as a collection would.
    gc.freeze()
    try:
        for number in queue:
            sending.send((number, _columns(reverse, parts[number])))
        sending.send(None)
    except Exception as error:
        sending.send(error)


def _columns(reverse: _Reverse, texts: Sequence[str]) -> _Columns:
    reversals = [reverse(text) for text in texts]
    return (
        [reversal.counterfactual if reversal.record else None for reversal in reversals],
        [reversal.record for reversal in reversals],
        [reversal.tells for reversal in reversals],
    )


def _from_columns(texts: Sequence[str], columns: _Columns) -> Iterator[Reversal]:
    counterfactuals, records, tells = columns
    changed = (text if other is None else other for text, other in zip(texts, counterfactuals, strict=True))
    return map(Reversal, texts, changed, records, tells)
