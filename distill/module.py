"""The LightningModule: runs teacher and student and passes their hidden states to the loss; contains no mathematics."""

import math
from functools import cached_property
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from distill.config import LossConfig, OptimizerConfig, PerturbationConfig, StudentConfig, TeacherConfig
from distill.data.blocks import Batch
from distill.errors import UserError
from distill.losses.objective import DistillationObjective
from distill.losses.terms import IGNORED_LABEL, TargetRule, hidden_distance
from distill.models.adapter import check_base, frozen_digest, keep_adapter_only
from distill.models.compatibility import (
    check_documents_apart,
    check_plain_logits,
    check_positions,
    check_same_head,
    check_tokenizer_fits,
)
from distill.models.integrity import first_difference
from distill.models.loading import load_config
from distill.models.output_head import block_limit, last_hidden_states, output_head
from distill.models.source import ModelSource, model_source
from distill.models.student import student_config
from distill.models.teacher_and_student import load_teacher_and_student, place_weights
from distill.models.teacher_cache import TeacherCache
from distill.models.tokenizers import check_same_vocabulary, load_fast_tokenizer, tokenizer_of_model
from distill.optimizer import apply_settings, build_optimizer
from distill.perturbation.reversed_vocabulary import ReversedVocabulary
from distill.rollouts import RolloutWriter, StepRollouts, rollout_writer
from distill.runtime.seeding import derive_seed
from distill.student_gap import gap_sum
from distill.teacher_caches import open_caches
from distill.teacher_passes import ask_teacher


class BatchLosses(NamedTuple):
    """The loss of one batch and its terms: scalars, means over the batch's tokens.

    Attributes:
        loss: The weighted sum; carries the gradient.
        kd: Divergence between target and student, in nats.
        lm: Cross-entropy of the student, in nats.
        hidden: Distance between the hidden states of teacher and student.
        odds: Divergence between target and student within the gendered tokens, in nats.
    """

    loss: Tensor
    kd: Tensor
    lm: Tensor
    hidden: Tensor
    odds: Tensor


TERMS = BatchLosses._fields
STEP_TERMS = (*TERMS, "reversed_rows")
"""Values recorded per micro-batch: the loss and its terms, and the share of rows with a counterfactual pass."""


