"""How a command ends: errors are one line, exit statuses say whose mistake it was, signals leave nothing behind."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from augment.runtime.error_text import one_line

FAILURE = 1
MISTAKE = 2
_BROKEN_PIPE = 128 + signal.SIGPIPE
_REPEAT_AFTER_SECONDS = 0.05


@contextmanager
def command_context(command: str, mistakes: tuple[type[Exception], ...], debug: bool) -> Iterator[None]:
    """Run a command, and end the process if it fails.

    Exit status: 2 for a mistake of the user's, 1 for any other error, 128 + n if stopped by signal n, as in a shell,
    and 141 (SIGPIPE) if the output pipe was closed. Every error is one line on standard error.

    Args:
        command: Its name, for messages.
        mistakes: Exceptions that report a mistake of the user's.
        debug: Do not catch exceptions, so that the traceback is shown.
    """
    stopped: list[int] = []
    ours = os.getpid()

    def stop(number: int, _: FrameType | None) -> None:
        if stopped:
            os._exit(128 + number)
        stopped.append(number)
        raise KeyboardInterrupt

    show_unraisable = sys.unraisablehook

    def on_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
        if not stopped:
            show_unraisable(unraisable)
        elif unraisable.exc_type is KeyboardInterrupt:
            # The signal came while an object was being deleted, where nothing can be raised: send it again.
            threading.Timer(_REPEAT_AFTER_SECONDS, os.kill, (ours, stopped.pop())).start()
        # Anything else is a complaint of an object that the signal left half-initialised.

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    sys.unraisablehook = on_unraisable
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        exit_on_broken_pipe()
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            raise
        # Code that was interrupted by a signal may have raised another exception on its way out.
        if stopped:
            print(f"{command}: stopped by {signal.Signals(stopped[0]).name}", file=sys.stderr, flush=True)
            _kill_workers()
            # At once: a normal shutdown waits for workers, and complains about half-initialised objects.
            os._exit(128 + stopped[0])
        if isinstance(error, mistakes):
            print(f"{command}: {one_line(str(error))}", file=sys.stderr)
            sys.exit(MISTAKE)
        print(f"{command}: failed: {_describe(error)}", file=sys.stderr)
        sys.exit(FAILURE)
    finally:
        sys.unraisablehook = show_unraisable
        for number, handler in before.items():
            signal.signal(number, handler)


def _kill_workers() -> None:
    """Kill workers that were just started, and not yet known to their pool, when the signal came."""
    for library in ("multiprocessing", "multiprocess"):
        if library in sys.modules:
            for worker in sys.modules[library].active_children():
                worker.kill()


def _describe(error: BaseException) -> str:
    # When a worker fails, `datasets` waits for the others, and reports only the timeout.
    while type(error).__name__ == "TimeoutError" and error.__context__ is not None:
        error = error.__context__
    if isinstance(error, MemoryError):
        return "out of memory; try fewer processes, or shorter documents"
    if isinstance(error, (EOFError, ConnectionError)):
        return "a worker process was killed, probably out of memory; try fewer processes (--num_proc)"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {one_line(str(error))} (--debug shows where)"


def exit_on_broken_pipe() -> NoReturn:
    """End the process silently, since nobody reads its output any more."""
    # Otherwise the interpreter reports an error when it closes stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(_BROKEN_PIPE)
