"""How a command ends: an error is one line, its exit status says whose it was, and a signal leaves nothing behind."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

FAILURE = 1
MISTAKE = 2
_BROKEN_PIPE = 128 + signal.SIGPIPE
_AGAIN_AFTER = 0.05
"""Seconds."""


@contextmanager
def ending(command: str, mistakes: tuple[type[Exception], ...], debug: bool) -> Iterator[None]:
    """Run what is inside, and end the process where it fails.

    Exit status: 2 for `mistakes`, which are the user's, 1 for any other error, 128 + n when stopped by signal n, as a
    shell has it, 141 when whoever reads our output has gone. Everything is said in one line on standard error, unless
    `debug` asks for the traceback.
    """
    stopped: list[int] = []
    ours = os.getpid()

    def stop(number: int, _: FrameType | None) -> None:
        if stopped:
            os._exit(128 + number)
        stopped.append(number)
        raise KeyboardInterrupt

    def leave_to_parent() -> None:
        # A key press reaches worker processes too, and they are to wait for us to end them. Then they end at once: a
        # handler in Python would never run in one that waits for a lock, if the signal came just before.
        if inside:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    inside = True
    os.register_at_fork(after_in_child=leave_to_parent)
    show_unraisable = sys.unraisablehook

    def swallowed(unraisable: "sys.UnraisableHookArgs") -> None:
        if not stopped:
            show_unraisable(unraisable)
        elif unraisable.exc_type is KeyboardInterrupt:
            # The signal came while an object was being deleted, where nothing can be raised: let it come again.
            threading.Timer(_AGAIN_AFTER, os.kill, (ours, stopped.pop())).start()
        # Else an object that the signal kept from being whole complains that it is not.

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    sys.unraisablehook = swallowed
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        end_unread()
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            raise
        # What a signal interrupted may have raised something of its own on its way out.
        if stopped:
            print(f"{command}: stopped by {signal.Signals(stopped[0]).name}", file=sys.stderr, flush=True)
            _end_workers()
            # At once: an interpreter that shuts down waits for workers, and tells of objects that are not whole.
            os._exit(128 + stopped[0])
        if isinstance(error, mistakes):
            print(f"{command}: {one_line(str(error))}", file=sys.stderr)
            sys.exit(MISTAKE)
        print(f"{command}: failed: {_told(error)}", file=sys.stderr)
        sys.exit(FAILURE)
    finally:
        inside = False
        sys.unraisablehook = show_unraisable
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_workers() -> None:
    """End those that a signal kept from being noted down by whoever started them."""
    for library in ("multiprocessing", "multiprocess"):
        if library in sys.modules:
            for worker in sys.modules[library].active_children():
                worker.kill()


def _told(error: BaseException) -> str:
    # `datasets` waits for its other workers when one has failed, and then says only that it waited.
    while type(error).__name__ == "TimeoutError" and error.__context__ is not None:
        error = error.__context__
    if isinstance(error, MemoryError):
        return "out of memory; try fewer processes, or shorter documents"
    if isinstance(error, (EOFError, ConnectionError)):
        return "a worker process was ended from outside, perhaps for want of memory; try fewer processes (--num_proc)"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {one_line(str(error))} (--debug shows where)"


def end_unread() -> NoReturn:
    """End the process in silence: whoever reads our output has gone."""
    # Without this the interpreter complains when it closes stdout.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(_BROKEN_PIPE)


def one_line(message: str) -> str:
    """A message as one line. What it quotes from a file may hold signs that a terminal would obey: � stands for them.

    >>> one_line("no\\n such\\x1b[31m key")
    'no such�[31m key'
    """
    return "".join(sign if sign.isprintable() else "�" for sign in " ".join(message.split()))
