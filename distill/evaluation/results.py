"""Read back what an evaluation wrote."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from augment.runtime.error_text import first_line
from distill.errors import UserError
from distill.evaluation.nlls import NLLS, read_nlls
from distill.evaluation.schema import find_generations_error, find_metrics_error
from distill.evaluation.schema_upgrade import upgrade, without_old_keys


@dataclass(frozen=True)
class Evaluation:
    """One evaluation, as `distill evaluate` wrote it.

    Attributes:
        path: The folder that it was read from.
        metrics: The content of `metrics.json`.
        generations: `generations.parquet`, one row per sample.
        nlls: `nlls.parquet`, one row per document and measure of the text and one per sample, as
            `distill.evaluation.nlls` describes them; None for an evaluation of an earlier version.
    """

    path: Path
    metrics: dict[str, Any]
    generations: pd.DataFrame
    nlls: pd.DataFrame | None = None

    @property
    def groups(self) -> pd.DataFrame:
        """One row per polarity and group: `polarity`, `group`, the number of texts by label, and the scores."""
        return pd.DataFrame(
            [
                {"polarity": polarity, "group": group, **score}
                for polarity, scores in (self.metrics.get("disparity") or {}).items()
                for group, score in ((scores or {}).get("groups") or {}).items()
                if score is not None
            ]
        )


def load(folder: str | Path) -> Evaluation:
    """Read an evaluation from its folder.

    Raises:
        UserError: If the folder contains no finished evaluation, a corrupt one, or one with another schema.
    """
    path = Path(folder)
    measured, texts = path / "metrics.json", path / "generations.parquet"
    if not path.is_dir():
        problem = "a file, not a folder" if path.exists() else "there is no such folder"
        raise UserError(f"{path}: {problem}; give a folder that `distill evaluate` wrote")
    for file in (measured, texts):
        if not file.is_file():
            raise UserError(
                f"{path}: no finished evaluation, {file.name} is missing; run `distill evaluate --output {path}`"
            )
    again = "run `distill evaluate` again"
    try:
        metrics = json.loads(measured.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{measured}: not JSON ({error}); {again}") from error
    metrics = without_old_keys(metrics)
    if wrong := find_metrics_error(metrics):
        raise UserError(f"{measured}: {wrong}; {again}")
    try:
        # Read as a file, not as a data set, which would turn folders named a=b into columns.
        table = pq.ParquetFile(texts).read()
    except (OSError, ValueError) as error:  # pyarrow's own errors derive from these two
        reason = first_line(error)
        raise UserError(f"{texts}: truncated or corrupt Parquet file ({reason}); {again}") from error
    if wrong := find_generations_error(table):
        raise UserError(f"{texts}: {wrong}; {again}")
    generations, nlls = table.to_pandas(), read_nlls(path / NLLS, table.num_rows)
    return Evaluation(path=path, metrics=upgrade(metrics, generations), generations=generations, nlls=nlls)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not valid JSON")
