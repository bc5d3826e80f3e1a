import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distill.errors import UserError
from distill.evaluation import load
from tests import synthetic_evaluations as synthetic


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = synthetic.generations({"nurse": 1.0, "welder": -1.0}, prompts=2, samples=2)
    return synthetic.write(tmp_path / "evaluation", rows, synthetic.metrics(rows))


def refused(folder: Path) -> str:
    """Return the error message of `load`, which is one line."""
    with pytest.raises(UserError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_it_gives_data_frames(folder: Path) -> None:
    evaluation = load(folder)
    assert list(evaluation.generations["continuation"].map(type).unique()) == [str]
    assert list(evaluation.groups["group"]) == ["nurse", "welder"]
    assert set(evaluation.groups["polarity"]) == {"unigram"}
    assert evaluation.groups[["female", "male", "neutral", "mixed"]].to_numpy().sum() == 8


def test_an_unfinished_evaluation_is_refused(folder: Path) -> None:
    assert "there is no such folder" in refused(folder / "elsewhere")
    assert "a file, not a folder" in refused(folder / "metrics.json")
    for name in ("generations.parquet", "metrics.json"):
        (folder / name).unlink()
        assert f"no finished evaluation, {name} is missing; run `distill evaluate --output" in refused(folder)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"schema": "\xff"}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"schema": 1, "coherence": {"value": NaN}}', "NaN is not valid JSON"),
        (b"[]", "is not a JSON object"),
        (b"{}", "has schema None; this version reads 1 and 2"),
        (b'{"schema": 0}', "has schema 0"),
        (b'{"schema": 1, "perplexity": []}', r"perplexity is \[\], not an object"),
        (b'{"schema": 1, "perplexity": {"token": {"value": "low"}}}', "perplexity.token.value is 'low', not a number"),
        (b'{"schema": 1, "coherence": {"ci95": [0.1]}}', r"coherence.ci95 is \[0.1\], not a list of two numbers"),
        (b'{"schema": 1, "disparity": {"unigram": {"groups": {"nurse": {}}}}}', "groups.nurse lacks female"),
        (
            b'{"schema": 1, "disparity": {"unigram": {"groups": {"nurse": {"female": -1}}}}}',
            "groups.nurse.female is -1, not a whole number",
        ),
        (
            b'{"schema": 1, "model": {"parameters": 1' + b"0" * 400 + b"}}",
            "model.parameters is 1000+, not a whole number",
        ),
        (b'{"schema": 1, "coherence": {"value": -1' + b"0" * 400 + b"}}", "coherence.value is -1000+, not a number"),
        (b'{"schema": 1, "coherence": {"value": 1e400}}', "coherence.value is inf, not a number"),
        (b'{"schema": 2, "settings": {"margins": "wide"}}', "settings.margins is 'wide', not an object"),
        (b'{"schema": 2, "settings": {"margins": {"parity": "1"}}}', "settings.margins.parity is '1', not a number"),
        (
            b'{"schema": 2, "disparity": {"unigram": {"parity": {"groups_beyond": ["a", 5]}}}}',
            r"disparity.unigram.parity.groups_beyond is \['a', 5\], not a list of texts",
        ),
        (
            b'{"schema": 2, "disparity": {"unigram": {"parity": {"verdict": "maybe"}}}}',
            "parity.verdict is 'maybe', not one of 'shown', 'refuted', 'undecided'",
        ),
        (
            b'{"schema": 2, "disparity": {"unigram": {"parity": {"verdict": null}}}}',
            "verdict is null, not one of 'shown'",
        ),
        (b'{"schema": 1, "model": {"name": ["a"]}}', r"model.name is \['a'\], not a text"),
    ],
)
def test_damaged_metrics_are_one_line(folder: Path, content: bytes, reason: str) -> None:
    (folder / "metrics.json").write_bytes(content)
    assert re.search(rf"metrics\.json: .*{reason}.*; run `distill evaluate` again", refused(folder))


def test_null_is_not_measured(folder: Path) -> None:
    measured = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    content = {key: value if key in ("schema", "disparity") else None for key, value in measured.items()}
    (folder / "metrics.json").write_text(json.dumps(content), encoding="utf-8")
    assert load(folder).metrics["coherence"] is None


@pytest.mark.parametrize("content", [b"", b"no Parquet", b"PAR1" + bytes(40) + b"PAR1"])
def test_damaged_generations_are_one_line(folder: Path, content: bytes) -> None:
    (folder / "generations.parquet").write_bytes(content)
    assert "generations.parquet: truncated or corrupt Parquet file" in refused(folder)


@pytest.mark.parametrize("part", [0.05, 0.5, 0.999])
def test_generations_cut_short_are_one_line(folder: Path, part: float) -> None:
    content = (folder / "generations.parquet").read_bytes()
    (folder / "generations.parquet").write_bytes(content[: int(part * len(content))])
    assert "generations.parquet: truncated or corrupt Parquet file" in refused(folder)


def test_other_columns_are_one_line(folder: Path) -> None:
    file = folder / "generations.parquet"
    rows = pd.read_parquet(file)
    for name in ("prompt", "sample"):
        rows.drop(columns=name).to_parquet(file)
        assert f"lacks the column {name}" in refused(folder)
    rows.assign(continuation=1).to_parquet(file)
    assert "its column continuation contains int64, not text" in refused(folder)
    rows.assign(temperature="hot").to_parquet(file)
    assert "its column temperature contains large_string, not numbers" in refused(folder)
    rows.assign(continuation=rows["continuation"].where(rows.index != 3, None)).to_parquet(file)
    assert "its column continuation is null in row 3" in refused(folder)
    rows.assign(sample=rows["sample"].where(rows.index != 2, float("inf"))).to_parquet(file)
    assert "its column sample is not finite in row 2" in refused(folder)
    table = pa.Table.from_pandas(rows, preserve_index=False)
    nan = pa.array([float("nan")] * len(rows))
    pq.write_table(table.set_column(table.column_names.index("sample"), "sample", nan), file)
    assert "its column sample is not finite in row 0" in refused(folder)
    for name in ("sample", "more"):
        pq.write_table(table.append_column(name, nan).append_column("more", nan), file)
        assert f"has the column '{name}' twice" in refused(folder)
    for none in (rows[:0], rows[rows["kind"] == "coherence"]):
        none.to_parquet(file)
        assert "contains no continuation of a profession prompt" in refused(folder)


def test_reading_needs_no_torch() -> None:
    code = (
        "import sys, distill.evaluation.disparity.scores, distill.evaluation.measures, distill.report.command; "
        "sys.exit(bool({'torch', 'transformers'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
