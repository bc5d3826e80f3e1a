"""Which blocks are in which micro-batch: a pure function of (seed, step, rank), so that a killed run continues."""

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import Sampler

from distill.data.focus import draw_blocks

EMPTY = -1
"""Index of a block without labels, which pads the validation batches to the same number on every rank."""


class GlobalBatchSampler(Sampler[list[int]]):
    """Micro-batches of shuffled blocks for one rank.

    A global batch is cut into micro-batches; the q-th belongs to rank q mod world size, whatever the number of
    devices, so that 1 device × 4 accumulation and 2 × 2 see the same micro-batches in one optimiser step.

    Its length is always that of the whole epoch: Lightning relies on this when it continues in the middle of one.

    Args:
        blocks: Blocks of the training text.
        global_batch_size: Blocks of an optimiser step, over all ranks.
        micro_batch_size: Blocks of a micro-batch.
        rank: Of this process.
        world_size: Number of processes.
        seed: Of the order of the blocks.
        consumed_steps: Returns how many optimiser steps are done when iteration starts.
        probabilities: `[blocks]` with which a block is drawn for each place of an epoch; None: each comes once.
    """

    def __init__(
        self,
        blocks: int,
        global_batch_size: int,
        micro_batch_size: int,
        rank: int,
        world_size: int,
        seed: int,
        consumed_steps: Callable[[], int],
        probabilities: np.ndarray | None = None,
    ) -> None:
        self._blocks = blocks
        self._global_batch_size = global_batch_size
        self._micro_batch_size = micro_batch_size
        self._rank = rank
        self._world_size = world_size
        self._seed = seed
        self._consumed_steps = consumed_steps
        self._probabilities = probabilities
        self._steps_per_epoch = blocks // global_batch_size
        self._accumulation = global_batch_size // (micro_batch_size * world_size)

    def __len__(self) -> int:
        return self._steps_per_epoch * self._accumulation

    def __iter__(self) -> Iterator[list[int]]:
        epoch, first_step = divmod(self._consumed_steps(), self._steps_per_epoch)
        if self._probabilities is None:
            order = np.random.default_rng((self._seed, epoch)).permutation(self._blocks)
        else:
            order = draw_blocks(self._probabilities, self._seed, epoch)
        for step in range(first_step, self._steps_per_epoch):
            batch = order[step * self._global_batch_size :][: self._global_batch_size]
            micro_batches = batch.reshape(-1, self._micro_batch_size)
            yield from micro_batches[self._rank :: self._world_size].tolist()


class ShardSampler(Sampler[list[int]]):
    """All blocks in order, a share of them for each rank; every rank has the same number of batches.

    Args:
        blocks: Blocks of the text.
        batch_size: Blocks of a batch.
        rank: Of this process.
        world_size: Number of processes.
    """

    def __init__(self, blocks: int, batch_size: int, rank: int, world_size: int) -> None:
        self._blocks = blocks
        self._batch_size = batch_size
        self._rank = rank
        self._world_size = world_size

    def __len__(self) -> int:
        return -(-self._blocks // (self._batch_size * self._world_size))

    def __iter__(self) -> Iterator[list[int]]:
        padded = np.full(len(self) * self._batch_size * self._world_size, EMPTY)
        padded[: self._blocks] = np.arange(self._blocks)
        yield from padded.reshape(-1, self._batch_size)[self._rank :: self._world_size].tolist()
