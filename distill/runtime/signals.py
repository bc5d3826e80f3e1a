"""SIGINT (Ctrl-C) and SIGTERM in the first process of a command: how they stop it, at once or at a safe point."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from distill.errors import Stopped

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_DEBOUNCE_SECONDS = 1.0
"""A signal that follows within this time is the same one: `scancel` signals a worker, and torchrun forwards its own."""

_last_handled_at = -math.inf
"""In `time.monotonic`. Shared by all handlers: a repeated signal may arrive after another handler is installed."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within this context a signal raises `Stopped` at once: there is no work to lose yet."""
    with handling_signals(raise_stopped):
        yield


def raise_stopped(number: int, frame: FrameType | None) -> None:
    """Handle a signal.

    Raises:
        Stopped: Always.
    """
    raise Stopped(number)


@contextmanager
def handling_signals(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Call `handler` on SIGINT and SIGTERM, once for signals in quick succession; a no-op outside the main thread.

    Args:
        handler: As for `signal.signal`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def debounced(number: int, frame: FrameType | None) -> None:
        global _last_handled_at
        now = time.monotonic()
        if now - _last_handled_at >= _DEBOUNCE_SECONDS:
            _last_handled_at = now
            handler(number, frame)

    global _last_handled_at
    _last_handled_at = -math.inf
    before = {number: signal.signal(number, debounced) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
