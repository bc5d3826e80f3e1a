"""The data module: text → packed blocks, each with its reversal and the positions where the two meet."""

import itertools
import os
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase

from augment import RoleReverser
from augment.runtime.worker_lifetime import leave_signals_to_parent
from distill.config import Augmentation, RolloutConfig
from distill.data.blocks import Batch, Block, Blocks, collate
from distill.data.encoding import document_opening
from distill.data.focus import block_probabilities, check_focus, correction_weights, ranking_digest
from distill.data.packed_text import DamagedError, PackedText
from distill.data.packing import Corpus, pack
from distill.data.sampler import GlobalBatchSampler, ShardSampler
from distill.data.trainer_units import TrainerUnits, accumulation_steps, check_precision, check_trainer
from distill.errors import UserError
from distill.runtime.paths import expand_user


class _BlockLoader(DataLoader[Block]):
    """A loader that continues where a checkpoint left off: its sampler asks the trainer for the step.

    Having a state, even an empty one, signals to Lightning that continuing in the middle of an epoch is safe.
    """

    def state_dict(self) -> dict[str, Any]:
        """Empty: the sampler derives its position from the step."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Do nothing."""


class CounterfactualDataModule(pl.LightningDataModule):
    """Text in files, folders or hub sets → blocks for training and validation.

    Text is reversed, tokenised and packed once, into a cache keyed by everything that changes it. Gradient
    accumulation follows from the batch sizes and the number of devices; an integer `trainer.val_check_interval` counts
    optimiser steps, and an integer `trainer.limit_val_batches` or `limit_test_batches` the batches of all devices
    together, rounded up to as many for each, so that a recipe means the same on any number of devices.

    Args:
        tokenizer: A fast tokenizer; on the command line the model's.
        train: A file (txt, jsonl, parquet), a folder of such files, a hub id, or a list of these.
        validation: The same, for the validation loss; null: no validation.
        field: Column of the text in jsonl, parquet and hub sets.
        block_size: Tokens of a block.
        global_batch_size: Blocks of an optimiser step, over all devices and accumulation.
        micro_batch_size: Blocks of one pass on a device; the gradient accumulation follows from it.
        augmentation: none; append: the reversal of every document joins the corpus; substitute: for every document a
            coin decides which of the two is in the corpus.
        names: Reverse first names, too.
        document_mask: Keep the documents of a block apart: none sees what precedes it, and each begins with the
            end-of-text token before it or the tokenizer's own opening, as a text does in an evaluation.
        teacher_cache: Folder that keeps what the teacher says of each block, so that further epochs, seeds and recipes
            with the same text and teacher do not run it again; null: nothing is kept.
        rollout: Text of the student's own in a share of each batch.
        focus: Draw more often what teaches more: a block with probability (1 − focus) · uniform + focus · its share of
            what the text teaches; 0: each comes once in an epoch.
        focus_ranking: What distill preview --rank has written about data.train.
        focus_correction: Divide a block's loss by how much more often it is drawn, so that the expected gradient stays
            that of the text; false: another objective, in which those blocks count more.
        teacher_cache_dtype: bfloat16 takes half the space of a teacher in fp32, and moves the target a little, which is
            measured and printed; null: as the teacher says it.
        num_proc: Processes that reverse and tokenise; null: one per core.
        num_workers: Processes that prepare batches, on each device.
        cache_dir: Folder where packed text is kept.
        seed: Of the order of blocks and of `substitute`; on the command line set by seed_everything.
        counterfactual_limit: The most tokens that the teacher can read; null: as many as it has positions.

    Raises:
        UserError: If a number is out of its range, or no training text is named.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        train: str | list[str],
        validation: str | list[str] | None = None,
        field: str = "text",
        block_size: int = 1024,
        global_batch_size: int = 512,
        micro_batch_size: int = 8,
        augmentation: Augmentation = "none",
        names: bool = False,
        num_proc: int | None = None,
        num_workers: int = 2,
        cache_dir: str = "~/.cache/counterfactual-distill",
        seed: int = 0,
        counterfactual_limit: int | None = None,
        document_mask: bool = False,
        rollout: RolloutConfig = RolloutConfig(),
        focus: float = 0.0,
        focus_ranking: str | None = None,
        focus_correction: bool = True,
        teacher_cache: str | None = None,
        teacher_cache_dtype: Literal["bfloat16"] | None = None,
    ) -> None:
        super().__init__()
        if not train:
            raise UserError("data.train is empty: name a file, a folder or a hub id")
        at_least = {
            "block_size": (block_size, 1),
            "global_batch_size": (global_batch_size, 1),
            "micro_batch_size": (micro_batch_size, 1),
            "num_proc": (1 if num_proc is None else num_proc, 1),
            "num_workers": (num_workers, 0),
        }
        for name, (value, least) in at_least.items():
            if value < least:
                raise UserError(f"data.{name} is {value}: it must be at least {least}")
        # A saved tokenizer keeps the limits of its last call, and would truncate or pad every document.
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
        self.tokenizer = tokenizer
        self.train_sources = [train] if isinstance(train, str) else train
        self.validation_sources = [validation] if isinstance(validation, str) else validation or []
        self.field = field
        self.block_size = block_size
        self.global_batch_size = global_batch_size
        self.micro_batch_size = micro_batch_size
        self.augmentation: Augmentation = augmentation
        self.names = names
        self.num_proc = num_proc or os.cpu_count() or 1
        self.num_workers = num_workers
        self.cache_dir = expand_user(cache_dir)
        self.seed = seed
        self.counterfactual_limit = counterfactual_limit
        self.document_mask = document_mask
        if teacher_cache_dtype is not None and teacher_cache is None:
            raise UserError("data.teacher_cache_dtype needs data.teacher_cache: name a folder, or leave it out")
        if rollout.share and teacher_cache is not None:
            raise UserError(
                "data.teacher_cache keeps what the teacher says of a text, and the student writes a new one at each "
                "step: leave it out, or set data.rollout.share to 0"
            )
        check_focus(focus, focus_ranking)
        self.focus = focus
        self.focus_ranking = None if focus_ranking is None else expand_user(focus_ranking)
        self.focus_correction = focus_correction
        self._probabilities: np.ndarray | None = None
        self.focus_ranking_digest: str | None = None
        """Of the ranking that the blocks are drawn by, once they are."""
        self.rollout = rollout
        self.rollout_rows = round(rollout.share * micro_batch_size)
        """Blocks of each micro-batch that the student's own text takes the place of."""
        if rollout.share and not 0 < self.rollout_rows < micro_batch_size:
            raise UserError(
                f"data.rollout.share {rollout.share:g} of data.micro_batch_size {micro_batch_size} leaves "
                f"{self.rollout_rows} blocks to the student and {micro_batch_size - self.rollout_rows} to the text; "
                "both need one: change the share, or raise the batch size"
            )
        self.teacher_cache = None if teacher_cache is None else expand_user(teacher_cache)
        self.teacher_cache_dtype = teacher_cache_dtype
        self.first_step = 0
        """The step that the run continues from."""
        self._units = TrainerUnits()
        self.reverser = RoleReverser(names=names)

    def check_trainer(self, trainer: pl.Trainer) -> None:
        """Refuse a trainer that contradicts this data, before anything is packed.

        Raises:
            UserError: If its precision rounds positions, a setting is given that is derived here from others, or the
                batch sizes do not divide evenly.
        """
        check_precision(trainer)
        check_trainer(trainer)
        self.accumulation(trainer.world_size)

    def prepare_data(self) -> None:
        """Pack what the cache does not hold yet, on one process of each node.

        Raises:
            UserError: If model or trainer contradict this data.
        """
        if self.trainer is not None:
            self._check(self.trainer)
        if self._fits:
            self._pack(self._train_corpus)
        if self.validation_sources:
            self._pack(self._validation_corpus)

    def setup(self, stage: str) -> None:
        """Open the packed text, and set what the trainer counts per device from the number of devices.

        Raises:
            UserError: If model or trainer contradict this data, or there is less text than a block or a global batch.
        """
        trainer = self.trainer
        assert trainer is not None
        self._check(trainer)
        if self.counterfactual_limit is None:
            self.counterfactual_limit = getattr(trainer.lightning_module, "counterfactual_limit", None)
        self._units.apply_limits(trainer)
        if stage == "fit":
            self.first_step = 0
            self.train_blocks = self._enough_blocks(self._open(self._train_corpus), "train")
            self._focus_on(self.train_blocks)
            if len(self.train_blocks) < self.blocks_per_step:
                raise UserError(
                    f"data.train holds {len(self.train_blocks):,} blocks of {self.block_size} tokens, fewer than one "
                    f"global batch: lower data.global_batch_size ({self.global_batch_size}) or give more text"
                )
            self._units.apply_steps(trainer, self.accumulation(trainer.world_size), self.steps_per_epoch)
        if self.validation_sources:
            self.validation_blocks = self._enough_blocks(self._open(self._validation_corpus), "validation")

    def _focus_on(self, blocks: Blocks) -> None:
        if self.focus_ranking is None:
            return
        self._probabilities = block_probabilities(
            blocks.packed, len(blocks), self.block_size, self.focus_ranking, self.focus
        )
        self.focus_ranking_digest = ranking_digest(self.focus_ranking)
        if self.focus_correction:
            blocks.weights = correction_weights(self._probabilities)

    def teardown(self, stage: str) -> None:
        """Restore the trainer's attributes that the user set."""
        self._units.restore(self.trainer)

    def on_exception(self, exception: BaseException) -> None:
        """Restore them after a failure, too: Lightning calls `teardown` only after a run that succeeded."""
        self._units.restore(self.trainer)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch; blocks that do not fill a global batch are left out."""
        return len(self.train_blocks) // self.blocks_per_step

    @property
    def blocks_per_step(self) -> int:
        """Blocks of the text in an optimiser step, over all devices."""
        return self.global_batch_size // self.micro_batch_size * (self.micro_batch_size - self.rollout_rows)

    @property
    def _fits(self) -> bool:
        return self.trainer is None or self.trainer.state.fn == "fit"

    def _check(self, trainer: pl.Trainer) -> None:
        """The checks that the command line has already made, for a trainer that is used without it."""
        if self._fits:
            self.check_trainer(trainer)
        else:
            check_precision(trainer)
        # Any module that can check its data: this package must not import models.
        if check_data := getattr(trainer.lightning_module, "check_data", None):
            check_data(self.tokenizer, self.block_size, self.names)

    def accumulation(self, world_size: int) -> int:
        """Micro-batches that a device accumulates in one optimiser step.

        Raises:
            UserError: If the global batch cannot be divided evenly.
        """
        return accumulation_steps(self.global_batch_size, self.micro_batch_size, world_size)

    def micro_batches_of(self, step: int) -> list[list[int]]:
        """The numbers of the blocks of an optimiser step on this rank, `[accumulation][micro_batch_size]`."""
        assert self.trainer is not None
        micro_batches = self._train_sampler(lambda: step)
        return list(itertools.islice(micro_batches, self.accumulation(self.trainer.world_size)))

    def describe(self, blocks: list[int]) -> str:
        """The documents, and their sources, that training blocks are made of."""
        return "; ".join(
            self.train_blocks.packed.describe(block * self.block_size, self.block_size) for block in blocks
        )

    def train_dataloader(self) -> DataLoader[Block]:
        """Shuffled micro-batches of this rank, from the trainer's current step on."""
        trainer = self.trainer
        assert trainer is not None
        # Lightning may ask for batches before it has restored the step.
        return self._loader(self.train_blocks, self._train_sampler(lambda: max(trainer.global_step, self.first_step)))

    def _train_sampler(self, consumed_steps: Callable[[], int]) -> GlobalBatchSampler:
        trainer = self.trainer
        assert trainer is not None
        return GlobalBatchSampler(
            len(self.train_blocks),
            self.blocks_per_step,
            self.micro_batch_size - self.rollout_rows,
            trainer.global_rank,
            trainer.world_size,
            self.seed,
            consumed_steps,
            self._probabilities,
        )

    def val_dataloader(self) -> DataLoader[Block] | list[DataLoader[Block]]:
        """This rank's share of the validation blocks, in order; an empty list without validation text."""
        if not self.validation_sources:
            return []
        trainer = self.trainer
        assert trainer is not None
        return self._loader(
            self.validation_blocks,
            ShardSampler(len(self.validation_blocks), self.micro_batch_size, trainer.global_rank, trainer.world_size),
        )

    def test_dataloader(self) -> DataLoader[Block] | list[DataLoader[Block]]:
        """The validation blocks."""
        return self.val_dataloader()

    def transfer_batch_to_device(self, batch: Batch, device: Any, dataloader_idx: int) -> Batch:
        """Copy asynchronously: batches are in pinned memory."""
        return batch.to(device)

    def _loader(self, blocks: Blocks, sampler: GlobalBatchSampler | ShardSampler) -> DataLoader[Block]:
        return _BlockLoader(
            blocks,
            batch_sampler=sampler,
            collate_fn=collate,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            worker_init_fn=leave_signals_to_parent,
            pin_memory=torch.cuda.is_available(),
        )

    def blocks(self, packed: PackedText) -> Blocks:
        """The blocks of a packed text, as training sees them."""
        lead = None
        if self.document_mask:
            lead = 0 if document_opening(self.tokenizer) else 1
        return Blocks(packed, self.block_size, self.counterfactual_limit, lead)

    def training_blocks(self) -> Blocks:
        """Pack the training text, unless that has been done; no trainer is needed.

        Raises:
            augment.documents.DocumentError: If the text cannot be read.
            UserError: If it is shorter than a block.
        """
        return self._enough_blocks(self._pack(self._train_corpus), "train")

    def _enough_blocks(self, packed: PackedText, name: str) -> Blocks:
        blocks = self.blocks(packed)
        if len(blocks) == 0:
            raise UserError(
                f"data.{name} holds {packed.tokens:,} tokens, fewer than one block: "
                f"lower data.block_size ({self.block_size}) or give more text"
            )
        return blocks

    @property
    def _train_corpus(self) -> Corpus:
        return Corpus(tuple(self.train_sources), self.field, self.augmentation, self.seed)

    @property
    def _validation_corpus(self) -> Corpus:
        # The validation loss is measured on the text as it is, so that it compares between augmentations.
        return Corpus(tuple(self.validation_sources), self.field, "none", self.seed)

    def _pack(self, corpus: Corpus) -> PackedText:
        return pack(corpus, self.reverser, self.tokenizer, self.num_proc, self.cache_dir)

    def _open(self, corpus: Corpus) -> PackedText:
        """Open what `prepare_data` has packed; only the first process reads the sources for the name of its folder.

        Raises:
            UserError: If it is missing or damaged.
        """
        assert self.trainer is not None
        key = corpus.key(self.reverser, self.tokenizer) if self.trainer.is_global_zero else ""
        folder = self.cache_dir / self.trainer.strategy.broadcast(key)
        try:
            return PackedText.open(folder)
        except DamagedError as error:
            raise UserError(
                f"the packed text {str(folder)!r} cannot be opened ({error}): all machines must see the same "
                "data.cache_dir, and nothing may empty it during a run; start again"
            ) from error


def datamodule_of(trainer: pl.Trainer) -> CounterfactualDataModule:
    """The data module that a trainer runs with."""
    data = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(data, CounterfactualDataModule)
    return data
