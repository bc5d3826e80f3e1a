"""metrics.csv: one file per run, which a continued run appends to (Lightning's own CSVLogger empties it)."""

import csv
from argparse import Namespace
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from augment.runtime.atomic_write import atomic_write

NAME = "metrics.csv"

SPEED = ("train/tokens_per_s", "train/remaining_s", "train/peak_gib")
"""Columns of throughput and memory, which differ when a run is repeated."""


def read_rows(folder: Path) -> list[dict[str, str]]:
    """The rows of a run's metrics.csv, with values as text; empty if there is no such file."""
    if not (folder / NAME).is_file():
        return []
    with (folder / NAME).open(encoding="utf-8", newline="") as file:
        # A row that was cut short by a kill lacks fields.
        return [row for row in csv.DictReader(file) if None not in row.values() and None not in row]


def read_column(folder: Path, name: str) -> list[float]:
    """The values of one metric in a run's metrics.csv, in the order of steps."""
    return [float(row[name]) for row in read_rows(folder) if row.get(name)]


class MetricsFile(Logger):
    """Appends a row to `<folder>/metrics.csv` each time metrics are logged.

    A metric that appears for the first time becomes a new column, for which the file is rewritten.

    Args:
        folder: The run's output folder.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self._folder = Path(folder)
        self._columns: list[str] = []

    @property
    def name(self) -> str:
        """Empty: the files of a run are in the folder itself."""
        return ""

    @property
    def version(self) -> str:
        """Empty: one folder is one run."""
        return ""

    @property
    def save_dir(self) -> str:
        """The run's output folder."""
        return str(self._folder)

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: config.yaml holds the hyperparameters."""

    @rank_zero_only
    def continue_from(self, step: int) -> None:
        """Keep only the rows of earlier steps, since later ones will be repeated; called before any row is logged."""
        rows = [row for row in read_rows(self._folder) if row["step"].isdigit() and int(row["step"]) < step]
        self._rewrite(list(rows[0]) if rows else ["step"], rows)

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a row."""
        row: dict[str, Any] = {"step": step, **metrics}
        if any(name not in self._columns for name in row):
            rows = read_rows(self._folder)
            # The file may be older than this object, with columns of its own.
            known = list(rows[0]) if rows else self._columns
            self._rewrite(list(dict.fromkeys([*known, *row])), rows)
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.DictWriter(file, self._columns).writerow(row)

    @property
    def _path(self) -> Path:
        return self._folder / NAME

    def _rewrite(self, columns: list[str], rows: list[dict[str, str]]) -> None:
        def write(unfinished: Path) -> None:
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)

        self._columns = columns
        atomic_write(self._path, write, exclusive=True)
