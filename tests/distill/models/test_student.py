"""A student from its teacher's layers, a folder or a new configuration."""

from pathlib import Path

import pytest
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
)
from transformers.activations import ACT2FN

from distill.config import StudentConfig, TeacherConfig
from distill.errors import UserError
from distill.models.loading import load_config, load_model, load_teacher
from distill.models.source import model_source
from distill.models.student import build_student, student_config
from distill.models.tokenizers import load_fast_tokenizer
from distill.module import DistillationModule
from tests.data_folder import real_data


def student_of(student, teacher, tokenizer):
    config = student_config(student, teacher.config, tokenizer)
    return build_student(student, config, teacher)


def test_gelu_is_one_function_and_the_configuration_stays(gpt2_folder, tokenizer):
    ids = torch.arange(8).unsqueeze(0)
    written_out = load_model(model_source(str(gpt2_folder)))
    teacher = load_teacher(model_source(str(gpt2_folder)))
    student = student_of(StudentConfig(layers=[0]), teacher, tokenizer)
    assert type(written_out.transformer.h[0].mlp.act) is type(ACT2FN["gelu_new"])
    for model in (teacher, student):
        assert type(model.transformer.h[0].mlp.act) is type(ACT2FN["gelu_pytorch_tanh"])
        assert model.config.activation_function == "gelu_new"
    torch.testing.assert_close(teacher(ids).logits, written_out.eval()(ids).logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layers", [[0, 2], [3], [0, 1, 2, 3], [2, 0]])
def test_a_gpt2_student_starts_from_the_chosen_blocks(gpt2_folder, tokenizer, layers):
    teacher = load_teacher(model_source(str(gpt2_folder)))
    student = student_of(StudentConfig(layers=layers), teacher, tokenizer)
    assert student.config.n_layer == len(student.transformer.h) == len(layers)
    for block, layer in zip(student.transformer.h, layers, strict=True):
        for mine, theirs in zip(block.parameters(), teacher.transformer.h[layer].parameters(), strict=True):
            assert torch.equal(mine, theirs)
    assert torch.equal(student.transformer.wpe.weight, teacher.transformer.wpe.weight)
    assert student.lm_head.weight is student.transformer.wte.weight
    assert student.training
    assert all(parameter.requires_grad for parameter in student.parameters())
    assert not teacher.training


def test_unrelated_lists_of_the_depths_length_are_kept(llama_folder, tokenizer):
    config = load_config(model_source(str(llama_folder)))
    config.eos_token_id = list(range(config.num_hidden_layers))
    kept = student_config(StudentConfig(layers=[0]), config, tokenizer)
    assert kept.eos_token_id == config.eos_token_id


def test_a_llama_student_starts_from_the_chosen_blocks(llama_folder, tokenizer):
    teacher = load_teacher(model_source(str(llama_folder)))
    student = student_of(StudentConfig(layers=[0, 2]), teacher, tokenizer)
    assert len(student.model.layers) == 2
    assert torch.equal(student.model.layers[1].mlp.up_proj.weight, teacher.model.layers[2].mlp.up_proj.weight)
    assert [layer.self_attn.layer_idx for layer in student.model.layers] == [0, 1]


def test_all_layers_make_the_teacher_again(gpt2_folder, tokenizer):
    teacher = load_teacher(model_source(str(gpt2_folder)))
    student = student_of(StudentConfig(layers=[0, 1, 2, 3]), teacher, tokenizer).eval()
    ids = torch.arange(20).unsqueeze(0)
    assert torch.equal(student(ids).logits, teacher(ids).logits)


def test_a_fresh_student_takes_the_tokenizers_vocabulary(tokenizer):
    student = StudentConfig(config={"model_type": "gpt2", "n_layer": 1, "n_embd": 8, "n_head": 1})
    model = build_student(student, student_config(student, None, tokenizer), None)
    assert model.config.vocab_size == len(tokenizer)
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert model.config.n_layer == 1


def _mixture(folder: Path, tokenizer, dense: list[int], step: int = 1):
    """A random mixture of experts of 4 layers, of which `dense`, and all but every `step`th, have none."""
    config = Qwen2MoeConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=4, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=64, num_experts=2, num_experts_per_tok=1,
        moe_intermediate_size=8, shared_expert_intermediate_size=8, mlp_only_layers=dense, decoder_sparse_step=step,
        eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    Qwen2MoeForCausalLM(config).save_pretrained(folder)
    return load_teacher(model_source(str(folder)))


@pytest.mark.parametrize(
    ("dense", "layers", "kept"), [([0], [1, 3], []), ([0, 3], [3, 2, 0], [0, 2]), ([0, 1, 2, 3], [1, 3], [0, 1])]
)
def test_a_layer_without_experts_stays_one(tokenizer, tmp_path, dense, layers, kept):
    teacher = _mixture(tmp_path, tokenizer, dense)
    student = student_of(StudentConfig(layers=layers), teacher, tokenizer)
    assert student.config.mlp_only_layers == kept
    for block, layer in zip(student.model.layers, layers, strict=True):
        theirs = teacher.model.layers[layer].state_dict()
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in block.state_dict().items())


def test_layers_that_do_not_fit_their_new_number_are_refused(tokenizer, tmp_path):
    teacher = _mixture(tmp_path, tokenizer, dense=[], step=2)
    message = r"student\.layers \[1, 3\]: model\.layers\.0\.mlp\..* in the teacher's layer and .* in the student's"
    with pytest.raises(UserError, match=message) as caught:
        student_of(StudentConfig(layers=[1, 3]), teacher, tokenizer)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("padding", [None, "<|endoftext|>"])
