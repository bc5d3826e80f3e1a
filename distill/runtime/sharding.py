"""Whether a strategy divides the weights among devices."""

from pytorch_lightning.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy, Strategy


def divides_weights(strategy: Strategy) -> bool:
    """Whether no process holds all weights."""
    return isinstance(strategy, FSDPStrategy | ModelParallelStrategy | DeepSpeedStrategy)
