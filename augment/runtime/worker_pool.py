"""A function over many items on several processes: results in order, never far ahead of whoever takes them."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from augment.runtime.worker_lifetime import exit_with_parent, leave_signals_to_parent, signals_blocked

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOKAHEAD = 3
"""Items per worker that are queued or done: enough that no worker ever waits."""

_call: tuple[Callable[..., Any], tuple[Any, ...]]
"""Of a worker: the function and its arguments, which travel once and not with every item."""


def ordered_map(
    function: Callable[..., Result],
    items: Iterable[Item],
    num_proc: int,
    *arguments: Any,
    start_method: str | None = None,
) -> Iterator[Result]:
    """Yield `function(item, *arguments)` for each item, in order.

    Workers end with this process. When the iteration fails or is given up, they end at once, in the middle of an item.

    Args:
        function: Defined at the top of a module, so that workers find it.
        items: Taken as they are needed, so that they need not fit into memory.
        num_proc: Number of workers; 1: none, everything happens in this process.
        arguments: Sent to each worker once.
        start_method: As in `multiprocessing.get_context`; `"spawn"` for what uses CUDA. Default: the system's.

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
            with signals_blocked():  # workers start in here
                pending.append(pool.submit(_apply, item))
            if len(pending) >= _LOOKAHEAD * num_proc:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        # All is done: workers clean up before they leave.
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
    exit_with_parent(stop)


def _apply(item: Any) -> Any:
    function, arguments = _call
    return function(item, *arguments)
