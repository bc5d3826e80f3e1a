"""Rows that the student writes itself while it is trained (on-policy distillation), each a function of its key.

The teacher judges every token that the student wrote, as it judges those of a text (Agarwal et al. 2024, *On-Policy
Distillation of Language Models*, arXiv 2306.13649); here by its perturbed prediction over the reversal of that text.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from distill.data.blocks import IGNORED_LABEL, Batch, Block, collate
from distill.data.datamodule import CounterfactualDataModule
from distill.data.document_rows import behind, document_block
from distill.data.encoding import document_opening, text_opening
from distill.data.packed_text import PackedText
from distill.data.written_rows import written_document
from distill.decoding.cached_decoding import NonFiniteLogitsError, continue_batch
from distill.decoding.nucleus_sampling import uniforms
from distill.decoding.sampling import Sampling
from distill.errors import RunError, UserError
from distill.openings.rows import opening_rows
from distill.runtime.paths import expand_user
from distill.runtime.random_choice import pick
from distill.runtime.seeding import derive_seed
from distill.runtime.sharding import divides_weights

BUILT_IN_PROMPTS = ("openings", "documents")
"""The values of `data.rollout.prompts` that name no file."""
_PROMPTS = 20_000
"""As many built-in openings, or about as many documents at most, evenly spread."""
_GENDERED_SHARE = 0.35
"""Of the built-in openings, as `distill openings` writes them by default."""
_DOCUMENT_TOKENS = 8
"""Tokens of a training document that become a prompt."""


class StepRollouts(NamedTuple):
    """What the student has written for the micro-batches of one optimiser step, on one process.

    Attributes:
        batches: For each micro-batch its rows; None where none of them is valid.
        tokens_per_micro_batch: The normaliser of the step: its labelled tokens over all processes, those of the text
            included, divided by its micro-batches, over which Lightning and DDP take the mean.
        texts: Texts that the student has written, over all processes.
        dropped: Those that were dropped, because their tokens are no valid text.
    """

    batches: list[Batch | None]
    tokens_per_micro_batch: float
    texts: int
    dropped: int


class RolloutWriter:
    """Writes the rollouts of a step.

    A text is a function of the student's weights and of its key, (seed, step, place in the global batch): equal
    weights write equal texts on any number of devices.

    Args:
        data: Set up for a fit.
        seed: Of prompts and sampling.

    Raises:
        UserError: If the prompts cannot be read, or one leaves no room for its continuation in a block.
    """

    def __init__(self, data: CounterfactualDataModule, seed: int) -> None:
        self._settings = data.rollout
        self._tokenizer = data.tokenizer
        self._reverser = data.reverser
        self._limit = data.counterfactual_limit
        self._seed = seed
        self._opening = text_opening(data.tokenizer)
        self._prompts = read_prompts(data)
        self._length = max(map(len, self._prompts)) + data.rollout.max_new_tokens
        if self._length > data.block_size:
            raise UserError(
                f"data.rollout: the longest prompt and {data.rollout.max_new_tokens} new tokens are {self._length} "
                f"tokens, more than a block: shorten prompts or data.rollout.max_new_tokens, or raise data.block_size "
                f"({data.block_size})"
            )
        self._text_tokens = (data.micro_batch_size - data.rollout_rows) * data.block_size
        self._texts = data.rollout_rows * (data.block_size // self._length)
        """Texts of a micro-batch: as many as fit into the blocks that they take the place of."""

    def write_step(self, student: PreTrainedModel, trainer: pl.Trainer) -> StepRollouts:
        """Let the student write for all micro-batches of the trainer's step on this process.

        Raises:
            RunError: If the student's probabilities are not finite.
        """
        micro_batches = range(
            trainer.global_rank, trainer.accumulate_grad_batches * trainer.world_size, trainer.world_size
        )
        batches, dropped = self.write(student, trainer.global_step, micro_batches)
        tokens = sum(int((batch.labels != IGNORED_LABEL).sum()) for batch in batches if batch is not None)
        counts = torch.tensor([tokens, dropped], dtype=torch.float64 if student.device.type == "cpu" else torch.float32)
        tokens, dropped = trainer.strategy.reduce(counts.to(student.device), reduce_op="sum").tolist()
        number = len(micro_batches) * trainer.world_size
        return StepRollouts(batches, self._text_tokens + tokens / number, number * self._texts, round(dropped))

    def write(
        self, student: PreTrainedModel, step: int, micro_batches: Sequence[int]
    ) -> tuple[list[Batch | None], int]:
        """Let the student write, without dropout, the rows of several micro-batches in one go.

        Args:
            student: The model, which returns to its mode.
            step: The optimiser step.
            micro_batches: Their numbers in the global batch.

        Returns:
            For each micro-batch its rows, None where none of them is valid; and how many texts were dropped.

        Raises:
            RunError: If the student's probabilities are not finite.
        """
        places = [number * self._texts + text for number in micro_batches for text in range(self._texts)]
        prompts = [self._prompt(step, place) for place in places]
        new = self._settings.max_new_tokens
        seed = derive_seed(self._seed, step)
        numbers = np.stack([uniforms(seed, "rollout", place, new) for place in places])
        training = student.training
        student.eval()
        try:
            written = continue_batch(
                student, [self._tokenizer.eos_token_id], prompts, numbers, Sampling(new, top_p=1.0, top_k=0)
            )
        except NonFiniteLogitsError as error:
            raise RunError(
                f"step {step}: the student's probabilities are not finite; lower model.optimizer.lr"
            ) from error
        finally:
            student.train(training)
        blocks = [self._block(prompt, text) for prompt, text in zip(prompts, written, strict=True)]
        batches: list[Batch | None] = []
        for start in range(0, len(blocks), self._texts):
            valid = [block for block in blocks[start : start + self._texts] if block is not None]
            batches.append(collate(valid).to(student.device) if valid else None)
        return batches, sum(block is None for block in blocks)

    def _prompt(self, step: int, place: int) -> list[int]:
        return pick(random.Random(derive_seed(self._seed, step, place)), self._prompts)

    def _block(self, prompt: list[int], written: list[int]) -> Block | None:
        """The text as a block, labelled where the student wrote; None if its tokens are no valid text."""
        ended = len(written) < self._settings.max_new_tokens
        opening, text = self._opening, prompt[len(self._opening) :]
        document = written_document(
            [*text, *written], [self._tokenizer.eos_token_id] if ended else [], self._reverser, self._tokenizer
        )
        if document is None:
            return None
        return document_block(behind(opening, document), len(prompt), self._length, self._limit)


def rollout_writer(trainer: pl.Trainer, seed: int) -> RolloutWriter | None:
    """The writer for a fit; None if its data has no rollouts.

    Raises:
        UserError: If the trainer's strategy divides the weights among devices, or as for `RolloutWriter`.
    """
    data = getattr(trainer, "datamodule", None)
    if not isinstance(data, CounterfactualDataModule) or not data.rollout.share:
        return None
    check_rollout_strategy(trainer)
    return RolloutWriter(data, seed)


def check_rollout_strategy(trainer: pl.Trainer) -> None:
    """Refuse a strategy under which no process can write with the student's weights.

    Raises:
        UserError: If it divides the weights among devices.
    """
    if divides_weights(trainer.strategy):
        raise UserError(
            "data.rollout: the student cannot write where its weights are divided among devices; set "
            "data.rollout.share to 0, or trainer.strategy to ddp"
        )


def read_prompts(data: CounterfactualDataModule) -> list[list[int]]:
    """The prompts of `data.rollout.prompts` as token ids, with the tokens that a tokenizer puts before a text.

    Raises:
        UserError: If a file cannot be read or holds no prompt, or no document is longer than a prompt.
    """
    name, tokenizer = data.rollout.prompts, data.tokenizer
    if name == "documents":
        return _first_tokens(data.train_blocks.packed, tokenizer)
    if name == "openings":
        texts = [row.text for row in opening_rows(_PROMPTS, _GENDERED_SHARE, data.seed)]
    else:
        texts = prompt_lines(expand_user(name))
    opening = text_opening(tokenizer)
    encoded = tokenizer.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
    return [[*opening, *encoding.ids] for encoding in encoded]


def prompt_lines(file: Path) -> list[str]:
    """The prompts of a text file, one on each line.

    Raises:
        UserError: If it cannot be read, or holds none.
    """
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"data.rollout.prompts {str(file)!r} cannot be read ({error}): use openings, documents, or a text file"
        ) from error
    prompts = [line for line in lines if line]
    if not prompts:
        raise UserError(f"data.rollout.prompts {str(file)!r} holds no prompt: write one on each line")
    return prompts


def _first_tokens(packed: PackedText, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    opening = text_opening(tokenizer)
    skipped = len(document_opening(tokenizer))
    starts = packed.array("starts")
    ends = np.append(starts[1:], packed.tokens)
    thinned = slice(None, None, max(1, len(starts) // _PROMPTS))
    starts, ends = starts[thinned], ends[thinned]
    tokens = packed.array("tokens")
    prompts = [
        [*opening, *tokens[start + skipped :][:_DOCUMENT_TOKENS].tolist()]
        for start, end in zip(starts, ends, strict=True)
        if end - start - skipped > _DOCUMENT_TOKENS
    ]
    if not prompts:
        raise UserError(
            f"data.rollout.prompts is documents, and none of data.train has more than {_DOCUMENT_TOKENS} tokens: use "
            "openings, or a file of prompts"
        )
    return prompts
