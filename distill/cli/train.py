"""`distill fit`, `validate` and `test`: a LightningCLI with this project's model, data and output files."""

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
from distill.callbacks.averaged_weights import AveragedWeights
from distill.callbacks.checkpointing import BestCheckpoint, LastCheckpoint
from distill.callbacks.export_student import ExportStudent
from distill.callbacks.graceful_stop import GracefulStop
from distill.callbacks.nonfinite_guard import NonFiniteGuard
from distill.callbacks.progress_bar import TrainingProgressBar
from distill.callbacks.settings_history import SettingsHistory, changes, settings_in, training_settings
from distill.callbacks.stop_when_fair import StopWhenFair
from distill.callbacks.throughput_monitor import StepThroughput
from distill.cli.parser import OneLineErrors
from distill.data.datamodule import CounterfactualDataModule
from distill.errors import RecipeWarning, UserError
from distill.module import DistillationModule
from distill.rollouts import check_rollout_strategy
from distill.runtime.signals import stopped_by_signals
from distill.training.checkpoint_io import AtomicCheckpointIO, check_unfinished, read_checkpoint
from distill.training.metrics_csv import MetricsFile
from distill.training.preflight import check_recipe

log = logging.getLogger(__name__)

_COMMANDS = {
    "fit": "Train a student, and export it.",
    "validate": "Measure the losses of a checkpoint on data.validation.",
    "test": "Measure the losses of a checkpoint on data.validation, logged as a test.",
}
_DERIVED = "Cannot be set: it follows from data.global_batch_size, data.micro_batch_size and the number of devices."
_LIMIT = "How many batches to measure, over all devices, or a share of them: 1.0 is all."
_HELP = {
    "seed_everything": "Seed of the order of blocks, of dropout and of data.augmentation substitute: a number.",
    "trainer.default_root_dir": "The run's output folder, on this machine.",
    "trainer.accumulate_grad_batches": _DERIVED,
    "trainer.overfit_batches": "Cannot be set: use a small text and many trainer.max_epochs.",
    "trainer.limit_train_batches": "Cannot be set: use trainer.max_steps for a shorter run.",
    "trainer.val_check_interval": "Optimiser steps between two validations; below 1.0: a share of the epoch.",
    "trainer.limit_val_batches": _LIMIT,
    "trainer.limit_test_batches": _LIMIT,
    "trainer.logger": "Loggers in addition to metrics.csv, which a fit always writes.",
}
"""Help of the arguments that mean something else than in Lightning."""
_CKPT_PATH = (
    "The checkpoint to measure: best, last, or a file; by default the run's best checkpoint, or else its last.",
    "The checkpoint to continue from: last, best, or a file; last starts from scratch if there is none yet.",
)
"""Help of the argument ckpt_path: of validate and test, and of fit."""

_HIGHEST_SEED = 2**32 - 1
"""The highest seed that NumPy accepts."""


def run(command: str, arguments: list[str]) -> None:
    """Run `distill fit`, `validate` or `test`."""
    TrainingCLI([command, *arguments])


