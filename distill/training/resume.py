"""Where a run continues: Lightning's loops at the beginning of an optimiser step, whatever was saved, and when.

Lightning saves how far it came in the middle of things: micro-batches of a process, a validation half done. What a
run needs is the number of optimiser steps alone, from which everything else follows for any number of devices.
"""

from typing import Any

from pytorch_lightning.loops import _FitLoop  # type: ignore[attr-defined]


def loops_at(step: int, steps_per_epoch: int, accumulation: int, fresh: _FitLoop) -> dict[str, Any]:
    """The state of the fit loop when `step` optimiser steps are done, with all that belongs to them.

    Args:
        step: optimiser steps done.
        steps_per_epoch: of the whole epoch.
        accumulation: micro-batches that a process takes in a step.
        fresh: a loop that has not run, for the form of its state.
    """
    epoch, step_of_epoch = divmod(step, steps_per_epoch)
    state = fresh.state_dict()
    batches = state["epoch_loop.batch_progress"]
    _set(batches["total"], step * accumulation)
    _set(batches["current"], step_of_epoch * accumulation)
    optimizer = state["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]
    for progress in (optimizer["step"], optimizer["zero_grad"], state["epoch_loop.scheduler_progress"]):
        _set(progress["total"], step)
        _set(progress["current"], step_of_epoch)
    for progress in state["epoch_progress"].values():
        _set(progress, epoch)
        if step_of_epoch:
            # in the middle: this epoch has started, and is not done
            progress["ready"] = progress["started"] = epoch + 1
    state["epoch_loop.state_dict"]["_batches_that_stepped"] = step
    return state


def _set(tracker: dict[str, int], value: int) -> None:
    for name in tracker:
        tracker[name] = value