def test_a_fresh_student_has_the_tokenizers_padding_and_trains_every_token(corpus, tmp_path, padding):
    tokenizer = load_fast_tokenizer(model_source(str(corpus / "tokenizer")))
    tokenizer.pad_token = padding
    student = StudentConfig(
        config={
            "model_type": "olmo2", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 1, "num_key_value_heads": 1,
        }
    )  # fmt: skip
    model = build_student(student, student_config(student, None, tokenizer), None)
    assert model.config.pad_token_id == tokenizer.pad_token_id
    _every_token_is_trained(model)
    model.save_pretrained(tmp_path)
    assert load_config(model_source(str(tmp_path))).pad_token_id == tokenizer.pad_token_id


@pytest.mark.parametrize("start", ["path", "layers"])
def test_a_separator_that_is_padding_too_is_trained(llama_folder, tokenizer, tmp_path, start):
    model = load_model(model_source(str(llama_folder)))
    model.config.pad_token_id = tokenizer.eos_token_id
    model.save_pretrained(tmp_path)
    student = StudentConfig(path=str(tmp_path)) if start == "path" else StudentConfig(layers=[0, 2])
    teacher = load_teacher(model_source(str(tmp_path)))
    source = model_source(str(tmp_path)) if start == "path" else None
    model = build_student(student, student_config(student, teacher.config, tokenizer, source), teacher, source)
    _every_token_is_trained(model)
    assert torch.equal(model.model.embed_tokens.weight, teacher.model.embed_tokens.weight)
    assert model.config.pad_token_id == tokenizer.eos_token_id


def _every_token_is_trained(model) -> None:
    embedding = model.get_input_embeddings()
    assert embedding.weight.norm(dim=1).min() > 0
    hidden = model.base_model(input_ids=torch.arange(len(embedding.weight)).unsqueeze(0)).last_hidden_state
    (hidden * torch.randn_like(hidden)).sum().backward()
    assert embedding.weight.grad.norm(dim=1).min() > 0


def test_a_student_from_a_folder_has_its_weights(gpt2_folder, tokenizer):
    student, source = StudentConfig(path=str(gpt2_folder)), model_source(str(gpt2_folder))
    model = build_student(student, student_config(student, None, tokenizer, source), None, source)
    teacher = load_model(model_source(str(gpt2_folder)))
    assert torch.equal(model.lm_head.weight, teacher.lm_head.weight)


@pytest.mark.parametrize(
    ("student", "message"),
    [
        (StudentConfig(), "exactly one of layers, path and config; given: none"),
        (StudentConfig(layers=[0], path="x"), "exactly one"),
        (StudentConfig(layers=[]), "empty"),
        (StudentConfig(layers=[0, 4]), "4 is out of range, the teacher has layers 0 to 3"),
        (StudentConfig(layers=[-1]), "-1 is out of range"),
        (StudentConfig(config={"n_layer": 2}), "model_type is None"),
        (StudentConfig(config={"model_type": "gpt2", "layers": 2}), "gpt2 has no setting 'layers'"),
        (StudentConfig(path="./nowhere"), r"^\./nowhere: no such folder"),
        (StudentConfig(path="corpus/nowhere"), "^corpus/nowhere: no such folder"),
    ],
)
def test_a_student_that_can_not_be_built_is_refused(gpt2_folder, tokenizer, student, message, tmp_path, monkeypatch):
    (tmp_path / "corpus").mkdir()
    monkeypatch.chdir(tmp_path)

    def refused() -> None:
        source = None if student.path is None else model_source(student.path)
        student_config(student, load_config(model_source(str(gpt2_folder))), tokenizer, source)

    with pytest.raises(UserError, match=message):
        refused()


def test_layers_without_a_teacher_are_refused(tokenizer):
    with pytest.raises(UserError, match=r"model\.teacher\.path is not set"):
        student_config(StudentConfig(layers=[0]), None, tokenizer)


@pytest.mark.parametrize(
    ("dtype", "layers", "loaded"),
    [
        ("bfloat16", [0, 2], ["float32", "bfloat16"]),
        ("float32", [0, 2], ["float32"]),
        ("bfloat16", None, ["bfloat16"]),
    ],
)
def test_layers_start_from_the_teachers_own_numbers(llama_folder, monkeypatch, dtype, layers, loaded):
    asked = []
    monkeypatch.setattr(
        "distill.models.teacher_and_student.load_teacher",
        lambda source, dtype=torch.float32: asked.append(dtype) or load_teacher(source, dtype),
    )
    start = StudentConfig(layers=layers, path=None if layers else str(llama_folder))
    module = DistillationModule(TeacherConfig(path=str(llama_folder), dtype=dtype), student=start)
    module.configure_model()
    assert asked == [getattr(torch, name) for name in loaded]
    weight = load_model(model_source(str(llama_folder))).model.layers[-1].mlp.up_proj.weight
    assert torch.equal(module.student.model.layers[-1].mlp.up_proj.weight, weight)
    assert module.teacher.dtype == getattr(torch, dtype)
    assert module.teacher.model.rotary_emb.inv_freq.dtype == torch.float32


def test_gpt2_becomes_distilgpt2s_shape():
    folder = real_data("gpt2-tokenizer")
    config = student_config(
        StudentConfig(layers=[0, 2, 4, 7, 9, 11]), GPT2Config(), load_fast_tokenizer(model_source(str(folder)))
    )
    with torch.device("meta"):
        assert GPT2LMHeadModel(GPT2Config()).num_parameters() == 124_439_808
        assert GPT2LMHeadModel(config).num_parameters() == 81_912_576
