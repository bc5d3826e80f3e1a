"""Reverses many texts on several processes: workers send back the counterfactuals, records and tells.

This process reverses texts too, since its own results need not be sent. Between its texts it polls for messages; a
thread that did so would wait for the interpreter lock at every piece of a message. A process that is done with a part
takes the next one, since processes are never equally fast.
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

_PARTS_PER_PROCESS = 24
# Characters that this process reverses between two polls: a few milliseconds of work.
_POLL_INTERVAL = 20_000
# Bytes: larger than most messages.
_PIPE_SIZE = 1 << 20

_Reverse = Callable[[str], Reversal]

# Counterfactuals (None if nothing changed), records and tells of some texts: three lists are pickled faster than a list
# of objects.
_Columns = tuple[list[str | None], list[bytes], list[tuple[tuple[int, int], ...]]]


def reverse_in_parallel(reverse: _Reverse, texts: Sequence[str], num_proc: int) -> list[Reversal]:
    """Reverse texts, in order, on several processes, including this one.

    Args:
        reverse: Reverses one text.
        texts: The texts.
        num_proc: Number of processes, at least 2.

    Raises:
        RuntimeError: If a worker ended before it was done.
        Exception: If `reverse` raised it in a worker.
    """
    parts = _shrinking_parts(texts, min(_PARTS_PER_PROCESS * num_proc, _WorkQueue.MAX_SIZE))
    reversals: list[list[Reversal]] = [[] for _ in parts]
    queue = _WorkQueue(len(parts))
    workers: list[_Worker] = []
    collecting = gc.isenabled()
    # Nothing here is part of a reference cycle, and a collection visits all objects of this process while workers wait.
    gc.disable()
    try:
        workers.extend(_Worker(reverse, parts, queue) for _ in range(num_proc - 1))
        for number in queue:
            for some in _equal_parts(parts[number], 1 + sum(map(len, parts[number])) // _POLL_INTERVAL):
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
    """Receive one message from each worker that has sent one.

    Args:
        workers: All workers.
        reversals: Where the results go, by part.
        timeout: How long to wait for the first message, in ms; None: forever.
    """
    working = {worker.receiving.fileno(): worker for worker in workers if not worker.done}
    messages = select.poll()
    for receiving in working:
        messages.register(receiving, select.POLLIN)
    for receiving, _ in messages.poll(timeout):
        working[receiving].receive(reversals)


def _shrinking_parts(texts: Sequence[str], number: int) -> list[Sequence[str]]:
    """The texts in `number` parts, each shorter than the one before, so that the last one finishes soon."""
    return _cut(texts, [1 - (left / number) ** 2 for left in range(number - 1, 0, -1)])


def _equal_parts(texts: Sequence[str], number: int) -> list[Sequence[str]]:
    """The texts in `number` parts of nearly equal numbers of characters; some may be empty."""
    return _cut(texts, [part / number for part in range(1, number)])


def _cut(texts: Sequence[str], shares: Sequence[float]) -> list[Sequence[str]]:
    """Split the texts after these shares of all characters."""
    ends = list(accumulate(len(text) + 1 for text in texts))
    total = ends[-1] if ends else 0
    bounds = [0, *(bisect_left(ends, total * share) for share in shares), len(texts)]
    return [texts[start:end] for start, end in pairwise(bounds)]


def _widen(pipe: Connection) -> None:
    """Enlarge the pipe, where the system can do that, so that a whole message fits and its sender need not wait."""
    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_SIZE)


class _WorkQueue:
    """Numbers of parts, each taken by one process only: a pipe that all processes read from.

    A queue with a lock would stay locked if the process that holds it was killed.
    """

    _SIZE = array("I").itemsize
    # All are written before anybody reads, and a pipe may be as small as this.
    MAX_SIZE = select.PIPE_BUF // _SIZE

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
        receiving: The end of the pipe that its messages arrive at.
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
        # Only the worker may hold it, so that the pipe ends with the worker.
        sending.close()

    def receive(self, reversals: list[list[Reversal]]) -> None:
        """Receive its next message, and store the reversals of that part.

        Raises:
            RuntimeError: If the worker ended before it was done.
            Exception: If the reversal of a text raised it in the worker.
        """
        try:
            message = self.receiving.recv()
        except (EOFError, OSError):  # OSError if it ended within a message
            self._process.join()
            raise RuntimeError(
                f"a worker that reverses texts ended with exit code {self._process.exitcode} before it was done"
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
    # Memory is shared with the parent until it is written to, as a collection would do.
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
    complete = (text if other is None else other for text, other in zip(texts, counterfactuals, strict=True))
    return map(Reversal, texts, complete, records, tells)
