import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import processors
from transformers import AutoTokenizer, Gemma2Config, Gemma2ForCausalLM

from distill.errors import UserError
from distill.evaluation.scored_model import load_scored_model
from distill.models.source import check_model, model_source


def test_a_saved_model_is_described(model_folder: Path) -> None:
    scored_model = load_scored_model(model_source(str(model_folder)), device="cpu")
    assert scored_model.name == "tiny"
    assert scored_model.path == str(model_folder)
    assert scored_model.context_length == 96
    assert scored_model.parameters == sum(p.numel() for p in scored_model.model.state_dict().values()) - 600 * 32
    assert scored_model.sha256 == hashlib.sha256((model_folder / "model.safetensors").read_bytes()).hexdigest()
    assert scored_model.end_tokens == {0}
    assert not scored_model.model.training


def test_a_model_in_the_home_folder(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(model_folder.parent))
    scored_model = load_scored_model(model_source(f"~/{model_folder.name}"), device="cpu")
    assert (scored_model.name, scored_model.sha256) == (
        model_folder.name,
        load_scored_model(model_source(str(model_folder))).sha256,
    )


def test_logits_are_the_models_own_in_fp32(model_folder: Path) -> None:
    for dtype in ("float32", "bfloat16"):
        scored_model = load_scored_model(model_source(str(model_folder)), device="cpu", dtype=dtype)
        tokens = torch.tensor([[1, 2, 3]])
        ours = scored_model.logits(scored_model.model.base_model(tokens).last_hidden_state[0])
        assert ours.dtype == torch.float32
        assert torch.allclose(ours, scored_model.model(tokens).logits[0].float(), rtol=2e-2, atol=5e-2)


def test_other_weights_have_another_digest(save_model: Callable[..., Path], model_folder: Path) -> None:
    other = load_scored_model(model_source(str(save_model("other", seed=1))), device="cpu")
    assert other.sha256 != load_scored_model(model_source(str(model_folder)), device="cpu").sha256


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("config.json", "activation_function", "relu"),
        ("generation_config.json", "eos_token_id", 5),
        ("tokenizer_config.json", "bos_token", "a"),
        ("tokenizer.json", "normalizer", {"type": "Lowercase"}),
    ],
)
def test_the_same_weights_beside_other_files_are_another_model(
    model_folder: Path, tmp_path: Path, name: str, key: str, value: object
) -> None:
    ours = load_scored_model(model_source(str(model_folder)), device="cpu")
    folder = shutil.copytree(model_folder, tmp_path / "same")
    (folder / "README.md").write_text("A model.", encoding="utf-8")
    assert load_scored_model(model_source(str(folder)), device="cpu").identity == ours.identity
    content = json.loads((folder / name).read_text(encoding="utf-8")) | {key: value}
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    changed = load_scored_model(model_source(str(folder)), device="cpu")
    assert changed.sha256 == ours.sha256
    assert changed.identity != ours.identity


@pytest.mark.parametrize("ends", ["x", [999999, -1, None], 1.5, True, [2**64], {"a": 1}])
def test_ends_that_are_no_tokens_are_refused(model_folder: Path, tmp_path: Path, ends: object) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "strange")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}), encoding="utf-8")
    with pytest.raises(
        UserError, match=r"strange: its eos_token_id is .+, which is not a token id; fix|strange: no causal"
    ) as caught:
        load_scored_model(model_source(str(folder)), device="cpu")
    assert "\n" not in str(caught.value)


def test_several_ends_are_taken(model_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "several")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [3, 999999]}), encoding="utf-8")
    assert load_scored_model(model_source(str(folder)), device="cpu").end_tokens == {3, 999999}


@pytest.mark.parametrize("path", ["./missing", "/missing/model", "", "a/b/c", "some where"])
def test_a_missing_folder_is_one_clear_error(path: str) -> None:
    with pytest.raises(UserError, match="no such folder; give the folder of a saved model"):
        load_scored_model(model_source(path))


