import subprocess
import sys
from pathlib import Path

import pytest

from distill.errors import UserError
from distill.evaluation import load


def test_an_unfinished_evaluation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metrics\.json is missing"):
        load(tmp_path)
    (tmp_path / "metrics.json").write_text('{"schema": 2}', encoding="utf-8")
    with pytest.raises(UserError, match=r"generations\.parquet is missing"):
        load(tmp_path)
    (tmp_path / "generations.parquet").touch()
    with pytest.raises(UserError, match="not of schema 1"):
        load(tmp_path)
    (tmp_path / "metrics.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="not JSON"):
        load(tmp_path)
    (tmp_path / "metrics.json").write_bytes(b'{"schema": "\xff"}')
    with pytest.raises(UserError, match="not JSON"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no Parquet", b"PAR1" + bytes(40) + b"PAR1"])
def test_damaged_generations_are_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "metrics.json").write_text('{"schema": 1}', encoding="utf-8")
    (tmp_path / "generations.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"generations\.parquet: not Parquet") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_reading_needs_no_torch() -> None:
    code = "import sys, distill.evaluation.disparity; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
