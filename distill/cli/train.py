"""`distill fit`, `validate` and `test`: a LightningCLI with this project's model, data and files."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonargparse
import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.utilities import rank_zero_warn

from augment.runtime.error_text import one_line
from augment.runtime.locks import locked
from distill.callbacks.checkpointing import BestCheckpoint, LastCheckpoint
from distill.callbacks.export_student import ExportStudent
from distill.callbacks.graceful_stop import GracefulStop
from distill.callbacks.nonfinite_guard import NonFiniteGuard
from distill.callbacks.progress_bar import TrainingProgressBar
from distill.callbacks.settings_history import SettingsHistory, changes, settings_in, training_settings
from distill.callbacks.throughput_monitor import StepThroughput
from distill.cli.parser import OneLineErrors
from distill.data.datamodule import CounterfactualDataModule
from distill.errors import RecipeWarning, UserError
from distill.module import DistillationModule
from distill.runtime.signals import stopped_by_signals
from distill.training.checkpoint_io import AtomicCheckpointIO, check_unfinished, read_checkpoint
from distill.training.metrics_csv import MetricsFile
from distill.training.preflight import check_recipe

log = logging.getLogger(__name__)

_COMMANDS = {
    "fit": "Train a student, and export it.",
    "validate": "Measure the losses of a checkpoint on data.validation.",
    "test": "Measure the losses of a checkpoint on data.validation, under the name of a test.",
}
_FOLLOWS = "Can't be set: it follows from data.global_batch_size, data.micro_batch_size and the number of devices."
_LIMIT = "How many batches are measured, on all devices together, or which share of them: 1.0 is all."
_HELP = {
    "seed_everything": "Seed of the blocks' order, of dropout and of data.augmentation substitute: a number.",
    "trainer.default_root_dir": "The run's folder, on this machine.",
    "trainer.accumulate_grad_batches": _FOLLOWS,
    "trainer.overfit_batches": "Can't be set: give a small text, and many trainer.max_epochs.",
    "trainer.limit_train_batches": "Can't be set: give trainer.max_steps for a shorter run.",
    "trainer.val_check_interval": "Optimiser steps between two validations; below 1.0: a share of the epoch.",
    "trainer.limit_val_batches": _LIMIT,
    "trainer.limit_test_batches": _LIMIT,
    "trainer.logger": "Loggers beside metrics.csv, which a fit always writes.",
}
"""Of arguments that aren't here what they are in Lightning."""
_CKPT_PATH = (
    "what is measured: best, last, or a file; by default the run's best checkpoint, or else its last",
    "where the run continues: last, best, or a file; last begins anew where there is none yet",
)
"""The argument's help: for a measurement, for a fit."""

_HIGHEST_SEED = 2**32 - 1
"""That numpy takes."""


def run(command: str, arguments: list[str]) -> None:
    """`distill fit`, `validate` or `test`."""
    TrainingCLI([command, *arguments])


