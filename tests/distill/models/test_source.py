"""What a path refers to: a folder, a GGUF file, or a hub id; and which files contain the weights."""

import json
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


def test_weights_are_read_from_the_whole_file_or_the_shards_of_an_index(tmp_path: Path) -> None:
    shards = [tmp_path / f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    for file in (*shards, tmp_path / "adapter_model.safetensors"):
        file.touch()
    index = {"weight_map": {"b": shards[1].name, "a": shards[0].name, "c": shards[0].name}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert weight_files(tmp_path) == shards
    (tmp_path / "model.safetensors").touch()
    assert weight_files(tmp_path) == [tmp_path / "model.safetensors"]
    assert weight_files(tmp_path, "model.gguf") == [tmp_path / "model.gguf"]
