from pathlib import Path

import pytest

from distill.evaluation.scored_model import model_name


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("model: {teacher: {path: gpt2, gguf_file: null}}", "gpt2/student"),
        ("model: {teacher: {path: models/gpt2, gguf_file: null}}", "gpt2/student"),
        ("model: {teacher: {path: models, gguf_file: gpt2.gguf}}", "gpt2/student"),
        ("model: {teacher: {path: gpt2-large, gguf_file: null}}", "gpt2"),
        ("model: {teacher: {path: null, gguf_file: null}}", "gpt2"),
        ("model: of another program", "gpt2/student"),
        ("{", "gpt2/student"),
        (None, "gpt2/student"),
    ],
)
def test_a_student_is_named_after_its_run_where_that_tells_it_from_its_teacher(
    tmp_path: Path, config: str | None, name: str
) -> None:
    (tmp_path / "gpt2" / "student").mkdir(parents=True)
    if config is not None:
        (tmp_path / "gpt2" / "config.yaml").write_text(config, encoding="utf-8")
    assert model_name(str(tmp_path / "gpt2" / "student"), None) == name


def test_any_other_model_is_named_after_its_folder_file_or_id(tmp_path: Path) -> None:
    (tmp_path / "teacher").mkdir()
    assert model_name(str(tmp_path / "teacher"), None) == "teacher"
    assert model_name(str(tmp_path), "small-q8.gguf") == "small-q8"
    assert model_name("openai-community/gpt2", None) == "openai-community/gpt2"
