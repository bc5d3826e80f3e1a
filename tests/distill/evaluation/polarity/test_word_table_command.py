"""What `distill word-table` rejects before it reads anything."""

from pathlib import Path

import pytest

from distill.errors import UserError
from distill.evaluation.polarity import word_table_command as module
from distill.evaluation.polarity.word_table_command import word_table


@pytest.fixture
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "read_word_vectors", lambda *_: pytest.fail("read before the output was looked at"))
    path = tmp_path / "vectors.txt"
    path.write_text("she 1 2\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["vectors.txt", "link.txt"])
def test_the_vectors_are_not_overwritten(vectors: Path, name: str) -> None:
    (vectors.parent / "link.txt").symlink_to(vectors)
    with pytest.raises(UserError, match="is the same file as --vectors"):
        word_table(vectors, vectors.parent / name)
    assert vectors.read_text(encoding="utf-8") == "she 1 2\n"


def test_an_output_that_can_not_be_written_is_refused_before_the_work(vectors: Path) -> None:
    with pytest.raises(UserError, match="is a file, not a folder"):
        word_table(vectors, vectors / "table.tsv")
    with pytest.raises(UserError, match="is a folder"):
        word_table(vectors, vectors.parent)
