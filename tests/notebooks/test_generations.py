import re
import tomllib
from pathlib import Path

import pytest

from tests import synthetic_evaluations as synthetic

nbclient = pytest.importorskip("nbclient", reason="needs the extra `notebook`")
nbformat = pytest.importorskip("nbformat", reason="needs the extra `notebook`")

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "generations.ipynb"


def test_it_is_stored_without_outputs() -> None:
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)


def test_what_it_needs_is_installed_from_the_clone() -> None:
    """As README has it: no registry holds the package."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    needed = re.findall(r"pip install ([^`]*)`", nbformat.read(NOTEBOOK, as_version=4).cells[0].source)
    assert needed == ["-e '.[notebook]'"]
    assert set(re.findall(r"pip install -e '\.\[(\w+)\]'", (ROOT / "README.md").read_text("utf-8"))) >= {
        "gguf",
        "notebook",
    }
    assert {"gguf", "notebook"} <= extras.keys()


def test_it_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthetic.quickstart(tmp_path / "quickstart")
    monkeypatch.setenv("DISTILL_EVALUATIONS", str(tmp_path / "quickstart"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/svg+xml" in output.get("data", {}) for output in shown) == 2
    assert sum("gender_max" in output.get("data", {}).get("text/html", "") for output in shown) == 2
    texts = [output.get("data", {}).get("text/html", "") for output in shown]
    read = [text for text in texts if '<mark class="' in text]
    assert any('<mark class="female"' in text for text in read)
    # She and he in colours of their own.
    assert all(
        "mark.female { background: #ece4f8" in text and "mark.male { background: #fce7cf" in text for text in read
    )
    assert sum("p (Holm)" in text for text in texts) == 1
    assert any("<th>word</th>" in text and "<td>" in text for text in texts)
    assert any("less disparity than teacher" in output.get("data", {}).get("text/markdown", "") for output in shown)
