"""Keeps a moving average of the trained weights, which is validated and exported in their place.

Lightning's `WeightAveraging` copies the whole module, with all frozen weights and a second teacher, and loads adapted
students only with their frozen weights in the checkpoint. Here only the trained weights are copied, once.
"""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from distill.errors import UserError
from distill.models.integrity import first_difference
from distill.module import DistillationModule
from distill.runtime.sharding import divides_weights

_KEY = "averaged_weights"


def decay_at(update: int, decay: float) -> float:
    """The decay of one update, lower at first, so that the average soon forgets the weights that it started from.

    Args:
        update: The number of the update, counted from 1.
        decay: What it rises to.

    Example:
        >>> [round(decay_at(update, 0.999), 3) for update in (1, 10, 100, 9000)]
        [0.182, 0.55, 0.918, 0.999]
    """
    return min(decay, (1 + update) / (10 + update))


class AveragedWeights(Callback):
    """Averages the trained weights over the steps of a fit, with the decay `model.optimizer.average`; 0: does nothing.

    Validations, the best checkpoint and the exported student are of the average, while training goes on from the
    weights themselves. A checkpoint holds both: the average as its state_dict, so that measuring it needs nothing of
    this, and the weights themselves beside it, from which a run continues.

    Give it to a trainer before `ExportStudent`.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._averages: dict[str, Tensor] = {}
        self._updates = 0
        self._swapped = False

    def check(self, trainer: pl.Trainer, module: DistillationModule) -> None:
        """Refuse a trainer that no average can be kept with.

        Raises:
            UserError: If its strategy divides weights among devices.
        """
        if module.optimizer.average and divides_weights(trainer.strategy):
            raise UserError(
                f"model.optimizer.average is {module.optimizer.average:g}, and no average is kept of weights that are "
                "divided among devices: set it to 0, or trainer.strategy to ddp"
            )

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Start afresh: the same trainer may run several times."""
        assert isinstance(pl_module, DistillationModule)
        self._forget()
        if stage == "fit":
            self.check(trainer, pl_module)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Continue from the weights themselves, also if this run keeps no average; the module holds the average now.

        Raises:
            UserError: If the checkpoint's weights are not this student's.
        """
        if trainer.state.fn != "fit" or _KEY not in checkpoint:
            return
        assert isinstance(pl_module, DistillationModule)
        weights, kept = _trained(pl_module), checkpoint[_KEY]
        if first_difference(kept["weights"], {name: weight.data for name, weight in weights.items()}):
            raise UserError(
                "the checkpoint holds an average, but not all weights to continue from: other ones are trained in this "
                "recipe; use the recipe of that run, or another output folder"
            )
        if pl_module.optimizer.average:
            self._start(pl_module)
            self._updates = kept["updates"]
        for name, weight in weights.items():
            weight.data.copy_(kept["weights"][name])

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the average from the present weights, unless the run continues one."""
        assert isinstance(pl_module, DistillationModule)
        if pl_module.optimizer.average and not self._averages:
            self._start(pl_module)

    def _start(self, module: DistillationModule) -> None:
        self._averages = {name: weight.detach().clone() for name, weight in _trained(module).items()}

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add the weights after an optimiser step to the average."""
        if not self._averages or (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        assert isinstance(pl_module, DistillationModule)
        self._updates += 1
        share = 1 - decay_at(self._updates, pl_module.optimizer.average)
        for name, weight in _trained(pl_module).items():
            self._averages[name].lerp_(weight, share)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validate the average."""
        self._swap(pl_module)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on from the weights themselves, before any callback writes a checkpoint."""
        self._swap(pl_module)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Restore the weights themselves after a validation that failed."""
        if self._swapped:
            self._swap(pl_module)

    def _swap(self, module: pl.LightningModule) -> None:
        """Exchange average and weights, whose memory changes places: nothing is copied."""
        if not self._averages:
            return
        for name, weight in _trained(module).items():
            weight.data, self._averages[name] = self._averages[name], weight.data
        self._swapped = not self._swapped

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Make the average the checkpoint's state_dict, and put the weights themselves beside it."""
        if not self._averages:
            return
        weights = {name: weight.data for name, weight in _trained(pl_module).items()}
        # A tied weight has several names, and each is loaded.
        names = {id(weight): name for name, weight in _trained(pl_module).items()}
        for name, weight in pl_module.named_parameters(remove_duplicate=False):
            if id(weight) in names:
                checkpoint["state_dict"][name] = self._averages[names[id(weight)]]
        checkpoint[_KEY] = {"weights": weights, "updates": self._updates}

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the average in the module, for the export."""
        for name, weight in _trained(pl_module).items() if self._averages else ():
            # The module may have left the device of the fit.
            weight.data.copy_(self._averages[name])
        self._forget()


def _trained(module: pl.LightningModule) -> dict[str, nn.Parameter]:
    """Name → each parameter that is trained; a tied one under its first name."""
    return {name: weight for name, weight in module.named_parameters() if weight.requires_grad}