class TrainingCLI(LightningCLI):
    """Links the settings that model and data must agree on; all output goes into `trainer.default_root_dir`."""

    def __init__(self, arguments: list[str], prog: str = "distill", run: bool = True) -> None:
        logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(_is_relevant)
        # A run that continues finds its own checkpoints.
        warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
        # “${data.block_size}” in a recipe has the name of the argument, and follows its overrides.
        jsonargparse.set_parsing_settings(omegaconf_absolute_to_relative_paths=True)
        jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
        # Refuse a class_path in os, subprocess and the like: by default, jsonargparse only warns about its denylist.
        jsonargparse.set_parsing_settings(import_path_denylist=[])
        # Building the parser of a command takes most of a second, so that only the requested one is built.
        self._commands = arguments[:1] if run else []
        command = " ".join([prog, *self._commands])
        warnings.formatwarning = lambda message, *_, **__: f"{command}: warning: {one_line(str(message))}\n"
        # `val_dataloader` returns an empty list without validation.
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
                    AveragedWeights(),
                    ExportStudent(),
                ],
                "default_root_dir": "outputs",
                "use_distributed_sampler": False,
                "log_every_n_steps": 10,
                "logger": False,
            },
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """The requested subcommand only."""
        return {command: LightningCLI.subcommands()[command] for command in self._commands}

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        """Lightning's parser, with the help of the arguments that mean something else here replaced."""
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        parser.description = _COMMANDS[subcommand]
        help_texts = _HELP | {"ckpt_path": _CKPT_PATH[subcommand == "fit"]}
        for action in parser._actions:
            action.help = help_texts.get(action.dest, action.help)
        for group in parser._action_groups:
            if any(action.dest == "ckpt_path" for action in group._group_actions):
                group.title = f"Arguments of {subcommand}"
        return parser

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the given arguments, whatever `sys.argv` holds."""
        self.config = parser.parse_args(args)

    def _parse_ckpt_path(self) -> None:
        """Read no settings from a checkpoint, as Lightning would: ours hold none, and others' are not trusted."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the groups `checkpoint` and `stop_when_fair`, and link the settings that model and data must agree on."""
        parser.add_lightning_class_args(LastCheckpoint, "checkpoint")
        parser.add_lightning_class_args(StopWhenFair, "stop_when_fair")
        parser.link_arguments("seed_everything", "model.seed", compute_fn=_as_seed)
        parser.link_arguments("seed_everything", "data.seed", compute_fn=_as_seed)
        parser.link_arguments("data.names", "model.names")
        parser.link_arguments("model", "data.tokenizer", compute_fn=_tokenizer, apply_on="instantiate")
        parser.link_arguments("model.counterfactual_limit", "data.counterfactual_limit", apply_on="instantiate")

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Build the trainer; that of a fit writes metrics.csv in addition to the loggers of the recipe.

        Raises:
            UserError: If the output folder is an address, or Lightning refuses a setting.
        """
        settings = self._get(self.config_init, "trainer")
        folder = str(settings["default_root_dir"])
        if "://" in folder:
            raise UserError(f"trainer.default_root_dir {folder!r} is an address: give a folder, mounted if necessary")
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
        if self.subcommand == "fit" and not trainer.fast_dev_run:  # type: ignore[attr-defined] # set by a connector
            trainer.loggers = [MetricsFile(trainer.default_root_dir), *trainer.loggers]
        return trainer

    def before_fit(self) -> None:
        """Check the whole recipe before anything is packed.

        Raises:
            UserError: If the recipe cannot work, or the folder holds an unfinished run.
        """
        for name in ("max_steps", "max_epochs"):
            if getattr(self.trainer, name) == 0:
                raise UserError(
                    f"trainer.{name} is 0: nothing would be learnt; to measure a checkpoint, use distill validate"
                )
        check_recipe(self.model, self.datamodule, self._output)
        if self.datamodule.rollout.share:
            check_rollout_strategy(self.trainer)
        self.datamodule.check_trainer(self.trainer)
        for callback in self.trainer.callbacks:  # type: ignore[attr-defined] # set by a connector
            if isinstance(callback, AveragedWeights):
                callback.check(self.trainer, self.model)
            if isinstance(callback, StopWhenFair):
                callback.check(self.trainer, self.model, self.datamodule)
        checkpoint = self._resolve_checkpoint(may_be_missing=True)
        if checkpoint is None and self.trainer.is_global_zero:
            check_unfinished(self._output)
            if (self._output / "student").is_dir():
                log.info("the finished run in %s will be replaced", self._output)

    def fit(self, **kwargs: Any) -> None:
        """Train, as the only process that writes into this folder; a signal stops it between two steps."""
        with self._exclusive_output(), stopped_by_signals():
            self.trainer.fit(**kwargs)

    def validate(self, **kwargs: Any) -> None:
        """Validate; a signal stops it at once."""
        with stopped_by_signals():
            self.trainer.validate(**kwargs)

    def test(self, **kwargs: Any) -> None:
        """Test; a signal stops it at once."""
        with stopped_by_signals():
            self.trainer.test(**kwargs)

    @contextmanager
    def _exclusive_output(self) -> Iterator[None]:
        """Lock the output folder; one that was created for the lock, and stayed empty, is removed."""
        if not self.trainer.is_global_zero or self.trainer.fast_dev_run:  # type: ignore[attr-defined] # by a connector
            yield
            return
        existed = self._output.exists()
        self._output.mkdir(parents=True, exist_ok=True)
        try:
            with locked(self._output / ".lock", self._refuse_second_run):
                yield
        finally:
            if not existed and not any(self._output.iterdir()):
                self._output.rmdir()

    def _refuse_second_run(self) -> None:
        raise UserError(
            f"another run is writing into {str(self._output)!r}: wait until it ends, or choose another "
            "trainer.default_root_dir"
        )

    @property
    def _output(self) -> Path:
        return Path(self.trainer.default_root_dir)

    def before_validate(self) -> None:
        """Check the whole recipe before anything is packed.

        Raises:
            UserError: If the recipe cannot work, or there is no validation text or no checkpoint.
        """
        if not self.datamodule.validation_sources:
            raise UserError("data.validation is not set, so there is nothing to measure")
        check_recipe(self.model, self.datamodule, self._output)
        if self.config_init[self.subcommand]["ckpt_path"] is None:
            self._choose_checkpoint()
        self._resolve_checkpoint()

    before_test = before_validate

    def _choose_checkpoint(self) -> None:
        """Choose the checkpoint that the run exported, the best or else the last, never an untrained student."""
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
        """Replace `ckpt_path`, which may be `last` or `best`, by the file that it stands for.

        Args:
            may_be_missing: Whether `last` may have no file yet: one command both starts and continues a run.

        Returns:
            The file; None to start from scratch.

        Raises:
            UserError: If there is no such file, or it is corrupt.
        """
        settings = self.config_init[self.subcommand]
        given = settings["ckpt_path"]
        if given is None:
            return None
        file = self._output / "checkpoints" / f"{given}.ckpt" if given in ("last", "best") else Path(given)
        if file.is_file():
            if self.trainer.is_global_zero:
                # Find a corrupt one before hours of packing.
                checkpoint = read_checkpoint(file, to_continue=self.subcommand == "fit")
                changed = changes(settings_in(checkpoint), training_settings(self.model))
                if changed and self.subcommand != "fit":
                    rank_zero_warn(f"{file} is measured with {', '.join(changed.values())}", category=RecipeWarning)
            settings["ckpt_path"] = str(file)
            return file
        if given == "last" and may_be_missing:
            settings["ckpt_path"] = None
            return None
        raise UserError(f"ckpt_path: there is no file {str(file)!r}; give last, best, or the file of a checkpoint")


class _RecipeParser(OneLineErrors, LightningArgumentParser):
    """Lightning's parser, with errors on one line."""


class _SaveConfigOfFit(SaveConfigCallback):
    """Writes config.yaml, the settings of a fit; no later validation and no fit that fails to start replaces it."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Deferred to `on_train_start`, so that a failed start leaves config.yaml untouched."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write it when an earlier run's checkpoints are removed, too; `ckpt_path` is left out."""
        self.config = self.config.clone()
        self.config["ckpt_path"] = None
        super().setup(trainer, pl_module, "fit")


def _is_relevant(record: logging.LogRecord) -> bool:
    """Whether a message of Lightning's is neither an advertisement nor about an internal of ours."""
    return not any(
        phrase in record.getMessage() for phrase in ("litlogger", "weights_only", "`train_dataloader` to est")
    )


def _as_seed(seed_everything: bool | int) -> int:
    if isinstance(seed_everything, bool):
        raise ValueError(f"{seed_everything}: give a number, so that the run can be repeated")
    if not 0 <= seed_everything <= _HIGHEST_SEED:
        raise ValueError(f"{seed_everything}: it must be between 0 and {_HIGHEST_SEED}")
    return seed_everything


def _tokenizer(model: DistillationModule) -> Any:
    return model.tokenizer
