"""What a path refers to: a folder, a GGUF file, or a hub id; and which files contain the weights."""

from pathlib import Path

import pytest

from distill.errors import UserError
from distill.models.source import ModelSource, check_model, model_source, weight_files


def test_what_a_path_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model.gguf").touch()
    assert model_source("~") == ModelSource("~", tmp_path)
    by_name = model_source(str(tmp_path), "model.gguf")
    by_path = model_source("~/model.gguf")
    assert (by_path.folder, by_path.gguf_file) == (by_name.folder, by_name.gguf_file) == (tmp_path, "model.gguf")
    assert by_path.path == "~/model.gguf"
    assert by_path.location == str(tmp_path)
    assert model_source("openai-community/gpt2", revision="main").location == "openai-community/gpt2"


@pytest.mark.parametrize(
    "path", ["", "./missing", "~/missing", "a/b/c", "some where", "missing.gguf", "owner/name:main"]
)
def test_neither_a_folder_nor_a_hub_id_is_refused(path: str) -> None:
    with pytest.raises(UserError, match=f"^{path}: no such folder; give"):
        model_source(path)


@pytest.mark.parametrize("config", [b"{", b"\xff\x00", b"[" * 100_000])
def test_a_configuration_that_is_not_json_is_refused(tmp_path: Path, config: bytes) -> None:
    (tmp_path / "config.json").write_bytes(config)
    with pytest.raises(UserError, match=r"its config\.json is not JSON \(.*\); fetch or save the model again$"):
        check_model(model_source(str(tmp_path)))


def test_all_weights_in_a_folder_count(tmp_path: Path) -> None:
    # A configuration may name any of them in `transformers_weights`; an adapter's are loaded with the model.
    names = ("adapter_model", "model", "other")
    for name in names:
        (tmp_path / f"{name}.safetensors").touch()
    assert weight_files(tmp_path) == [tmp_path / f"{name}.safetensors" for name in names]
    assert weight_files(tmp_path, "model.gguf") == [tmp_path / "model.gguf"]
