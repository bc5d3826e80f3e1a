"""How a command ends: an error is one line, its exit status tells whose it was, a signal leaves nothing behind."""

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

    Exit status: 2 for a mistake of the user's, 1 for any other error, 128 + n when stopped by signal n, as in a shell,
    141 when whoever reads our output has gone. Every error is one line on standard error.

    Args:
        command: Its name, for messages.
        mistakes: Exceptions that are the user's mistake.
        debug: Let exceptions through, so that the traceback is shown.
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
        # Otherwise an object that the signal left half-made complains about that.

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
        # What a signal interrupted may have raised something of its own on its way out.
        if stopped:
            print(f"{command}: stopped by {signal.Signals(stopped[0]).name}", file=sys.stderr, flush=True)
            _kill_workers()
            # At once: an interpreter that shuts down waits for workers, and complains about half-made objects.
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
    """End workers that a signal kept from being registered with whoever started them."""
    for library in ("multiprocessing", "multiprocess"):
        if library in sys.modules:
            for worker in sys.modules[library].active_children():
                worker.kill()


def _describe(error: BaseException) -> str:
    # `datasets` waits for its other workers when one has failed, and then only says that it waited.
    while type(error).__name__ == "TimeoutError" and error.__context__ is not None:
        error = error.__context__
    if isinstance(error, MemoryError):
        return "out of memory; try fewer processes, or shorter documents"
    if isinstance(error, (EOFError, ConnectionError)):
        return "a worker process was ended from outside, perhaps for want of memory; try fewer processes (--num_proc)"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {one_line(str(error))} (--debug shows where)"


def exit_on_broken_pipe() -> NoReturn:
    """End the process silently: whoever reads our output has gone."""
    # Otherwise the interpreter complains when it closes stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(_BROKEN_PIPE)
