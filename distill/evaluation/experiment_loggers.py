"""An evaluation's numbers in TensorBoard or Weights & Biases, beside those of the training runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from augment.runtime.atomic_write import atomic_write
from augment.runtime.error_text import first_line
from distill.errors import RunError, UserError

LoggerName = Literal["tensorboard", "wandb"]

_MODULES: Mapping[LoggerName, str] = {"tensorboard": "torch.utils.tensorboard", "wandb": "wandb"}
"""The module that writes for each logger; the package to install is called like the logger."""
_NO_MEASURES = ("schema", "model", "settings")
_DETAILS = "groups"
"""Key of the scores group by group: hundreds of numbers, which are in metrics.json."""


def check_loggers(names: Sequence[LoggerName]) -> None:
    """Check that a logger's package is installed, before anything is computed.

    Raises:
        UserError: If it is not.
    """
    for name in names:
        try:
            import_module(_MODULES[name])
        except ImportError as error:
            raise UserError(
                f"--logger {name}: the package {name} is not installed; run pip install {name}, or leave the option out"
            ) from error


def flat_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of all measures under flat keys, except those of single groups.

    The ends of an interval get keys of their own.

    Args:
        metrics: The content of metrics.json.

    Example:
        >>> flat_metrics({"schema": 2, "coherence": {"value": 0.98, "ci95": [0.96, 1.0], "n": 425}})
        {'coherence/value': 0.98, 'coherence/ci95_low': 0.96, 'coherence/ci95_high': 1.0, 'coherence/n': 425}
    """
    return dict(_numbers({key: entry for key, entry in metrics.items() if key not in _NO_MEASURES}))


def _numbers(entries: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in entries.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            if key != _DETAILS:
                yield from _numbers(value, f"{name}/")
        elif isinstance(value, list):
            if key.endswith("ci95") and len(value) == 2:
                yield from _numbers(dict(zip((f"{key}_low", f"{key}_high"), value, strict=True)), prefix)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name, value


def log_evaluation(names: Sequence[LoggerName], metrics: Mapping[str, Any], output: Path) -> None:
    """Log an evaluation that is complete.

    Args:
        names: The loggers, which `check_loggers` has checked.
        metrics: The content of metrics.json.
        output: Folder of the evaluation. TensorBoard's files are written to its subfolder `tensorboard`, and replaced
            if the evaluation is repeated; Weights & Biases keeps its own in `wandb`, and starts a new run.

    Raises:
        RunError: If a logger fails, which leaves the evaluation as it is.
    """
    log: Mapping[LoggerName, Callable[[Mapping[str, Any], Path], None]] = {"tensorboard": _tensorboard, "wandb": _wandb}
    for name in dict.fromkeys(names):
        try:
            log[name](metrics, output)
        except Exception as error:  # of another library, or of the network
            reason = first_line(error) or type(error).__name__
            raise RunError(f"--logger {name}: {reason}; the evaluation in {output} is complete all the same") from error


def _tensorboard(metrics: Mapping[str, Any], output: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    def write(folder: Path) -> None:
        with SummaryWriter(str(folder)) as writer:
            for key, value in flat_metrics(metrics).items():
                writer.add_scalar(key, value, global_step=0)

    atomic_write(output / "tensorboard", write)


def _wandb(metrics: Mapping[str, Any], output: Path) -> None:
    wandb: Any = import_module("wandb")
    config = {"model": metrics["model"], **metrics["settings"]}
    with wandb.init(name=metrics["model"]["name"], job_type="evaluation", dir=str(output), config=config) as run:
        run.log(flat_metrics(metrics))
