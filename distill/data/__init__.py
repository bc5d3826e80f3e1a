"""Documents → two token streams → blocks → batches. Documents themselves are read by `augment.documents`."""

from distill.data.datamodule import CounterfactualDataModule

__all__ = ["CounterfactualDataModule"]
