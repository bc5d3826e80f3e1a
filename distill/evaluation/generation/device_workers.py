"""Distribute generation over processes, each with the model on a device of its own."""

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
    """One process per device, each of which loads the model itself.

    Attributes:
        source: The model.
        dtype: Data type of its weights in memory.
        devices: The device of each process.
    """

    source: ModelSource
    dtype: Dtype
    devices: Sequence[str]

    @property
    def count(self) -> int:
        """Number of processes."""
        return len(self.devices)

    def generate(
        self, plan: GenerationPlan, batches: Iterable[Sequence[int]]
    ) -> Iterator[tuple[Sequence[int], list[Continuation]]]:
        """Yield the batches with their continuations, in order.

        Raises:
            UserError: If the model's probabilities are not finite, or the model cannot be loaded.
            OSError: If a process was killed, probably because it ran out of memory.
        """
        context = multiprocessing.get_context("spawn")
        free = context.SimpleQueue()
        for device in self.devices:
            free.put(device)
        threads = max(1, torch.get_num_threads() // self.count)
        try:
            yield from ordered_map(_generate, batches, self.count, self, plan, free, threads, start_method="spawn")
        except BrokenProcessPool as error:
            raise OSError("a generation process was killed, probably out of memory") from error


def check_shared(device: str, count: int) -> None:
    """Reject a numbered device if several are asked for, because it does not say which others to use.

    Raises:
        UserError: If `device` has a number, such as cuda:2, and `count` is greater than 1.
    """
    kind, numbered, _ = device.partition(":")
    if count > 1 and numbered:
        raise UserError(
            f"--device {device}: is a single device, but --trainer.devices {count} asks for several; "
            f"give --device {kind} or --trainer.devices 1"
        )


def devices(device: torch.device, count: int) -> list[str]:
    """Return devices for `count` processes, of the type that the calling process uses.

    GPUs are used from the first one on; the models of the calling process stay where they are, which is usually the GPU
    of the first process. A device of any other type is shared by all processes.

    Raises:
        UserError: If there are fewer GPUs than processes.
    """
    if device.type != "cuda":
        return [str(device)] * count
    if count > (available := torch.cuda.device_count()):
        raise UserError(f"--trainer.devices {count}: only {available} GPUs are available; lower it")
    return [f"cuda:{index}" for index in range(count)]


_scored_model: ScoredModel | None = None
"""The model of a worker process, loaded with its first batch."""


def _generate(
    rows: Sequence[int], processes: Processes, plan: GenerationPlan, free: SimpleQueue[str], threads: int
) -> tuple[Sequence[int], list[Continuation]]:
    global _scored_model
    if _scored_model is None:
        # tqdm's default lock is shared between processes, and would have to be released at the end.
        tqdm.set_lock(threading.RLock())
        torch.set_num_threads(threads)
        _scored_model = load_scored_model(processes.source, free.get(), processes.dtype)
    return rows, plan.generate(_scored_model, rows)
