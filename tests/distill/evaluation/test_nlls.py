import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distill.errors import UserError
from distill.evaluation.nlls import COUNTED, FLUENCY, read_nlls, write_nlls
from distill.evaluation.results import load
from tests import synthetic_evaluations as synthetic

TEXT = {name: np.array([3.5, 4.25]) for name in COUNTED} | {name: np.array([7.0, 9.0]) for name in COUNTED.values()}
PIECES = [([1.5, 2.5], [3, 4]), ([0.0], [0])]


def _write(path: Path, text: dict[str, np.ndarray] | None = TEXT) -> Path:
    write_nlls(path, text, iter(PIECES), path.parent / "unfinished")
    return path


def test_rows_are_documents_and_continuations_in_order(tmp_path: Path) -> None:
    rows = read_nlls(_write(tmp_path / "nlls.parquet"), 3)
    assert rows is not None
    assert list(rows.columns) == ["measure", "unit", "nll", "count"]
    assert rows[rows["measure"] == FLUENCY][["unit", "nll", "count"]].to_numpy().tolist() == [
        [0, 1.5, 3], [1, 2.5, 4], [2, 0.0, 0],
    ]  # fmt: skip
    for measure in COUNTED:
        of_text = rows[rows["measure"] == measure]
        assert of_text[["unit", "nll", "count"]].to_numpy().tolist() == [[0, 3.5, 7], [1, 4.25, 9]]
    assert rows["count"].dtype == rows["unit"].dtype == np.int64


def test_without_a_text_there_are_continuations_only(tmp_path: Path) -> None:
    rows = read_nlls(_write(tmp_path / "nlls.parquet", None), 3)
    assert rows is not None
    assert set(rows["measure"]) == {FLUENCY}


def test_an_older_evaluation_has_none(tmp_path: Path) -> None:
    assert read_nlls(tmp_path / "nlls.parquet", 3) is None
    rows = synthetic.generations({"nurse": 1.0}, prompts=2, samples=2)
    assert load(synthetic.write(tmp_path / "old", rows, synthetic.metrics(rows))).nlls is None


def test_an_evaluation_reads_its_own(tmp_path: Path) -> None:
    rows = synthetic.generations({"nurse": 1.0}, prompts=2, samples=2)
    folder = synthetic.write(tmp_path / "new", rows, synthetic.metrics(rows))
    write_nlls(folder / "nlls.parquet", None, [([1.0] * len(rows), [2] * len(rows))], tmp_path / "unfinished")
    nlls = load(folder).nlls
    assert nlls is not None
    assert nlls["nll"].sum() == len(rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop(columns="nll"), "lacks the column nll"),
        (lambda rows: rows.assign(count="many"), "its column count contains (large_)?string, not int64"),
        (lambda rows: rows.assign(nll=[*rows["nll"][:-1], np.inf]), f"its column nll is not finite in row {10}"),
        (lambda rows: rows.assign(nll=[None, *rows["nll"][1:]]), "its column nll contains null|is not finite in row 0"),
        (lambda rows: rows.assign(count=[-1, *rows["count"][1:]]), "its column count is negative in row 0"),
        (lambda rows: pd.concat([rows, rows[:1]]), "describes the same unit twice in row 11"),
        (lambda rows: rows[:-1], "describes 2 continuations, but generations.parquet contains 3"),
    ],
)
def test_what_another_program_changed_is_refused(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    path = _write(tmp_path / "nlls.parquet")
    change(pd.read_parquet(path)).to_parquet(path, index=False)
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: ({message}); run") as caught:
        read_nlls(path, 3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("end", [0, 100, -20])
def test_a_truncated_file_is_refused(tmp_path: Path, end: int) -> None:
    path = _write(tmp_path / "nlls.parquet")
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(UserError, match="truncated or corrupt Parquet file"):
        read_nlls(path, 3)
