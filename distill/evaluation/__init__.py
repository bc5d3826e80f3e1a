"""What a model costs and what it favours: perplexity beside gender disparity, measured on a saved model.

`load` reads what `distill evaluate` wrote, for notebooks and reports; it needs no model and no torch.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from distill.errors import UserError


@dataclass(frozen=True)
class Evaluation:
    """One evaluation, as `distill evaluate` wrote it.

    Attributes:
        path: The folder it was read from.
        metrics: The content of `metrics.json`.
        generations: `generations.parquet`, one row per sample.
    """

    path: Path
    metrics: dict[str, Any]
    generations: pd.DataFrame


def load(folder: str | Path) -> Evaluation:
    """Read an evaluation from its folder.

    Raises:
        UserError: If the folder holds no finished evaluation, a damaged one, or one of another schema.
    """
    path = Path(folder)
    for name in ("metrics.json", "generations.parquet"):
        if not (path / name).is_file():
            raise UserError(
                f"{path}: no finished evaluation, {name} is missing; run `distill evaluate --output {path}`"
            )
    try:
        metrics = json.loads((path / "metrics.json").read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path / 'metrics.json'}: not JSON ({error}); run `distill evaluate` again") from error
    if not isinstance(metrics, dict) or metrics.get("schema") != 1:
        raise UserError(f"{path / 'metrics.json'}: not of schema 1, which this version reads; evaluate the model again")
    try:
        generations = pd.read_parquet(path / "generations.parquet")
    except (OSError, ValueError) as error:  # pyarrow's own errors derive from these two
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"{path / 'generations.parquet'}: not Parquet ({reason}); run `distill evaluate` again"
        ) from error
    return Evaluation(path=path, metrics=metrics, generations=generations)
