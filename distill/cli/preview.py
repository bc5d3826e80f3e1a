"""The command line of `distill preview`: the recipe of a fit, and what to score."""

from argparse import SUPPRESS
from pathlib import Path
from typing import Any

from pytorch_lightning.cli import LightningArgumentParser

from distill.cli.train import TrainingCLI
from distill.preview.run import PreviewOptions, preview


def run(command: str, arguments: list[str]) -> None:
    """Preview the target of a recipe."""
    PreviewCLI(arguments)


class PreviewCLI(TrainingCLI):
    """Reads a recipe as a fit does and builds model and data, but no trainer, which might need a GPU."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments, prog="distill preview", run=False)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the options of a preview to those of a fit."""
        super().add_arguments_to_parser(parser)
        parser.description = __doc__
        parser.add_class_arguments(PreviewOptions, as_group=False)
        # The config.yaml that a fit writes contains them.
        for option in ("ckpt_path", "weights_only"):
            parser.add_argument(f"--{option}", help=SUPPRESS)

    def instantiate_trainer(self, **kwargs: Any) -> None:  # type: ignore[override] # without a subcommand, none is used
        """Build none: a preview needs no trainer."""

    def after_instantiate_classes(self) -> None:
        """Run the preview."""
        options = PreviewOptions(**{name: self.config[name] for name in PreviewOptions.__dataclass_fields__})
        folder = options.output or self.config.trainer.default_root_dir
        preview(options, self.model, self.datamodule, Path(folder))
