"""Maps a function over many items on several processes: results come in order, computed as they are consumed."""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from augment.runtime.worker_lifetime import exit_with_parent, leave_signals_to_parent, signals_blocked

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOKAHEAD = 3
"""Items per worker that are submitted ahead: enough that workers do not wait for the consumer."""

_call: tuple[Callable[..., Any], tuple[Any, ...]]
"""In a worker: the function and its arguments, which are sent once and not with every item."""


# Of a worker: a stop ends it within an item, never while it sends a result. The parent would wait for the rest of a
# message that is cut off, since it holds the other end of that pipe, too.
_stopped = threading.Event()
_between_items = threading.Lock()
_in_item = False


def ordered_map(
    function: Callable[..., Result],
    items: Iterable[Item],
    num_proc: int,
    *arguments: Any,
    start_method: str | None = None,
) -> Iterator[Result]:
    """Yield `function(item, *arguments)` for each item, in order.

    Workers end with this process. If the iteration fails or is abandoned, they end at once, even within an item.

    Args:
        function: Defined at the top level of a module, so that it can be pickled.
        items: Consumed lazily, so that they need not fit into memory.
        num_proc: Number of workers; with 1, everything happens in this process.
        arguments: Sent to each worker once.
        start_method: As in `multiprocessing.get_context`; `"spawn"` if the function uses CUDA. Default: the system's.

    Raises:
        concurrent.futures.process.BrokenProcessPool: If a worker was killed.
    """
    if num_proc == 1:
        for item in items:
            yield function(item, *arguments)
        return
    context = multiprocessing.get_context(start_method)
    receiving, sending = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(num_proc, context, _initialize, (receiving, function, arguments))
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            with signals_blocked():  # submitting may start a worker
                pending.append(pool.submit(_apply, item))
            if len(pending) >= _LOOKAHEAD * num_proc:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        # Workers are idle, and exit normally, with their cleanup.
        pool.shutdown()
    finally:
        sending.send_bytes(b"stop")
        pool.shutdown(cancel_futures=True)
        sending.close()
        receiving.close()


def _initialize(stop: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    global _call
    _call = (function, arguments)
    leave_signals_to_parent()
    exit_with_parent()
    threading.Thread(target=_exit_when_stopped, args=(stop,), daemon=True).start()


def _exit_when_stopped(stop: Connection) -> None:
    # Not received: one message stops all workers, which share the pipe.
    stop.poll(None)
    _stopped.set()
    with _between_items:
        if _in_item:
            os._exit(1)


def _apply(item: Any) -> Any:
    global _in_item
    with _between_items:
        if _stopped.is_set():
            os._exit(1)
        _in_item = True
    function, arguments = _call
    try:
        return function(item, *arguments)
    finally:
        with _between_items:
            _in_item = False
