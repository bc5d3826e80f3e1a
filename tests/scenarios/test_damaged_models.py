"""Models of strangers, damaged in every way: a fit and an evaluation refuse them in one line, and use none by half."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from distill.errors import UserError
from distill.evaluation.scored_model import load_scored_model
from distill.models.loading import load_teacher
from distill.models.source import model_source
from distill.models.tokenizers import load_fast_tokenizer


def _missing(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _written(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content)


def _cut(part: float) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        file = folder / "model.safetensors"
        file.write_bytes(file.read_bytes()[: int(part * file.stat().st_size)])

    return damage


def _weights(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    return damage


def _infinite(tensors: dict) -> None:
    tensors["transformer.wte.weight"][3] = float("inf")


def _fp16_infinite(tensors: dict) -> None:
    for name, tensor in tensors.items():
        tensors[name] = tensor.half()
    tensors["transformer.wte.weight"][3] *= 1e6


def _without_a_block(tensors: dict) -> None:
    for name in [name for name in tensors if name.startswith("transformer.h.1.")]:
        del tensors[name]


def _of_another_shape(tensors: dict) -> None:
    tensors["transformer.wpe.weight"] = tensors["transformer.wpe.weight"][:7].clone()


def _config(**settings: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | settings))

    return damage


DAMAGES = {
    "no config": _missing("config.json"),
    "no weights": _missing("model.safetensors"),
    "config is no JSON": _written("config.json", b"{"),
    "config is binary": _written("config.json", b"\xff\x00"),
    "config of no architecture": _written("config.json", b"{}"),
    "config is a list": _written("config.json", b"[]"),
    "another architecture": _config(model_type="llama", architectures=["LlamaForCausalLM"]),
    "an unknown architecture": _config(model_type="no-such"),
    "more blocks than weights": _config(n_layer=7),
    "another width": _config(n_embd=24),
    "a width that is no number": _config(n_embd="wide"),
    "empty weights": _written("model.safetensors", b""),
    "weights of nothing": _written("model.safetensors", b"\x00" * 100),
    "weights of a huge header": _written("model.safetensors", struct.pack("<Q", 1 << 60) + b"{}"),
    "weights cut in the header": _cut(0.01),
    "weights cut in the middle": _cut(0.5),
    "weights cut at the end": _cut(0.9999),
    "a block is missing": _weights(_without_a_block),
    "a tensor of another shape": _weights(_of_another_shape),
    "infinite weights": _weights(_infinite),
    "fp16 weights that overflowed": _weights(_fp16_infinite),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_model_is_one_line(gpt2_folder: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    folder = tmp_path / "model"
    shutil.copytree(gpt2_folder, folder)
    damage(folder)
    for load in (lambda: load_teacher(model_source(str(folder))), lambda: load_scored_model(model_source(str(folder)))):
        with pytest.raises(UserError) as caught:
            load()
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"version": "1.0", "model": {"type": "BPE"}}'])
def test_a_damaged_tokenizer_is_one_line(gpt2_folder: Path, tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "model"
    shutil.copytree(gpt2_folder, folder)
    (folder / "tokenizer.json").write_bytes(content)
    for load in (
        lambda: load_fast_tokenizer(model_source(str(folder))),
        lambda: load_scored_model(model_source(str(folder))),
    ):
        with pytest.raises(UserError) as caught:
            load()
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", [0, 0.01, 0.5, 0.99])
def test_a_gguf_file_cut_short_is_one_line(gpt2_folder: Path, tmp_path: Path, part: float) -> None:
    gguf = pytest.importorskip("gguf", reason="the extra `gguf` is not installed")
    pytest.importorskip("accelerate", reason="the extra `gguf` is not installed")
    file = tmp_path / "model.gguf"
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_block_count(1)
    writer.add_token_list([f"token {number}" for number in range(2000)])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    whole = file.read_bytes()
    file.write_bytes(whole[: int(part * len(whole))])
    teacher = model_source(str(tmp_path), gguf_file="model.gguf")
    for load in (lambda: load_teacher(teacher), lambda: load_scored_model(model_source(str(file)))):
        with pytest.raises(UserError) as caught:
            load()
        assert "\n" not in str(caught.value)
