"""The command line of `distill preview`: the recipe of a fit, and what is to be scored."""

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
    """Reads a recipe as a fit reads it, builds model and data, but no trainer: a GPU's recipe is previewed anywhere."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments, prog="distill preview", run=False)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The options of a preview, beside a fit's."""
        super().add_arguments_to_parser(parser)
        parser.description = __doc__
        parser.add_class_arguments(PreviewOptions, as_group=False)
        # They stand in the config.yaml that a fit wrote.
        for option in ("ckpt_path", "weights_only"):
            parser.add_argument(f"--{option}", help=SUPPRESS)

    def instantiate_trainer(self, **kwargs: Any) -> None:
        """None is needed."""

    def after_instantiate_classes(self) -> None:
        """Run the preview."""
        options = PreviewOptions(**{name: self.config[name] for name in PreviewOptions.__dataclass_fields__})
        folder = options.output or self.config.trainer.default_root_dir
        preview(options, self.model, self.datamodule, Path(folder))