def test_a_model_without_a_tokenizer_is_refused(model_folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        shutil.copy(model_folder / name, tmp_path / name)
    with pytest.raises(UserError, match="no tokens but special ones: save the model's own tokenizer there"):
        load_scored_model(model_source(str(tmp_path)))


def test_what_a_tokenizer_puts_behind_a_text_is_left_out(model_folder: Path, tmp_path: Path) -> None:
    plain = load_scored_model(model_source(str(model_folder)), device="cpu")
    shutil.copytree(model_folder, tmp_path / "closing")
    closing = AutoTokenizer.from_pretrained(model_folder)
    closing.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<end> $A <end>", special_tokens=[("<end>", 0)]
    )
    closing.save_pretrained(tmp_path / "closing")
    closed = load_scored_model(model_source(str(tmp_path / "closing")), device="cpu")
    texts = ["The nurse said", "<end>", ""]
    assert closed.tokenizer(texts[0])["input_ids"][-1] == 0
    assert [closed.encode(text) for text in texts] == [[0, *plain.encode(text)] for text in texts]
    assert closed.lengths(texts) == [1 + length for length in plain.lengths(texts)]


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no config\.json"):
        check_model(model_source(str(tmp_path)))
    with pytest.raises(UserError, match=r"holds no model\.gguf"):
        check_model(model_source(str(tmp_path), "model.gguf"))
    file = tmp_path / "weights.safetensors"
    file.touch()
    with pytest.raises(UserError, match="is a file"):
        check_model(model_source(str(file)))


def test_broken_weights_are_one_clear_error(model_folder: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(model_folder, tmp_path / "broken")
    (broken / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"config\.json is not JSON") as caught:
        load_scored_model(model_source(str(broken)))
    assert "\n" not in str(caught.value)
    truncated = shutil.copytree(model_folder, tmp_path / "truncated")
    weights = truncated / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="truncated or corrupt") as caught:
        load_scored_model(model_source(str(truncated)))
    assert "\n" not in str(caught.value)


def test_soft_capped_logits_are_refused(model_folder: Path, tmp_path: Path) -> None:
    config = Gemma2Config(
        vocab_size=600,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        final_logit_softcapping=0.01,
    )
    Gemma2ForCausalLM(config).save_pretrained(tmp_path / "capped")
    AutoTokenizer.from_pretrained(model_folder).save_pretrained(tmp_path / "capped")
    with pytest.raises(UserError, match="soft cap"):
        load_scored_model(model_source(str(tmp_path / "capped")), device="cpu")


def test_a_device_that_is_not_here_is_refused(model_folder: Path) -> None:
    with pytest.raises(UserError, match="--device nonsense"):
        load_scored_model(model_source(str(model_folder)), device="nonsense")


def _write_gguf(path: Path, tokens: list[str]) -> None:
    """A Llama of one layer and random weights, with a byte-level BPE of single characters."""
    gguf = pytest.importorskip("gguf")
    rng, width, inner = np.random.default_rng(0), 32, 32
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * len(tokens))
    writer.add_token_merges(["h e"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    shapes = {
        "token_embd.weight": (len(tokens), width),
        "blk.0.ffn_gate.weight": (inner, width),
        "blk.0.ffn_up.weight": (inner, width),
        "blk.0.ffn_down.weight": (width, inner),
        **{f"blk.0.attn_{part}.weight": (width, width) for part in ("q", "k", "v", "output")},
        **dict.fromkeys(("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"), (width,)),
    }
    for name, shape in shapes.items():
        weights = rng.normal(0, 0.3, size=shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, weights)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(weights, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_gguf_file_is_dequantised(tmp_path: Path) -> None:
    file = tmp_path / "small-q8.gguf"
    _write_gguf(file, ["<end>", *"abcdefghijklmnopqrstuvwxyzT.", "Ġ", "he"])
    by_name = load_scored_model(model_source(str(tmp_path), file.name), device="cpu")
    by_path = load_scored_model(model_source(str(file)), device="cpu")
    assert by_name.name == by_path.name == "small-q8"
    assert by_name.sha256 == by_path.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert {parameter.dtype for parameter in by_path.model.parameters()} == {torch.float32}
    assert by_path.tokenizer.decode(by_path.encode("The nurse")) == "The nurse"
