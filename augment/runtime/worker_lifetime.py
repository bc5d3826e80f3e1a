"""Worker processes end with their parent, and only their parent stops them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait

_SIGINT, _SIGTERM = frozenset({signal.SIGINT}), frozenset({signal.SIGTERM})
_POLL_SECONDS = 1


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Workers started in here receive no SIGINT or SIGTERM until `leave_signals_to_parent` has set up theirs."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGINT | _SIGTERM)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals_to_parent(_worker: int = 0) -> None:
    """Ignore SIGINT and SIGTERM sent to the whole process group; only a SIGTERM from the parent ends this worker.

    A terminal, `timeout` or `scancel` signals all processes of a command. The parent decides what becomes of it; its
    SIGTERM still ends workers that an error has left behind.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGINT)
    parent = multiprocessing.parent_process()
    if parent is not None and hasattr(signal, "sigwaitinfo"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGTERM)
        threading.Thread(target=_exit_at_sigterm_from, args=(parent.pid,), daemon=True).start()
    else:  # macOS does not tell who sent a signal
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGTERM)


def _exit_at_sigterm_from(parent: int) -> None:
    while signal.sigwaitinfo(_SIGTERM).si_pid != parent:
        pass
    # torch takes any other status for a worker that was lost.
    os._exit(0)


def exit_with_parent(stop: Connection | None = None) -> None:
    """End this worker as soon as its parent has ended, however that was: it would wait for work forever.

    Args:
        stop: A pipe; the worker also ends once there is something to read. It is not read, so that one message ends
            all workers that share the pipe.
    """
    threading.Thread(target=_wait_and_exit, args=(stop,), daemon=True).start()


def _wait_and_exit(stop: Connection | None) -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    # The sentinel tells at once, but not as long as another process holds a copy of the pipe behind it, as workers
    # that were forked later do.
    started_by = os.getppid()
    watched = [parent.sentinel] if stop is None else [parent.sentinel, stop]
    while os.getppid() == started_by and not wait(watched, _POLL_SECONDS):
        pass
    os._exit(1)
