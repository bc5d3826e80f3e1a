import subprocess
import sys
from pathlib import Path

import pytest

from distill.errors import UserError
from distill.evaluation.partial_results import exclusive_output, result_cache


def test_what_is_finished_is_not_computed_again(tmp_path: Path) -> None:
    first = {"nll": 0.1 + 0.2, "groups": {"née": [1, None]}}
    assert result_cache(tmp_path, "measures", {"seed": 0}).get_or_compute("gap", lambda: first) == first
    assert result_cache(tmp_path, "measures", {"seed": 0}).get_or_compute("gap", pytest.fail) == first
    assert result_cache(tmp_path, "measures", {"seed": 1}).get_or_compute("gap", lambda: 2) == 2
    assert result_cache(tmp_path, "measures", {"seed": 0}).get_or_compute("other", lambda: 3) == 3


@pytest.mark.parametrize("content", ["", '{"nll": 0.3', "\ufffd"])
def test_what_a_power_failure_left_is_computed_again(tmp_path: Path, content: str) -> None:
    kept = result_cache(tmp_path, "measures", {})
    kept.get_or_compute("gap", lambda: 1)
    (kept.folder / "gap.json").write_text(content, encoding="utf-8")
    assert kept.get_or_compute("gap", lambda: 2) == 2
    assert kept.get_or_compute("gap", pytest.fail) == 2


def _run(output: Path, ends_with: BaseException) -> None:
    with exclusive_output(output):
        result_cache(output, "measures", {}).get_or_compute("gap", lambda: 1)
        raise ends_with


def test_only_finished_and_mistaken_runs_leave_nothing_unfinished(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "out"
    with pytest.raises(UserError):
        _run(output, UserError("no finite numbers"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt):
        _run(output, KeyboardInterrupt())
    assert result_cache(output, "measures", {}).get_or_compute("gap", pytest.fail) == 1
    with exclusive_output(output):
        (output / "metrics.json").touch()
    assert [path.name for path in output.iterdir()] == ["metrics.json"]


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    hold = (
        "from pathlib import Path; from distill.evaluation.partial_results import exclusive_output; "
        f"exclusive_output(Path({str(tmp_path)!r}))"
    )
    with exclusive_output(tmp_path):
        second = subprocess.run([sys.executable, "-c", f"{hold}.__enter__()"], capture_output=True, text=True)
    assert "another evaluation is writing there" in second.stderr
    assert subprocess.run([sys.executable, "-c", f"{hold}.__enter__()"]).returncode == 0
