"""`distill fit`, `validate` and `test`: a LightningCLI with this project's model, data and files."""

import logging
from pathlib import Path
from typing import Any

import jsonargparse
import pytorch_lightning as pl
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback

from distill.callbacks import BestCheckpoint, ExportStudent, LastCheckpoint, Throughput
from distill.data import CounterfactualDataModule
from distill.errors import UserError
from distill.metrics_file import MetricsFile
from distill.models import block_limit
from distill.module import DistillationModule
from distill.recipe import check_recipe

COMMANDS = ("fit", "validate", "test")


class TrainingCLI(LightningCLI):
    """Links what model and data must agree on; everything lies in `trainer.default_root_dir`."""

    def __init__(self, arguments: list[str], prog: str = "distill", run: bool = True) -> None:
        logging.getLogger("pytorch_lightning.utilities.rank_zero").addFilter(_no_advertisement)
        # “${data.block_size}” in a recipe reads like the argument of the same name, and overrides reach it.
        jsonargparse.set_parsing_settings(omegaconf_absolute_to_relative_paths=True)
        jsonargparse.set_parsing_settings(docstring_parse_attribute_docstrings=True)
        super().__init__(
            DistillationModule,
            CounterfactualDataModule,
            args=arguments,
            auto_configure_optimizers=False,
            seed_everything_default=42,
            save_config_callback=_SaveConfigOfFit,
            save_config_kwargs={"overwrite": True},
            run=run,
            parser_kwargs={"prog": prog, "parser_mode": "omegaconf+"},
            trainer_defaults={
                "callbacks": [BestCheckpoint(), ExportStudent(), Throughput()],
                "default_root_dir": "outputs",
                "use_distributed_sampler": False,
                "log_every_n_steps": 10,
                "logger": False,
            },
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Lightning's, without predict."""
        return {command: LightningCLI.subcommands()[command] for command in COMMANDS}

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Only the given arguments, whatever else stands in `sys.argv`."""
        self.config = parser.parse_args(args)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The checkpoint's own group, and what model and data must agree on."""
        parser.add_lightning_class_args(LastCheckpoint, "checkpoint")
        parser.link_arguments("seed_everything", "model.seed", compute_fn=_as_seed)
        parser.link_arguments("seed_everything", "data.seed", compute_fn=_as_seed)
        parser.link_arguments("data.names", "model.names")
        parser.link_arguments("model", "data.tokenizer", compute_fn=_tokenizer, apply_on="instantiate")
        parser.link_arguments("model", "data.counterfactual_limit", compute_fn=_teacher_limit, apply_on="instantiate")

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """A fit writes metrics.csv beside whatever loggers the recipe names."""
        trainer = super().instantiate_trainer(**kwargs)
        if self.subcommand == "fit" and not trainer.fast_dev_run:
            trainer.loggers = [MetricsFile(trainer.default_root_dir), *trainer.loggers]
        return trainer

    def before_fit(self) -> None:
        """Refuse what can't work before anything is packed."""
        check_recipe(self.model, self.datamodule, Path(self.trainer.default_root_dir))
        self._check_checkpoint(may_be_missing="last")

    def before_validate(self) -> None:
        """Refuse what can't work before anything is packed."""
        if not self.datamodule.validation_sources:
            raise UserError("data.validation is not set, so there is nothing to measure")
        check_recipe(self.model, self.datamodule, Path(self.trainer.default_root_dir))
        self._check_checkpoint()

    before_test = before_validate

    def _check_checkpoint(self, may_be_missing: str | None = None) -> None:
        path = self.config[self.subcommand].ckpt_path
        if path is None or path == may_be_missing:
            return
        checkpoints = Path(self.trainer.default_root_dir) / "checkpoints"
        file = checkpoints / f"{path}.ckpt" if path in ("last", "best") else Path(path)
        if not file.is_file():
            raise UserError(f"ckpt_path: there is no file {str(file)!r}")
        if path == "best":
            raise UserError(f"ckpt_path: give the file itself, {file}")


class _SaveConfigOfFit(SaveConfigCallback):
    """config.yaml is what a fit ran with; validating the run later must not replace it."""

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if stage == "fit":
            super().setup(trainer, pl_module, stage)


def _no_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage()


def _as_seed(seed_everything: bool | int) -> int:
    if isinstance(seed_everything, bool):
        raise ValueError("give seed_everything as a number, so that the run can be repeated")
    return seed_everything


def _tokenizer(model: DistillationModule) -> Any:
    return model.tokenizer


def _teacher_limit(model: DistillationModule) -> int | None:
    return None if model.teacher_config is None else block_limit(model.teacher_config)
