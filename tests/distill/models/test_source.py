"""What a path refers to: a folder, a GGUF file, or a hub id; and which files contain the weights."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from distill.errors import UserError
from distill.models.source import ModelSource, check_model, digest, model_source, weight_files


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


def test_the_digest_of_weights_covers_their_bytes_in_the_order_of_their_names(tmp_path: Path) -> None:
    """A copy is the same; the same numbers in other shards are other bytes, because each file has a header."""
    tensors = {"a": np.zeros(3, np.float32), "b": np.ones(3, np.float32)}
    whole, copy, shards = (tmp_path / name for name in ("whole", "copy", "shards"))
    for folder in (whole, copy, shards):
        folder.mkdir()
    save_file(tensors, whole / "model.safetensors")
    save_file(tensors, copy / "other-name.safetensors")
    save_file({"b": tensors["b"]}, shards / "model-00002-of-00002.safetensors")
    save_file({"a": tensors["a"]}, shards / "model-00001-of-00002.safetensors")
    assert digest(weight_files(whole)) == digest(weight_files(copy)) != digest(weight_files(shards))
    both = b"".join((shards / f"model-0000{number}-of-00002.safetensors").read_bytes() for number in (1, 2))
    assert digest(weight_files(shards)) == hashlib.sha256(both).hexdigest()
