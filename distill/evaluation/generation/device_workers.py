"""Share the drawing of continuations over processes, each with the model on a device of its own."""

import multiprocessing
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue

import torch
from tqdm import tqdm

from augment.runtime.worker_pool import ordered_map
from distill.errors import UserError
from distill.evaluation.generation.batch_plan import GenerationPlan
from distill.evaluation.generation.decoding import Continuation
from distill.evaluation.scored_model import Dtype, ScoredModel, load_scored_model
from distill.models.source import ModelSource


@dataclass(frozen=True)
class Processes:
    """As many processes as devices, each of which loads the model itself.

    Attributes:
        source: Where the model lies.
        dtype: Of its weights in memory.
        devices: Where each process computes.
    """

    source: ModelSource
    dtype: Dtype
    devices: Sequence[str]

    @property
    def count(self) -> int:
        """How many processes."""
        return len(self.devices)

    def draw(
        self, plan: GenerationPlan, batches: Iterable[Sequence[int]]
    ) -> Iterator[tuple[Sequence[int], list[Continuation]]]:
        """Batches with their continuations, in order.

        Raises:
            UserError: If the model makes something else than finite numbers of a prompt, or cannot be loaded.
            OSError: If a process was killed, most likely for want of memory.
        """
        context = multiprocessing.get_context("spawn")
        free = context.SimpleQueue()
        for device in self.devices:
            free.put(device)
        threads = max(1, torch.get_num_threads() // self.count)
        try:
            yield from ordered_map(_draw, batches, self.count, self, plan, free, threads, start_method="spawn")
        except BrokenProcessPool as error:
            raise OSError("a process that generates was killed, most likely for want of memory") from error


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


_scored_model: ScoredModel | None = None
"""A worker's own, loaded with its first batch."""


def _draw(
    rows: Sequence[int], processes: Processes, plan: GenerationPlan, free: SimpleQueue, threads: int
) -> tuple[Sequence[int], list[Continuation]]:
    global _scored_model
    if _scored_model is None:
        # tqdm's own lock is shared with other processes, and would have to be given back at the end.
        tqdm.set_lock(threading.RLock())
        torch.set_num_threads(threads)
        _scored_model = load_scored_model(processes.source, free.get(), processes.dtype)
    return rows, plan.generate(_scored_model, rows)
