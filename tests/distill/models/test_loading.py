"""Models from a folder, the home folder or a GGUF file: loaded the same way, and refused on one line."""

import shutil
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
)
from transformers.models.auto.configuration_auto import AutoConfig

from distill.config import StudentConfig, TeacherConfig
from distill.errors import UserError
from distill.models.loading import load_config, load_model, load_teacher
from distill.models.output_head import check_head, check_trainable_head
from distill.models.source import check_model, model_source
from distill.models.student import build_student, student_config
from distill.models.tokenizers import load_fast_tokenizer
from distill.module import DistillationModule


def test_a_model_in_the_home_folder(gpt2_folder, monkeypatch):
    monkeypatch.setenv("HOME", str(gpt2_folder.parent))
    home = model_source(f"~/{gpt2_folder.name}")
    assert load_config(home).to_dict() == load_config(model_source(str(gpt2_folder))).to_dict()
    check_model(home)


@pytest.mark.parametrize("read", [load_config, load_fast_tokenizer, check_model])
def test_the_home_folder_of_an_unknown_user_does_not_exist(read):
    with pytest.raises(UserError, match=r"no (such )?folder"):
        read(model_source("~nobody_of_that_name/model"))


def test_missing_and_damaged_models_are_one_line(tmp_path, gpt2_folder):
    with pytest.raises(UserError, match="no such folder"):
        load_model(model_source(str(tmp_path / "nowhere")))
    with pytest.raises(UserError, match=r"holds no a\.gguf"):
        load_model(model_source(str(gpt2_folder), gguf_file="a.gguf"))
    damaged = tmp_path / "damaged"
    shutil.copytree(gpt2_folder, damaged)
    (damaged / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(UserError, match="truncated or corrupt") as caught:
        load_model(model_source(str(damaged)))
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_model_is_refused(tmp_path):
    (tmp_path / "student").mkdir()
    with pytest.raises(
        UserError, match=r"holds no config\.json; give the folder of a saved model, such as OUTPUT/student"
    ):
        load_fast_tokenizer(model_source(str(tmp_path)))


def test_a_head_with_a_bias_is_refused():
    model = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_layer=1, n_embd=8, n_head=1, n_positions=16))
    check_trainable_head(model, "plain")
    check_head(model, "plain")
    model.lm_head.bias = torch.nn.Parameter(torch.ones(20) * 3)
    with pytest.raises(UserError, match="a bias in the head"):
        check_trainable_head(model, "biased")
    check_head(model, "biased")


def test_models_load_while_tensors_are_made_elsewhere(gpt2_folder, tokenizer):
    # What Lightning does on a GPU: everything new goes to the training device, here one that holds no data.
    module = DistillationModule(TeacherConfig(path=str(gpt2_folder)), student=StudentConfig(layers=[0, 1]))
    with torch.device("meta"):
        module.configure_model()
    assert {parameter.device.type for parameter in module.parameters()} == {"cpu"}


def test_a_gguf_teacher_and_its_student_survive_load_save_load_save(tmp_path):
    gguf = pytest.importorskip("gguf", reason="the extra `gguf` is not installed")
    pytest.importorskip("accelerate", reason="the extra `gguf` is not installed")
    folder = tmp_path / "teacher"
    write_gguf(gguf, folder)
    source = model_source(str(folder), gguf_file="tiny.gguf")
    teacher = load_teacher(source)
    tokenizer = load_fast_tokenizer(source)
    config = student_config(StudentConfig(layers=[0, 2]), load_config(source), tokenizer)
    student = build_student(StudentConfig(layers=[0, 2]), config, teacher).eval()
    ids = torch.arange(10).unsqueeze(0)
    expected = student(ids).logits
    for name in ("once", "twice"):
        student.save_pretrained(tmp_path / name)
        assert "quantization_config" not in (tmp_path / name / "config.json").read_text()
        assert AutoConfig.from_pretrained(tmp_path / name).num_hidden_layers == 2
        student = AutoModelForCausalLM.from_pretrained(tmp_path / name).eval()
        assert torch.equal(student(ids).logits, expected)
    teacher.save_pretrained(tmp_path / "teacher again")
    again = load_model(model_source(str(tmp_path / "teacher again")))
    assert torch.equal(again(ids).logits, teacher(ids).logits)


def write_gguf(gguf, folder: Path) -> None:
    """A random Llama of 3 blocks, written with the `gguf` package."""
    import numpy as np

    width, hidden, heads, words = 32, 64, 2, 40
    folder.mkdir()
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(folder / "tiny.gguf", "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_block_count(3)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(words)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(["<|endoftext|>", *(chr(ord("a") + index) if index < 26 else f"a{chr(71 + index)}"
                                              for index in range(words - 1))])  # fmt: skip
    writer.add_token_types([3] + [1] * (words - 1))
    writer.add_token_merges(["a b"])
    for add in (writer.add_bos_token_id, writer.add_eos_token_id, writer.add_unk_token_id):
        add(0)

    def tensor(name: str, *shape: int) -> None:
        writer.add_tensor(f"{name}.weight", random.normal(size=shape).astype(np.float32) * 0.3)

    tensor("token_embd", words, width)
    for block in range(3):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"blk.{block}.{name}", width, width)
        for name in ("ffn_gate", "ffn_up"):
            tensor(f"blk.{block}.{name}", hidden, width)
        tensor(f"blk.{block}.ffn_down", width, hidden)
        for name in ("attn_norm", "ffn_norm"):
            tensor(f"blk.{block}.{name}", width)
    tensor("output_norm", width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
