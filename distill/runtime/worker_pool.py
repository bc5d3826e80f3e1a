"""A function over many items on several processes, in order, never far ahead of who takes the results."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from distill.errors import RunError
from distill.runtime.signals import leave_signals_to_parent

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 3
"""Items a process that wait or are done: enough that none ever waits."""

_given: tuple[Callable[..., Any], tuple[Any, ...]]


def in_order(
    function: Callable[..., Result], items: Iterable[Item], num_proc: int, *arguments: Any
) -> Iterator[Result]:
    """`function(item, *arguments)` for each item.

    Args:
        function: a module's own, so that processes find it.
        items: taken as they are needed, so that they need not fit into memory.
        num_proc: how many processes; 1: this one.
        arguments: sent to each process once.

    Raises:
        RunError: a process was killed.
    """
    if num_proc == 1:
        for item in items:
            yield function(item, *arguments)
        return
    pool = ProcessPoolExecutor(num_proc, initializer=_start, initargs=(function, arguments))
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(_call, item))
            if len(waiting) >= _AHEAD * num_proc:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise RunError(
            f"a process that packs text was killed, most likely for want of memory: lower data.num_proc ({num_proc})"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    global _given
    _given = (function, arguments)
    leave_signals_to_parent()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """A process whose parent was killed would wait for work forever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _call(item: Any) -> Any:
    function, arguments = _given
    return function(item, *arguments)