class DistillationModule(pl.LightningModule):
    """Distils a teacher into a student, with the teacher's predictions perturbed over role-reversed contexts.

    Args:
        teacher: The model whose predictions are distilled.
        tokenizer: Folder or hub id of the tokenizer; null: the teacher's.
        student: The model that is trained.
        perturbation: How factual and counterfactual predictions become the target.
        loss: Weights and divergence of the loss.
        optimizer: Settings of AdamW and its schedule.
        names: Reverse first names, too; on the command line set by data.names.
        seed: Of dropout; on the command line set by seed_everything.

    Raises:
        UserError: If a model or tokenizer does not exist, or settings contradict each other.
    """

    def __init__(
        self,
        teacher: TeacherConfig = TeacherConfig(),
        tokenizer: str | None = None,
        student: StudentConfig = StudentConfig(),
        perturbation: PerturbationConfig = PerturbationConfig(),
        loss: LossConfig = LossConfig(),
        optimizer: OptimizerConfig = OptimizerConfig(),
        names: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.teacher_source = teacher
        self.student_source = student
        self.perturbation = perturbation
        self.loss = loss
        self.optimizer = optimizer
        self.seed = seed

        self.teacher_location: ModelSource | None = None
        if teacher.path is not None:
            self.teacher_location = model_source(teacher.path, teacher.gguf_file, teacher.revision)
        elif self.uses_teacher:
            raise UserError(
                "no model.teacher.path: without a teacher, kd_weight, hidden_weight and odds_weight must be 0"
            )
        self.student_location = None if student.path is None else model_source(student.path)
        tokenizer_location = self.teacher_location if tokenizer is None else model_source(tokenizer)
        if tokenizer_location is None:
            raise UserError("without a teacher, model.tokenizer must name a folder or hub id")
        self.tokenizer = load_fast_tokenizer(tokenizer_location)
        self.teacher_config = None if self.teacher_location is None else load_config(self.teacher_location)
        self.student_config = student_config(student, self.teacher_config, self.tokenizer, self.student_location)
        for location in (self.teacher_location, self.student_location):
            if location not in (None, tokenizer_location) and (own := tokenizer_of_model(location)):
                check_same_vocabulary(self.tokenizer, own, (tokenizer_location.path, location.path))
        self.names = names
        self.vocabulary = (
            ReversedVocabulary.from_tokenizer(self.tokenizer, names=names)
            if self.perturbation.vocabulary == "reversed"
            else None
        )
        # In a list, the teacher is not a submodule: it is not in checkpoints, not in DDP, and never set to train().
        self._teacher: list[PreTrainedModel] = []
        self.base_sha256: str | None = None
        """Of an adapted student, once it is built: the digest of the frozen weights."""
        self._teacher_caches: dict[str, TeacherCache] = {}
        self._rollout_writer: RolloutWriter | None = None
        self.rollouts: StepRollouts | None = None
        """What the student has written for the step in progress; None without `data.rollout`."""
        self._step_terms: list[Tensor] = []
        self.gradient_norm: Tensor | float = 0.0
        """The norm of the latest optimiser step's gradient, before clipping."""

    @property
    def teacher(self) -> PreTrainedModel | None:
        """The frozen teacher, once it is loaded."""
        return self._teacher[0] if self._teacher else None

    @property
    def uses_teacher(self) -> bool:
        """Whether the loss uses the teacher at all."""
        return bool(self.uses_target or self.loss.hidden_weight)

    @property
    def uses_target(self) -> bool:
        """Whether the loss uses the teacher's predictions."""
        return bool(self.loss.kd_weight or self.loss.odds_weight)

    @property
    def needs_counterfactual_pass(self) -> bool:
        """Whether the teacher also runs on the reversed text."""
        return self.uses_target and self.perturbation.changes_target

    @property
    def counterfactual_limit(self) -> int | None:
        """Longest input of the teacher in tokens; None if there is no limit."""
        return None if self.teacher_config is None else block_limit(self.teacher_config)

    def check_data(self, tokenizer: PreTrainedTokenizerBase, block_size: int, names: bool) -> None:
        """Refuse data whose blocks teacher or student cannot process, before any weights are loaded.

        Args:
            tokenizer: The data's.
            block_size: Tokens of a block.
            names: Whether first names are reversed in the text.

        Raises:
            UserError: If vocabularies differ, a block is longer than the positions of a model, a head does not fit the
                tokenizer, logits are capped or scaled, or the role-reversed vocabulary is empty or differs from the
                text in whether first names are reversed.
        """
        if tokenizer is not self.tokenizer:
            check_same_vocabulary(self.tokenizer, tokenizer, ("the model", "the data"))
        self._check_reversed_vocabulary(names)
        teacher, student = self.teacher_config, self.student_config
        both = {"teacher": teacher, "student": student}
        check_tokenizer_fits(both, self.tokenizer)
        check_plain_logits(
            {
                self.teacher_source.path or "teacher": teacher if self.uses_teacher else None,
                self.student_source.path or "student": student,
            }
        )
        if teacher is not None and self.uses_teacher:
            check_same_head(teacher, student, hidden_states=bool(self.loss.hidden_weight))
        check_positions(both, block_size)

    def _check_reversed_vocabulary(self, names: bool) -> None:
        if self.vocabulary is None or self.perturbation.operator == "none":
            return
        if self.names != names:
            raise UserError(
                f"names are {'' if names else 'not '}reversed in the text and {'' if self.names else 'not '}in the "
                "role-reversed vocabulary: give module and data the same `names`"
            )
        if not len(self.vocabulary.tokens):
            raise UserError(
                "model.perturbation.vocabulary reversed is empty: none of the tokenizer's tokens is a gendered word "
                "whose counterpart is a token, too; set it to identity, or use another tokenizer"
            )

    def configure_model(self) -> None:
        """Load the teacher and build the student and the loss, unless that has been done."""
        if hasattr(self, "student"):
            return
        # Lightning calls this on the training device; transformers would need `accelerate` to load weights there.
        with torch.device("cpu"):
            teacher, self.student = load_teacher_and_student(
                self.teacher_location,
                getattr(torch, self.teacher_source.dtype) if self.uses_teacher else None,
                self.student_source,
                self.student_config,
                self.student_location,
                self.seed,
            )
            # The data may be anybody's.
            if getattr(getattr(self._trainer, "datamodule", None), "document_mask", False):
                names = self.teacher_source.path or "teacher", self.student_source.path or "student"
                check_documents_apart(dict(zip(names, (teacher, self.student), strict=True)))
        if self.student_source.adapter.rank is not None:
            self.base_sha256 = frozen_digest(self.student)
            self.strict_loading = False
        device = torch.device("cpu") if self._trainer is None else self.trainer.strategy.root_device
        place_weights([self.student] if teacher is None else [teacher, self.student], device)
        if teacher is not None:
            self._teacher.append(teacher.to(device))  # type: ignore[arg-type] # transformers' decorator hides the signature
        self.vocabulary = None if self.vocabulary is None else self.vocabulary.to(device)
        self.objective = DistillationObjective(self.loss, self.perturbation, self.vocabulary)

    def on_fit_start(self) -> None:
        """Open `data.teacher_cache`, and prepare `data.rollout`, if the data has them.

        Raises:
            UserError: If the recipe has no teacher, there is no space for the cache, or no prompt for rollouts.
        """
        self._rollout_writer = rollout_writer(self.trainer, self.seed)
        rule = TargetRule(self.perturbation, self.vocabulary)
        self._teacher_caches = open_caches(self.trainer, self.teacher, rule)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one micro-batch, all of it inside this call, so that DDP averages its gradients."""
        trainer = self.trainer
        accumulation = trainer.accumulate_grad_batches
        micro_batch = batch_idx % accumulation * trainer.world_size + trainer.global_rank
        torch.manual_seed(derive_seed(self.seed, trainer.global_step, micro_batch))
        if batch_idx % accumulation == 0:
            self._step_terms.clear()
            if self._rollout_writer is not None:
                self.rollouts = self._rollout_writer.write_step(self.student, trainer)
        valid_tokens = None if self.rollouts is None else self.rollouts.tokens_per_micro_batch
        losses, _ = self._losses(batch, valid_tokens)
        rows, counterfactual_rows = len(batch.inputs), len(batch.counterfactual)
        written = None if self.rollouts is None else self.rollouts.batches[batch_idx % accumulation]
        if written is not None:
            losses = BatchLosses(*map(torch.add, losses, self._losses(written, valid_tokens, hard_labels=False)[0]))
            rows, counterfactual_rows = rows + len(written.inputs), counterfactual_rows + len(written.counterfactual)
        share = counterfactual_rows / rows if self.needs_counterfactual_pass else 0.0
        counterfactual_row_share = losses.loss.new_tensor(share)
        self._step_terms.append(torch.stack([*losses, counterfactual_row_share]).detach())
        return losses.loss

    @property
    def step_terms(self) -> Tensor:
        """`[micro-batches, terms]` values of `STEP_TERMS` on this process, for the optimiser step in progress."""
        return torch.stack(self._step_terms)

    def on_validation_epoch_start(self) -> None:
        """Reset the sums."""
        self._validation_sums = torch.zeros(len(TERMS) + 1, device=self.device)
        self._gap_sums = torch.zeros(2, device=self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one batch to the sums of this process."""
        tokens = (batch.labels != IGNORED_LABEL).sum()
        losses, student_hidden = self._losses(batch)
        self._validation_sums += torch.cat([torch.stack(losses) * tokens, tokens.unsqueeze(0)])
        if len(self._gap_vocabulary.tokens):
            self._gap_sums += gap_sum(self.student, batch, student_hidden, self._gap_vocabulary)

    def on_validation_epoch_end(self) -> None:
        """Log the mean per token over all processes."""
        self._log_sums("val")

    def on_test_epoch_start(self) -> None:
        """Reset the sums."""
        self.on_validation_epoch_start()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one batch to the sums of this process."""
        self.validation_step(batch, batch_idx)

    def on_test_epoch_end(self) -> None:
        """Log the mean per token over all processes."""
        self._log_sums("test")

    def _log_sums(self, stage: str) -> None:
        sums = self.trainer.strategy.reduce(self._validation_sums, reduce_op="sum")
        means = dict(zip(TERMS, sums[:-1] / sums[-1].clamp(min=1), strict=True))
        gap, positions = self.trainer.strategy.reduce(self._gap_sums, reduce_op="sum")
        if positions:
            means["equivariance"] = gap / positions
        # Every process logs the same value, whose mean is itself: BestCheckpoint needs it on each of them.
        self.log_dict({f"{stage}/{name}": value for name, value in means.items()}, sync_dist=True)

    @cached_property
    def _gap_vocabulary(self) -> ReversedVocabulary:
        """π for the equivariance gap: also without an operator, so that a plain student can be compared by it."""
        vocabulary = self.vocabulary or ReversedVocabulary.from_tokenizer(self.tokenizer, names=self.names)
        return vocabulary.to(self.device)

    def _losses(
        self, batch: Batch, valid_tokens: float | None = None, hard_labels: bool = True
    ) -> tuple[BatchLosses, Tensor]:
        """The loss of one batch and its terms, and the student's `[batch · length, D]` hidden states.

        Packed blocks have a label at every position, so that the mean of the micro-batches' means, which Lightning
        and DDP compute, is the mean over the tokens of the whole optimiser step. Where the student writes a part of
        the batch, the normaliser is `valid_tokens`, and only the text has hard labels.
        """
        vocabulary_size = min(len(output_head(model).weight) for model in (self.student, *self._teacher))
        teacher_hidden = teacher_weight = counterfactual_hidden = None
        if self.teacher is not None:
            cache = self._teacher_caches.get("train" if self.training else "validation")
            teacher_hidden, counterfactual_hidden = ask_teacher(
                self.teacher, batch, self.needs_counterfactual_pass, cache
            )
            teacher_weight = output_head(self.teacher).weight[:vocabulary_size]
        # The student runs after the teacher, so that its saved activations are not in memory at the same time as the
        # teacher's.
        student_hidden = last_hidden_states(self.student, batch.inputs, batch.position_ids).flatten(0, 1)
        labels = batch.labels.flatten()
        distillation = self.objective(
            student_hidden,
            output_head(self.student).weight[:vocabulary_size],
            teacher_hidden if self.uses_target else None,
            teacher_weight if self.uses_target else None,
            labels,
            batch.prefix.flatten(),
            counterfactual_hidden,
            valid_tokens=valid_tokens,
            odds_weight=self._odds_weight(),
            hard_labels=None if hard_labels else torch.full_like(labels, IGNORED_LABEL),
            weights=batch.token_weights,
            hard_tokens=len(labels) if valid_tokens is not None and hard_labels else None,
        )
        hidden = distillation.total.new_zeros(())
        if self.loss.hidden_weight and teacher_hidden is not None:
            hidden = hidden_distance(student_hidden, teacher_hidden, labels, valid_tokens, batch.token_weights)
        total = distillation.total + self.loss.hidden_weight * hidden
        return BatchLosses(total, distillation.kd, distillation.lm, hidden, distillation.odds), student_hidden

    def _odds_weight(self) -> float:
        """The weight of the odds at this step; the full one in a validation, whose losses are compared."""
        if not (self.loss.odds_falls and self.training):
            return self.loss.odds_weight
        return self.loss.odds_weight * (1 - self.trainer.global_step / self.trainer.estimated_stepping_batches)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Build AdamW with linear warm-up and linear decay over the optimiser steps of the run.

        Raises:
            UserError: If the trainer limits neither steps nor epochs.
        """
        steps = self.trainer.estimated_stepping_batches
        if math.isinf(steps):
            raise UserError("set trainer.max_steps or trainer.max_epochs: the learning-rate schedule needs an end")
        optimizer, schedule = build_optimizer(self.student.parameters(), self.optimizer, int(steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Of an adapted student, write the adapter only."""
        if self.base_sha256 is not None:
            keep_adapter_only(checkpoint, self.student, self.base_sha256)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint of another student.

        Raises:
            UserError: If its tensors have other names or shapes than this student's, or its adapter another base.
        """
        own = {"state_dict": self.state_dict()}
        self.on_save_checkpoint(own)
        if difference := first_difference(checkpoint["state_dict"], own["state_dict"]):
            name, theirs, ours = difference
            raise UserError(
                f"the checkpoint is of another student: {name} is {theirs} there and {ours} in this recipe; use the "
                "recipe of that run, or another output folder"
            )
        if self.base_sha256 is not None:
            check_base(checkpoint, self.student, self.base_sha256)

    def on_train_start(self) -> None:
        """Apply the current recipe's optimiser settings over those of a checkpoint that the run continues from."""
        schedule = self.trainer.lr_scheduler_configs[0].scheduler
        assert isinstance(schedule, LambdaLR)
        apply_settings(self.trainer.optimizers[0], schedule, self.optimizer)
