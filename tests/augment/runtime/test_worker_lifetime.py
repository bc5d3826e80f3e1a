"""Workers ignore signals sent to the whole process group, and end when their parent says so."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from augment.runtime.worker_lifetime import leave_signals_to_parent
from augment.runtime.worker_pool import ordered_map

pytestmark = pytest.mark.skipif(not hasattr(signal, "sigwaitinfo"), reason="signals have no known sender here")


def signalled_by_another(pid: int) -> None:
    """Send a process both signals, from a process that is not its parent."""
    code = f"import os; os.kill({pid}, {int(signal.SIGINT)}); os.kill({pid}, {int(signal.SIGTERM)})"
    subprocess.run([sys.executable, "-c", code], check=True)


def pid_of(_: int) -> int:
    return os.getpid()


def test_packing_goes_on():
    results = ordered_map(pid_of, range(50), 2)
    signalled_by_another(next(results))
    assert len(list(results)) == 49


def wait_forever(ready) -> None:
    leave_signals_to_parent()
    ready.set()
    time.sleep(600)


def test_the_parent_ends_it():
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    worker = context.Process(target=wait_forever, args=(ready,), daemon=True)
    worker.start()
    assert ready.wait(60)
    signalled_by_another(worker.pid)
    worker.join(0.5)
    assert worker.exitcode is None
    worker.terminate()
    worker.join(60)
    # torch takes any other status for a lost worker
    assert worker.exitcode == 0
