"""Share the drawing of continuations over processes, each with the model on a device of its own."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue

import torch
from tqdm import tqdm

from distill.errors import UserError
from distill.evaluation.generation.batch_plan import GenerationPlan
from distill.evaluation.generation.decoding import Continuation
from distill.evaluation.scored_model import Checkpoint, Dtype, load_checkpoint


@dataclass(frozen=True)
class Processes:
    """As many processes as devices, each of which loads the model itself.

    Attributes:
        model, gguf_file, dtype: As of `load_checkpoint`.
        devices: Where each process computes.
    """

    model: str
    gguf_file: str | None
    dtype: Dtype
    devices: Sequence[str]

    @property
    def count(self) -> int:
        """How many processes."""
        return len(self.devices)

    def draw(
        self, plan: GenerationPlan, batches: Iterable[Sequence[int]]
    ) -> Iterator[tuple[Sequence[int], list[Continuation]]]:
        """Batches with their continuations, in the order in which they are done.

        Raises:
            UserError: If the model makes something else than finite numbers of a prompt.
            OSError: If a process was killed, most likely for want of memory.
        """
        context = multiprocessing.get_context("spawn")
        devices = context.SimpleQueue()
        for device in self.devices:
            devices.put(device)
        threads = max(1, torch.get_num_threads() // self.count)
        # Its other end closes with this process, however that ends, and the others follow.
        theirs, ours = context.Pipe(duplex=False)
        pool = ProcessPoolExecutor(self.count, context, _start, (self, plan, devices, threads, theirs))
        try:
            waiting = {}
            for rows in chain(batches, [None]):
                if rows is not None:
                    with _for_parent_only(signal.SIGINT):
                        waiting[pool.submit(_draw, rows)] = rows
                # A few ahead, so that none ever waits for work; all at once would hold a long run's in memory.
                while len(waiting) > 2 * self.count or (rows is None and waiting):
                    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                        yield waiting.pop(future), future.result()
            # All is done: they tidy up before they leave.
            pool.shutdown()
        except BrokenProcessPool as error:
            raise OSError("a process that generates was killed, most likely for want of memory") from error
        finally:
            ours.close()
            pool.shutdown(cancel_futures=True)


def check_shared(device: str, count: int) -> None:
    """Refuse one device by its number where several were asked for: the others would be a guess.

    Raises:
        UserError: If `device` has a number, such as cuda:2, and `count` is more than 1.
    """
    kind, numbered, _ = device.partition(":")
    if count > 1 and numbered:
        raise UserError(
            f"--device {device}: is one device, and --trainer.devices {count} asks for several; give --device {kind}, "
            f"or --trainer.devices 1"
        )


def devices(device: torch.device, count: int) -> list[str]:
    """Devices for `count` processes of the kind of the one that the calling process uses.

    GPUs are taken from the first on, and the calling process keeps its own models where they are: beside the first
    process's model, as a rule. Devices of any other kind are one that all share.

    Raises:
        UserError: If there are not as many.
    """
    if device.type != "cuda":
        return [str(device)] * count
    if count > (there := torch.cuda.device_count()):
        raise UserError(f"--trainer.devices {count}: there are only {there} GPUs; lower it")
    return [f"cuda:{index}" for index in range(count)]


@contextmanager
def _for_parent_only(number: signal.Signals) -> Iterator[None]:
    """Processes that start in here never receive this signal, not even while they import."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# Where it can't be loaded, why: a pool whose processes fail as they start says only that they ended.
_checkpoint: Checkpoint | Exception
_plan: GenerationPlan


def _start(processes: Processes, plan: GenerationPlan, devices: SimpleQueue, threads: int, parent: Connection) -> None:
    global _checkpoint, _plan
    # Its own is shared with other processes, which must then be told of it at the end: ours may be short.
    tqdm.set_lock(threading.RLock())
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    torch.set_num_threads(threads)
    try:
        _checkpoint = load_checkpoint(processes.model, processes.gguf_file, devices.get(), processes.dtype)
    except Exception as error:
        _checkpoint = error
    _plan = plan


def _leave_with(parent: Connection) -> None:
    with suppress(EOFError):
        parent.recv()
    os._exit(0)


def _draw(rows: Sequence[int]) -> list[Continuation]:
    if isinstance(_checkpoint, Exception):
        raise _checkpoint
    return _plan.generate(_checkpoint, rows)
