"""nlls.parquet: the negative log-likelihood of every document and of every continuation.

Two models that read the same documents can then be compared document by document, which is far more precise than the
intervals of their perplexities suggest.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from augment.runtime.atomic_write import atomic_write
from augment.runtime.error_text import first_line
from distill.errors import UserError

NLLS: Final = "nlls.parquet"
FLUENCY: Final = "fluency"
COUNTED: Final = {"token": "tokens", "token_strided": "tokens", "word": "words", "gendered": "gendered_tokens"}
"""For each measure of a text, what its `count` is, as a key of `TextCosts`."""

_SCHEMA = pa.schema([("measure", pa.string()), ("unit", pa.int64()), ("nll", pa.float64()), ("count", pa.int64())])


def write_nlls(
    path: Path,
    text: Mapping[str, NDArray[np.float64]] | None,
    continuations: Iterable[tuple[list[float], list[int]]],
    unfinished: Path,
) -> None:
    """Write one row per document and measure of the text, and one per continuation, piece by piece.

    Columns: `measure` (a key of `COUNTED`, or `FLUENCY`); `unit` (number of the document, or row of
    generations.parquet); `nll` (sum over the unit, in nats); `count` (its tokens, or its words for `word`).

    Args:
        path: The Parquet file.
        text: The likelihoods of the text, as `text_costs` returns them; None if there is no text.
        continuations: −log P and number of tokens of the continuations, piece by piece, in the order of their rows.
        unfinished: Folder for the file until it is complete.
    """

    def write(temporary: Path) -> None:
        with pq.ParquetWriter(temporary, _SCHEMA, compression="zstd", write_page_checksum=True) as file:
            for measure, counted in COUNTED.items():
                if text is not None:
                    file.write_table(_table(measure, 0, text[measure], text[counted]))
            first = 0
            for nats, tokens in continuations:
                file.write_table(_table(FLUENCY, first, nats, tokens))
                first += len(nats)

    atomic_write(path, write, tmp_dir=unfinished)


def read_nlls(path: Path, continuations: int) -> pd.DataFrame | None:
    """Read the file that `write_nlls` describes.

    Args:
        path: The Parquet file.
        continuations: Number of continuations of the evaluation.

    Returns:
        Its rows; None if there is no such file, as in evaluations of earlier versions.

    Raises:
        UserError: If the file is corrupt, lacks a column, contains something other than finite numbers, or belongs to
            other continuations.
    """
    if not path.is_file():
        return None
    again = "run `distill evaluate` again"
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read()
    except (OSError, ValueError) as error:  # pyarrow's own errors derive from these two
        raise UserError(f"{path}: truncated or corrupt Parquet file ({first_line(error)}); {again}") from error
    if wrong := _find_error(table, continuations):
        raise UserError(f"{path}: {wrong}; {again}")
    return table.select(_SCHEMA.names).cast(_SCHEMA).to_pandas()


def _table(measure: str, first: int, nats: Iterable[float], counts: Iterable[float]) -> pa.Table:
    nlls = np.asarray(nats, dtype=np.float64)
    units = np.arange(first, first + len(nlls))
    columns = [pa.array([measure] * len(nlls), pa.string()), units, nlls, np.asarray(counts, dtype=np.int64)]
    return pa.Table.from_arrays([pa.array(column) for column in columns], schema=_SCHEMA)


def _find_error(table: pa.Table, continuations: int) -> str | None:
    for name in _SCHEMA.names:
        if table.column_names.count(name) != 1:
            return f"lacks the column {name}" if name not in table.column_names else f"has the column {name} twice"
        kind, expected = table.schema.field(name).type, _SCHEMA.field(name).type
        # A data frame's text is a large string.
        if kind != expected and not (pa.types.is_string(expected) and pa.types.is_large_string(kind)):
            return f"its column {name} contains {kind}, not {expected}"
        if table.column(name).null_count:
            return f"its column {name} contains null"
    rows = table.select(_SCHEMA.names).to_pandas()
    if not np.isfinite(rows["nll"]).all():
        return f"its column nll is not finite in row {int(np.argmin(np.isfinite(rows['nll'])))}"
    if (rows["count"] < 0).any():
        return f"its column count is negative in row {int(np.argmax(rows['count'] < 0))}"
    if rows.duplicated(["measure", "unit"]).any():
        return f"describes the same unit twice in row {int(np.argmax(rows.duplicated(['measure', 'unit'])))}"
    units = rows.loc[rows["measure"] == FLUENCY, "unit"]
    if not np.array_equal(np.sort(units), np.arange(continuations)):
        return f"describes {len(units)} continuations, but generations.parquet contains {continuations}"
    return None
