"""SIGINT (Ctrl-C) and SIGTERM: in the first process they stop the work; worker processes leave them to it."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from distill.errors import Stopped

_SIGTERM = frozenset({signal.SIGTERM})


def leave_signals_to_parent(_worker: int = 0) -> None:
    """Go on when a terminal, `timeout` or `scancel` tells all processes to stop; end when the parent says so.

    SIGTERM is not just ignored: with it a parent ends workers that an error has left behind, and then waits for them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGTERM)
        threading.Thread(target=_end_when_told_by, args=(os.getppid(),), daemon=True).start()
    else:  # macOS does not tell who sent a signal
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end_when_told_by(parent: int) -> None:
    while signal.sigwaitinfo(_SIGTERM).si_pid != parent:
        pass
    # torch takes any other status for a worker that was lost
    os._exit(0)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


_ECHO_S = 1.0
"""Seconds in which another signal is the same one again: `scancel` signals a worker, and torchrun passes its own on."""


_heeded = -math.inf
"""When a signal was last heeded, of `time.monotonic`; one that ends a step has its echo when others handle signals."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """A signal raises `Stopped` at once: there is nothing yet that would be lost."""
    with handling_signals(raise_stopped):
        yield


def raise_stopped(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


@contextmanager
def handling_signals(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heed(number: int, frame: FrameType | None) -> None:
        global _heeded
        now = time.monotonic()
        if now - _heeded >= _ECHO_S:
            _heeded = now
            handler(number, frame)

    global _heeded
    _heeded = -math.inf
    before = {number: signal.signal(number, heed) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
