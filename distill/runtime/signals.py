"""Signals in a worker process: what is sent to all processes of a run is the first process's affair."""

import os
import signal
import threading

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
