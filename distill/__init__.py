"""Distil a causal language model into a student with less gender disparity, and measure what that cost.

    from distill import CounterfactualDataModule, DistillationModule, ExportStudent

Names are imported on first access (PEP 562): `import distill` loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from augment import __version__

if TYPE_CHECKING:
    from distill.callbacks.export_student import ExportStudent
    from distill.config import (
        AdapterConfig,
        LossConfig,
        OptimizerConfig,
        PerturbationConfig,
        StudentConfig,
        TeacherConfig,
    )
    from distill.data.datamodule import CounterfactualDataModule
    from distill.evaluation.results import load
    from distill.losses.objective import distillation_loss
    from distill.module import DistillationModule
    from distill.perturbation.operators import perturb
    from distill.perturbation.reversed_vocabulary import ReversedVocabulary

__all__ = [
    "AdapterConfig",
    "CounterfactualDataModule",
    "DistillationModule",
    "ExportStudent",
    "LossConfig",
    "OptimizerConfig",
    "PerturbationConfig",
    "ReversedVocabulary",
    "StudentConfig",
    "TeacherConfig",
    "__version__",
    "distillation_loss",
    "load",
    "perturb",
]

_MODULES = {
    "AdapterConfig": "distill.config",
    "CounterfactualDataModule": "distill.data.datamodule",
    "DistillationModule": "distill.module",
    "ExportStudent": "distill.callbacks.export_student",
    "LossConfig": "distill.config",
    "OptimizerConfig": "distill.config",
    "PerturbationConfig": "distill.config",
    "ReversedVocabulary": "distill.perturbation.reversed_vocabulary",
    "StudentConfig": "distill.config",
    "TeacherConfig": "distill.config",
    "distillation_loss": "distill.losses.objective",
    "load": "distill.evaluation.results",
    "perturb": "distill.perturbation.operators",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