class TrainingCLI(LightningCLI):
    """Links what model and data must agree on; everything lies in `trainer.default_root_dir`."""

    def __init__(self, arguments: list[str], prog: str = "distill", run: bool = True) -> None:
        logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(_no_advertisement)
        # A run that continues finds its own checkpoints.
        warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
        # “${data.block_size}” in a recipe reads like the argument of the same name, and overrides reach it.
        jsonargparse.set_parsing_settings(omegaconf_absolute_to_relative_paths=True)
        jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
        # No class_path in os, subprocess and the like: jsonargparse's own list, which it only warns of by default.
        jsonargparse.set_parsing_settings(import_path_denylist=[])
        # Each command's parser takes most of a second to make.
        self._commands = arguments[:1] if run else []
        command = " ".join([prog, *self._commands])
        warnings.formatwarning = lambda message, *_, **__: f"{command}: warning: {one_line(str(message))}\n"
        # An empty list is what it takes for no validation.
        warnings.filterwarnings("ignore", message="Total length of `list` across ranks is zero")
        super().__init__(
            DistillationModule,
            CounterfactualDataModule,
            args=arguments,
            auto_configure_optimizers=False,
            seed_everything_default=42,
            save_config_callback=_SaveConfigOfFit,
            save_config_kwargs={"overwrite": True},
            run=run,
            parser_class=_RecipeParser,
            parser_kwargs={"prog": prog, "parser_mode": "omegaconf+", "allow_abbrev": False},
            trainer_defaults={
                "callbacks": [
                    GracefulStop(),
                    NonFiniteGuard(),
                    StepThroughput(),
                    SettingsHistory(),
                    BestCheckpoint(),
                    ExportStudent(),
                ],
                "default_root_dir": "outputs",
                "use_distributed_sampler": False,
                "log_every_n_steps": 10,
                "logger": False,
            },
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Only the one that is asked for."""
        return {command: LightningCLI.subcommands()[command] for command in self._commands}

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        """Lightning's, whose help tells of what is not so here."""
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        parser.description = _COMMANDS[subcommand]
        helped = _HELP | {"ckpt_path": _CKPT_PATH[subcommand == "fit"]}
        for action in parser._actions:
            action.help = helped.get(action.dest, action.help)
        for group in parser._action_groups:
            if any(action.dest == "ckpt_path" for action in group._group_actions):
                group.title = f"The arguments of {subcommand} itself"
        return parser

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Only the given arguments, whatever else stands in `sys.argv`."""
        self.config = parser.parse_args(args)

    def _parse_ckpt_path(self) -> None:
        """Take no settings out of a checkpoint, as Lightning would: ours hold none, a stranger's are not asked."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The checkpoint's own group, and what model and data must agree on."""
        parser.add_lightning_class_args(LastCheckpoint, "checkpoint")
        parser.link_arguments("seed_everything", "model.seed", compute_fn=_as_seed)
        parser.link_arguments("seed_everything", "data.seed", compute_fn=_as_seed)
        parser.link_arguments("data.names", "model.names")
        parser.link_arguments("model", "data.tokenizer", compute_fn=_tokenizer, apply_on="instantiate")
        parser.link_arguments("model.counterfactual_limit", "data.counterfactual_limit", apply_on="instantiate")

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """A fit writes metrics.csv beside whatever loggers the recipe names."""
        settings = self._get(self.config_init, "trainer")
        folder = str(settings["default_root_dir"])
        if "://" in folder:
            raise UserError(
                f"trainer.default_root_dir {folder!r} is an address: give a folder, if need be a mounted one"
            )
        given = settings["callbacks"] or []
        callbacks = [*given] if isinstance(given, list) else [given]
        has_bar = any(isinstance(callback, pl.callbacks.ProgressBar) for callback in callbacks)
        if settings["enable_progress_bar"] is not False and not has_bar:
            callbacks.append(TrainingProgressBar())
        kwargs["callbacks"] = callbacks
        try:
            trainer = super().instantiate_trainer(**kwargs)
        except (ValueError, MisconfigurationException) as error:
            remedy = "; without a GPU: --trainer.accelerator cpu" if "backend" in str(error) else ""
            raise UserError(f"trainer: {error}{remedy}") from error
        trainer.strategy.checkpoint_io = AtomicCheckpointIO()
        if self.subcommand == "fit" and not trainer.fast_dev_run:
            trainer.loggers = [MetricsFile(trainer.default_root_dir), *trainer.loggers]
        return trainer

    def before_fit(self) -> None:
        """Refuse what can't work before anything is packed."""
        for name in ("max_steps", "max_epochs"):
            if getattr(self.trainer, name) == 0:
                raise UserError(f"trainer.{name} is 0: nothing would be learnt; distill validate measures a checkpoint")
        check_recipe(self.model, self.datamodule, self._output)
        self.datamodule.check_trainer(self.trainer)
        checkpoint = self._resolve_checkpoint(may_be_missing=True)
        if checkpoint is None and self.trainer.is_global_zero:
            check_unfinished(self._output)
            if (self._output / "student").is_dir():
                log.info("the finished run in %s will be replaced", self._output)

    def fit(self, **kwargs: Any) -> None:
        """Train, as the only run that writes into this folder."""
        with self._alone(), stopped_by_signals():
            self.trainer.fit(**kwargs)

    def validate(self, **kwargs: Any) -> None:
        """Measure, until a signal says otherwise."""
        with stopped_by_signals():
            self.trainer.validate(**kwargs)

    def test(self, **kwargs: Any) -> None:
        """Measure, until a signal says otherwise."""
        with stopped_by_signals():
            self.trainer.test(**kwargs)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self.trainer.is_global_zero or self.trainer.fast_dev_run:
            yield
            return
        there = self._output.exists()
        self._output.mkdir(parents=True, exist_ok=True)
        try:
            with locked(self._output / ".lock", self._busy):
                yield
        finally:
            if not there and not any(self._output.iterdir()):
                self._output.rmdir()

    def _busy(self) -> None:
        raise UserError(
            f"another run is writing into {str(self._output)!r}: wait for its end, or choose another "
            "trainer.default_root_dir"
        )

    @property
    def _output(self) -> Path:
        return Path(self.trainer.default_root_dir)

    def before_validate(self) -> None:
        """Refuse what can't work before anything is packed."""
        if not self.datamodule.validation_sources:
            raise UserError("data.validation is not set, so there is nothing to measure")
        check_recipe(self.model, self.datamodule, self._output)
        if self.config_init[self.subcommand]["ckpt_path"] is None:
            self._choose_checkpoint()
        self._resolve_checkpoint()

    before_test = before_validate

    def _choose_checkpoint(self) -> None:
        """Measure what the run exported, the best state or else the last; never a student that has learnt nothing."""
        folder = self._output / "checkpoints"
        name = next((name for name in ("best", "last") if (folder / f"{name}.ckpt").is_file()), None)
        if name is None:
            raise UserError(
                f"there is no checkpoint in {str(folder)!r} to measure: give --ckpt_path FILE, or the "
                "trainer.default_root_dir of a run"
            )
        self.config_init[self.subcommand]["ckpt_path"] = name
        if self.trainer.is_global_zero:
            log.info("measuring %s", folder / f"{name}.ckpt")

    def _resolve_checkpoint(self, may_be_missing: bool = False) -> Path | None:
        """The file behind `ckpt_path`, which may say `last` or `best`; the trainer is given that file.

        A run that is to be started and continued by one command has no last one yet when it starts.
        """
        settings = self.config_init[self.subcommand]
        given = settings["ckpt_path"]
        if given is None:
            return None
        file = self._output / "checkpoints" / f"{given}.ckpt" if given in ("last", "best") else Path(given)
        if file.is_file():
            if self.trainer.is_global_zero:
                # A damaged one is better found before hours of packing.
                checkpoint = read_checkpoint(file, to_continue=self.subcommand == "fit")
                changed = changes(settings_in(checkpoint), training_settings(self.model))
                if changed and self.subcommand != "fit":
                    rank_zero_warn(f"{file} is measured with {', '.join(changed.values())}", category=RecipeWarning)
            settings["ckpt_path"] = str(file)
            return file
        if given == "last" and may_be_missing:
            settings["ckpt_path"] = None
            return None
        raise UserError(f"ckpt_path: there is no file {str(file)!r}")


class _RecipeParser(OneLineErrors, LightningArgumentParser):
    """Lightning's, with errors on one line."""


class _SaveConfigOfFit(SaveConfigCallback):
    """config.yaml is what a fit ran with: neither validating the run later nor a fit that can't start replaces it."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Deferred to `on_train_start`, so that a failed start leaves config.yaml untouched."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it, as the checkpoints of an earlier run in the folder go; where this run went on is no part of it."""
        self.config = self.config.clone()
        self.config["ckpt_path"] = None
        super().setup(trainer, pl_module, "fit")


def _no_advertisement(record: logging.LogRecord) -> bool:
    return not any(words in record.getMessage() for words in ("litlogger", "weights_only", "`train_dataloader` to est"))


def _as_seed(seed_everything: bool | int) -> int:
    if isinstance(seed_everything, bool):
        raise ValueError(f"{seed_everything}: give a number, so that the run can be repeated")
    if not 0 <= seed_everything <= _HIGHEST_SEED:
        raise ValueError(f"{seed_everything}: it must be from 0 to {_HIGHEST_SEED}")
    return seed_everything


def _tokenizer(model: DistillationModule) -> Any:
    return model.tokenizer
