"""`distill fit`, `validate` and `test`: a LightningCLI with this project's model, data and files."""

import logging
from pathlib import Path
from typing import Any

import jsonargparse
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

from distill.callbacks import ExportStudent, Throughput
from distill.data import CounterfactualDataModule
from distill.metrics_file import MetricsFile
from distill.models import block_limit
from distill.module import DistillationModule
from distill.recipe import check_recipe

COMMANDS = ("fit", "validate", "test")


class TrainingCLI(LightningCLI):
    """Links what model and data must agree on; everything lies in `trainer.default_root_dir`."""

    def __init__(self, arguments: list[str]) -> None:
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
            save_config_kwargs={"overwrite": True},
            parser_kwargs={"prog": "distill", "parser_mode": "omegaconf+"},
            trainer_defaults={
                "callbacks": [ExportStudent(), Throughput()],
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
        """The checkpoint's own group, and the links."""
        parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
        parser.set_defaults(
            {
                "checkpoint.filename": "best",
                "checkpoint.save_last": True,
                "checkpoint.enable_version_counter": False,
                "checkpoint.auto_insert_metric_name": False,
            }
        )
        parser.link_arguments(
            ("data.validation", "trainer.limit_val_batches"), "checkpoint.monitor", compute_fn=_monitored
        )
        parser.link_arguments(
            ("data.validation", "trainer.limit_val_batches"),
            "checkpoint.save_top_k",
            compute_fn=lambda *validated: int(_monitored(*validated) is not None),
        )
        parser.link_arguments(
            "trainer.default_root_dir", "checkpoint.dirpath", compute_fn=lambda root: str(Path(root) / "checkpoints")
        )
        parser.link_arguments("seed_everything", "model.seed", compute_fn=_as_seed)
        parser.link_arguments("seed_everything", "data.seed", compute_fn=_as_seed)
        parser.link_arguments("data.names", "model.names")
        parser.link_arguments("model", "data.tokenizer", compute_fn=_tokenizer, apply_on="instantiate")
        parser.link_arguments("model", "data.counterfactual_limit", compute_fn=_teacher_limit, apply_on="instantiate")

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """With metrics.csv beside whatever loggers the recipe names."""
        trainer = super().instantiate_trainer(**kwargs)
        trainer.loggers = [MetricsFile(trainer.default_root_dir), *trainer.loggers]
        return trainer

    def before_fit(self) -> None:
        """Refuse what can't work before anything is packed."""
        check_recipe(self.model, self.datamodule, Path(self.trainer.default_root_dir))

    before_validate = before_fit
    before_test = before_fit


def _no_advertisement(record: logging.LogRecord) -> bool:
    return "litlogger" not in record.getMessage()


def _monitored(validation: Any, limit_val_batches: Any) -> str | None:
    return "val/loss" if validation and limit_val_batches != 0 else None


def _as_seed(seed_everything: bool | int) -> int:
    return int(seed_everything)


def _tokenizer(model: DistillationModule) -> Any:
    return model.tokenizer


def _teacher_limit(model: DistillationModule) -> int | None:
    return None if model.teacher_config is None else block_limit(model.teacher_config)
