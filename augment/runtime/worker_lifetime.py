"""Worker processes end with their parent, and only their parent stops them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait

_SIGINT, _SIGTERM = frozenset({signal.SIGINT}), frozenset({signal.SIGTERM})
_POLL_SECONDS = 1


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Workers started in this context receive no SIGINT or SIGTERM until they have called `leave_signals_to_parent`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGINT | _SIGTERM)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals_to_parent(_worker: int = 0) -> None:
    """Ignore SIGINT and SIGTERM sent to the whole process group; only a SIGTERM from the parent ends this worker.

    A terminal, `timeout` or `scancel` signals all processes of a command, and the parent decides what happens. Its own
    SIGTERM still ends workers that are left after an error.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGINT)
    parent = multiprocessing.parent_process()
    if parent is not None and hasattr(signal, "sigwaitinfo"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGTERM)
        threading.Thread(target=_exit_at_sigterm_from, args=(parent.pid,), daemon=True).start()
    else:  # macOS does not report who sent a signal
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGTERM)


def _exit_at_sigterm_from(parent: int) -> None:
    while signal.sigwaitinfo(_SIGTERM).si_pid != parent:
        pass
    # torch reports a worker with any other exit status as lost.
    os._exit(0)


def exit_with_parent() -> None:
    """End this worker as soon as its parent has ended, even if it was killed, rather than wait for work forever."""
    threading.Thread(target=_wait_and_exit, daemon=True).start()


def _wait_and_exit() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    # The sentinel is immediate, but is a pipe, which stays open as long as another process holds a copy of it, as
    # workers that were forked later do.
    started_by = os.getppid()
    while os.getppid() == started_by and not wait([parent.sentinel], _POLL_SECONDS):
        pass
    os._exit(1)
