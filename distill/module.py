"""The LightningModule: asks teacher and student, hands their hidden states to the loss, holds no mathematics."""

import math
from dataclasses import replace
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from distill.config import LossConfig, OptimizerConfig, PerturbationConfig, StudentConfig, TeacherConfig
from distill.data.blocks import Batch
from distill.errors import UserError
from distill.losses.objective import distillation_loss
from distill.models.compatibility import check_plain_logits, check_positions, check_same_head, check_tokenizer_fits
from distill.models.integrity import first_difference
from distill.models.loading import load_config, load_teacher, take_weights_into_memory
from distill.models.output_head import backbone, block_limit, head_weight
from distill.models.student import build_student, student_config
from distill.models.tokenizers import check_same_vocabulary, load_tokenizer, own_tokenizer
from distill.optimizer import apply_settings, build_optimizer
from distill.perturbation.reversed_vocabulary import ReversedVocabulary
from distill.runtime.seeding import derive_seed

TERMS = ("loss", "kd", "lm", "hidden")
STEP_TERMS = (*TERMS, "reversed_rows")
"""What a training step tells of each micro-batch: the terms, and the share of rows that the teacher was asked twice."""


class DistillationModule(pl.LightningModule):
    """Distils a teacher into a student, with the teacher's predictions perturbed over role-reversed contexts.

    Args:
        teacher: the model whose predictions are distilled.
        tokenizer: folder or hub id; null: the teacher's.
        student: the model that is trained.
        perturbation: how factual and counterfactual predictions become the target.
        loss: weights and shape of the loss.
        optimizer: AdamW and its schedule.
        names: first names are reversed too; from the command line: data.names.
        seed: of the dropout; from the command line: seed_everything.

    Raises:
        UserError: something that was asked for doesn't exist or doesn't fit together.
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

        source = self.teacher_source
        if source.path is None and (self.loss.kd_weight or self.loss.hidden_weight):
            raise UserError("no model.teacher.path: without a teacher, kd_weight and hidden_weight must be 0")
        if tokenizer is None and source.path is None:
            raise UserError("without a teacher, model.tokenizer must name a folder or hub id")
        self.tokenizer = (
            load_tokenizer(tokenizer)
            if tokenizer is not None
            else load_tokenizer(source.path, source.gguf_file, source.revision)
        )
        self.teacher_config = None
        if source.path is not None:
            self.teacher_config = load_config(source.path, source.gguf_file, source.revision)
            if tokenizer is not None and (of_teacher := own_tokenizer(source.path, source.gguf_file, source.revision)):
                check_same_vocabulary(self.tokenizer, of_teacher, (tokenizer, source.path))
        self.student_config = student_config(self.student_source, self.teacher_config, self.tokenizer)
        path = self.student_source.path
        if path is not None and (of_student := own_tokenizer(path)):
            check_same_vocabulary(self.tokenizer, of_student, (tokenizer or source.path or "", path))
        self.names = names
        self.vocabulary = (
            ReversedVocabulary.from_tokenizer(self.tokenizer, names=names)
            if self.perturbation.vocabulary == "reversed"
            else None
        )
        # In a list, the teacher is no child of this module: not in checkpoints, not in DDP, never set to train().
        self._teacher: list[PreTrainedModel] = []
        self._step_terms: list[Tensor] = []
        self.gradient_norm: Tensor | float = 0.0
        """Of the latest optimiser step, before clipping."""

    @property
    def teacher(self) -> PreTrainedModel | None:
        """The frozen teacher, once it is loaded."""
        return self._teacher[0] if self._teacher else None

    @property
    def asks_teacher(self) -> bool:
        """Whether the loss needs the teacher at all."""
        return bool(self.loss.kd_weight or self.loss.hidden_weight)

    @property
    def asks_twice(self) -> bool:
        """Whether the teacher is asked of reversed text too."""
        return bool(self.loss.kd_weight) and self.perturbation.operator != "none"

    @property
    def counterfactual_limit(self) -> int | None:
        """The most tokens that the teacher takes; None where nothing limits them."""
        return None if self.teacher_config is None else block_limit(self.teacher_config)

    def check_data(self, tokenizer: PreTrainedTokenizerBase, block_size: int, names: bool) -> None:
        """Refuse a data module whose blocks teacher and student can't take; nothing is loaded for it.

        Args:
            tokenizer: The data's.
            block_size: Tokens a block.
            names: Whether first names are reversed in the text.

        Raises:
            UserError: If vocabularies differ, a block is longer than the positions of a model, a head doesn't fit the
                tokenizer, logits are capped or scaled, or the role-reversed vocabulary is empty or reverses names
                where the text doesn't.
        """
        if tokenizer is not self.tokenizer:
            check_same_vocabulary(self.tokenizer, tokenizer, ("the model", "the data"))
        self._check_reversed_vocabulary(names)
        teacher, student = self.teacher_config, self.student_config
        both = {"teacher": teacher, "student": student}
        check_tokenizer_fits(both, self.tokenizer)
        check_plain_logits(
            {
                self.teacher_source.path or "teacher": teacher if self.asks_teacher else None,
                self.student_source.path or "student": student,
            }
        )
        if teacher is not None and self.asks_teacher:
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
                "whose counterpart is a token too; set it to identity, or take another tokenizer"
            )

    def configure_model(self) -> None:
        """Load the teacher and build the student, once."""
        if hasattr(self, "student"):
            return
        # Lightning calls this on the training device; transformers would want `accelerate` to load weights there.
        with torch.device("cpu"):
            self.student, teacher = self._load_models()
        device = torch.device("cpu") if self._trainer is None else self.trainer.strategy.root_device
        if device.type == "cpu":
            take_weights_into_memory(self.student)
        if teacher is None:
            return
        if device.type == "cpu":
            take_weights_into_memory(teacher)
        self._teacher.append(teacher.to(device))
        self.vocabulary = None if self.vocabulary is None else self.vocabulary.to(device)

    def _load_models(self) -> tuple[PreTrainedModel, PreTrainedModel | None]:
        """The student, and the teacher if it is asked."""
        source, student = self.teacher_source, self.student_source
        # Layers start from the teacher's own numbers, not from what is left of them in its dtype; and a teacher is
        # loaded in its dtype, since `.to` would round rotary frequencies too.
        copied = load_teacher(replace(source, dtype="float32")) if student.layers is not None else None
        model = build_student(student, self.student_config, copied)
        if not self.asks_teacher:
            return model, None
        if copied is not None and source.dtype == "float32":
            return model, copied
        del copied
        return model, load_teacher(source)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one micro-batch, all of it inside this call, so that DDP averages its gradients."""
        trainer = self.trainer
        accumulation = trainer.accumulate_grad_batches
        micro_batch = batch_idx % accumulation * trainer.world_size + trainer.global_rank
        torch.manual_seed(derive_seed(self.seed, trainer.global_step, micro_batch))
        terms = self._terms(batch)
        asked_twice = len(batch.counterfactual) if self.asks_twice else 0
        reversed_rows = terms.new_full((1,), asked_twice / len(batch.inputs))
        if batch_idx % accumulation == 0:
            self._step_terms.clear()
        self._step_terms.append(torch.cat([terms.detach(), reversed_rows]))
        return terms[0]

    @property
    def step_terms(self) -> Tensor:
        """`[micro-batches, 5]` of `STEP_TERMS`: what this process has seen of the optimiser step at hand."""
        return torch.stack(self._step_terms)

    def on_validation_epoch_start(self) -> None:
        """Sums start at zero."""
        self._validation_sums = torch.zeros(len(TERMS) + 1, device=self.device)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one batch to the sums of this rank."""
        tokens = (batch.labels != -100).sum()
        self._validation_sums += torch.cat([self._terms(batch) * tokens, tokens.unsqueeze(0)])

    def on_validation_epoch_end(self) -> None:
        """Log the mean per token over all ranks."""
        self._log_sums("val")

    def on_test_epoch_start(self) -> None:
        """Sums start at zero."""
        self.on_validation_epoch_start()

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one batch to the sums of this rank."""
        self.validation_step(batch, batch_idx)

    def on_test_epoch_end(self) -> None:
        """Log the mean per token over all ranks."""
        self._log_sums("test")

    def _log_sums(self, stage: str) -> None:
        sums = self.trainer.strategy.reduce(self._validation_sums, reduce_op="sum")
        means = sums[:-1] / sums[-1].clamp(min=1)
        # All ranks log the same value, whose mean is itself: BestCheckpoint needs it on every one.
        self.log_dict({f"{stage}/{name}": value for name, value in zip(TERMS, means, strict=True)}, sync_dist=True)

    def _terms(self, batch: Batch) -> Tensor:
        """`[4]`: total loss, divergence, cross-entropy, hidden-state distance; means over this batch's tokens.

        Packed blocks have a label at every position, so that the mean of the micro-batches' means, which Lightning
        and DDP take, is the mean over the tokens of the whole optimiser step.
        """
        loss, perturbation = self.loss, self.perturbation
        vocabulary_size = min(len(head_weight(model)) for model in (self.student, *self._teacher))
        teacher_hidden = teacher_weight = counterfactual_hidden = None
        if self.teacher is not None:
            teacher_hidden = self._ask_teacher(batch.inputs).flatten(0, 1)
            teacher_weight = head_weight(self.teacher)[:vocabulary_size]
            if self.asks_twice and len(batch.counterfactual):
                counterfactual_hidden = self._ask_teacher(batch.counterfactual).flatten(0, 1)[batch.gather]
        # The student after the teacher: what autograd keeps of it does not lie beside the teacher's activations.
        student_hidden = backbone(self.student)(input_ids=batch.inputs, use_cache=False).last_hidden_state.flatten(0, 1)
        labels = batch.labels.flatten()
        terms = distillation_loss(
            student_hidden,
            head_weight(self.student)[:vocabulary_size],
            teacher_hidden if loss.kd_weight else None,
            teacher_weight if loss.kd_weight else None,
            labels,
            prefix=batch.prefix.flatten(),
            counterfactual_hidden=counterfactual_hidden,
            operator=perturbation.operator,
            vocabulary=self.vocabulary,
            contexts=perturbation.contexts,
            temperature=loss.temperature,
            kd_weight=loss.kd_weight,
            lm_weight=loss.lm_weight,
            divergence=loss.divergence,
            jsd_beta=loss.jsd_beta,
            chunk_size=loss.chunk_size,
            compiled=loss.compile,
        )
        hidden = terms.total.new_zeros(())
        if loss.hidden_weight and teacher_hidden is not None:
            distance = 1 - functional.cosine_similarity(student_hidden.float(), teacher_hidden.float(), dim=-1)
            valid = labels != -100
            hidden = (distance * valid).sum() / valid.sum().clamp(min=1)
        return torch.stack([terms.total + loss.hidden_weight * hidden, terms.kd, terms.lm, hidden])

    @torch.no_grad()
    def _ask_teacher(self, ids: Tensor) -> Tensor:
        assert self.teacher is not None
        return backbone(self.teacher)(input_ids=ids, use_cache=False).last_hidden_state

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW with linear warm-up and linear decay, a schedule of optimiser steps."""
        steps = self.trainer.estimated_stepping_batches
        if math.isinf(steps):
            raise UserError("give trainer.max_steps or trainer.max_epochs: the learning rate's schedule needs an end")
        optimizer, schedule = build_optimizer(self.student.parameters(), self.optimizer, int(steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Make sure that the checkpoint is of this student.

        Raises:
            UserError: it isn't.
        """
        if difference := first_difference(checkpoint["state_dict"], self.state_dict()):
            name, there, here = difference
            raise UserError(
                f"the checkpoint is of another student: {name} is {there} there and {here} in this recipe; give the "
                "recipe of that run, or another output folder"
            )

    def on_train_start(self) -> None:
        """The recipe of today holds, also over that of a checkpoint which the run continues from."""
        apply_settings(self.trainer.optimizers[0], self.trainer.lr_scheduler_configs[0].scheduler, self.optimizer)
