"""Adapters: which layers they go on, what is frozen, shared, checkpointed, merged and kept."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from distill.config import AdapterConfig, StudentConfig, TeacherConfig
from distill.errors import UserError
from distill.models.adapter import add_adapter, check_adapter, frozen_digest, merged_state, save_adapter, target_layers
from distill.models.loading import load_model, load_teacher
from distill.models.output_head import backbone, output_head
from distill.models.source import model_source
from distill.module import DistillationModule

IDS = torch.arange(12).unsqueeze(0)


def gpt2() -> GPT2LMHeadModel:
    config = GPT2Config(vocab_size=40, n_layer=2, n_embd=8, n_head=2, n_positions=16, bos_token_id=0, eos_token_id=0)
    return GPT2LMHeadModel(config).eval()


def llama(tied: bool = True) -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=40, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=16, tie_word_embeddings=tied,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def trained(model, adapter: AdapterConfig, seed: int = 0):
    """The model with an adapter that does something."""
    add_adapter(model, adapter, seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(std=0.3, generator=generator)
    return model


def module_of(folder, dtype="float32", **student) -> DistillationModule:
    module = DistillationModule(
        TeacherConfig(str(folder), dtype=dtype), student=StudentConfig(adapter=AdapterConfig(1), **student)
    )
    module.configure_model()
    return module


def storages(*models) -> dict[int, int]:
    """Address → bytes of each piece of memory that holds weights."""
    pieces = [parameter.untyped_storage() for model in models for parameter in model.parameters()]
    return {piece.data_ptr(): piece.nbytes() for piece in pieces}


@pytest.mark.parametrize("make", [gpt2, llama, lambda: llama(tied=False)], ids=["gpt2", "tied llama", "llama"])
@settings(deadline=None, max_examples=5)
@given(rank=st.integers(1, 4), alpha=st.floats(0.5, 8), seed=st.integers(0, 99))
def test_the_merged_model_is_the_adapted_one(tmp_path_factory, make, rank, alpha, seed):
    torch.manual_seed(seed)
    model = make()
    before, plain = {name: tensor.clone() for name, tensor in model.state_dict().items()}, model(IDS).logits
    add_adapter(model, AdapterConfig(rank, alpha), seed)
    assert torch.equal(model(IDS).logits, plain)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.normal_(std=0.1)
    logits = model(IDS).logits
    assert not torch.allclose(logits, plain, atol=1e-3)
    folder = tmp_path_factory.mktemp("merged")
    model.save_pretrained(folder, state_dict=merged_state(model))
    merged = AutoModelForCausalLM.from_pretrained(folder)
    assert merged.state_dict().keys() == before.keys()
    torch.testing.assert_close(merged.eval()(IDS).logits, logits, rtol=1e-6, atol=1e-6)
    # The frozen weights may be the teacher's: they are as they were.
    after = {name.replace(".base_layer.", "."): tensor for name, tensor in model.state_dict().items()}
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("make", [gpt2, llama])
def test_all_linear_layers_but_the_head_are_adapted(make):
    model = make()
    names = target_layers(model, None)
    matrices = {name.removesuffix(".weight") for name, tensor in model.named_parameters() if tensor.ndim == 2}
    embeddings = {name for name in matrices if "embed" in name or "wte" in name or "wpe" in name}
    assert set(names) == matrices - embeddings
    head, features = output_head(model).weight, backbone(model)
    add_adapter(model, AdapterConfig(2), seed=0)
    assert output_head(model).weight is head
    assert backbone(model) is features
    assert {name.rpartition(".lora_")[0] for name, p in model.named_parameters() if p.requires_grad} == set(names)


def test_a_target_is_the_end_of_a_name():
    assert target_layers(llama(), ["layers.1.mlp.up_proj", "v_proj"]) == [
        "model.layers.0.self_attn.v_proj", "model.layers.1.self_attn.v_proj", "model.layers.1.mlp.up_proj",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("lm_head", "lm_head is the head or an embedding"),
        ("embed_tokens", "embed_tokens is the head or an embedding"),
        ("proj", "no linear layer's name ends in proj; there are down_proj, gate_proj, k_proj, o_proj, "),
        ("mlp", "no linear layer's name ends in mlp"),
    ],
)
@pytest.mark.parametrize("tied", [True, False])
def test_targets_that_cannot_be_adapted_are_refused(target, message, tied):
    student = StudentConfig(layers=[0], adapter=AdapterConfig(2, targets=["q_proj", target]))
    with pytest.raises(UserError, match=message) as caught:
        check_adapter(student, llama(tied).config, None)
    assert "\n" not in str(caught.value)


def test_without_peft_it_is_named(monkeypatch):
    monkeypatch.setattr("distill.models.adapter.find_spec", lambda name: None)
    check_adapter(StudentConfig(layers=[0]), llama().config, None)
    with pytest.raises(UserError, match=r"needs the package peft: pip install 'counterfactual-distill\[adapters\]'"):
        check_adapter(StudentConfig(layers=[0], adapter=AdapterConfig(2)), llama().config, None)


def test_what_peft_cannot_adapt_is_one_line():
    config = AutoConfig.for_model("mamba", vocab_size=20, hidden_size=8, num_hidden_layers=1, state_size=4)
    with pytest.raises(UserError, match="peft cannot adapt a MambaForCausalLM") as caught:
        check_adapter(StudentConfig(path="x", adapter=AdapterConfig(2)), config, None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("start", ["layers", "path"])
def test_a_student_that_starts_as_its_teacher_shares_its_memory(llama_folder, gpt2_folder, start):
    for folder, depth in ((llama_folder, 3), (gpt2_folder, 4)):
        module = module_of(folder, **({"layers": [*range(depth)]} if start == "layers" else {"path": f"{folder}/."}))
        teacher, both = storages(module.teacher), storages(module.teacher, module.student)
        assert sum(both.values()) <= 1.2 * sum(teacher.values())
        adapter = [p for p in module.student.parameters() if p.requires_grad]
        assert sum(both.values()) == sum(teacher.values()) + sum(p.nbytes for p in adapter)
        assert torch.equal(module.student.eval()(IDS).logits, module.teacher(IDS).logits)
        assert not any(parameter.requires_grad for parameter in module.teacher.parameters())
        # Out of the mapped file.
        assert not storages(load_model(model_source(str(folder)))).keys() & both.keys()


def test_the_layers_of_a_smaller_student_are_shared_too(llama_folder):
    module = module_of(llama_folder, layers=[0, 2])
    frozen = [parameter for parameter in module.student.parameters() if not parameter.requires_grad]
    assert {p.untyped_storage().data_ptr() for p in frozen} <= storages(module.teacher).keys()
    assert module.student.lm_head.weight is module.student.model.embed_tokens.weight


def test_a_teacher_of_another_type_is_not_shared(llama_folder):
    module = module_of(llama_folder, dtype="bfloat16", layers=[0, 1, 2])
    assert not storages(module.teacher).keys() & storages(module.student).keys()
    exact = load_teacher(model_source(str(llama_folder)))
    assert torch.equal(module.student.eval()(IDS).logits, exact(IDS).logits)


def test_the_adapter_starts_from_the_seed_alone(llama_folder):
    starts = []
    for disturbance in (1, 2):
        torch.manual_seed(disturbance)
        model = load_model(model_source(str(llama_folder)))
        random_state = torch.get_rng_state()
        add_adapter(model, AdapterConfig(2), seed=5)
        assert torch.equal(torch.get_rng_state(), random_state)
        starts.append([parameter for parameter in model.parameters() if parameter.requires_grad])
    assert all(torch.equal(*pair) for pair in zip(*starts, strict=True))
    assert any(parameter.any() for parameter in starts[0])


def test_a_model_with_an_adapter_of_its_own_is_refused():
    with pytest.raises(UserError, match="holds an adapter of its own"):
        add_adapter(trained(llama(), AdapterConfig(2)), AdapterConfig(2), seed=0)


def test_the_digest_is_of_the_frozen_weights_alone():
    torch.manual_seed(0)
    model = llama()
    digests = []
    add_adapter(model, AdapterConfig(2), seed=0)
    digests.append(frozen_digest(model))
    trained_part = next(parameter for parameter in model.parameters() if parameter.requires_grad)
    trained_part.data.add_(1)
    assert frozen_digest(model) == digests[0]
    model.model.norm.weight.data[3] += 1e-3
    assert frozen_digest(model) != digests[0]


@pytest.mark.parametrize("make", [gpt2, llama])
def test_the_kept_adapter_fits_its_base(make, tmp_path):
    base = make()
    base.save_pretrained(tmp_path / "base")
    model = trained(base, AdapterConfig(2, 3.0))
    save_adapter(model, str(tmp_path / "base"), tmp_path / "adapter")
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tmp_path / "base"), tmp_path / "adapter")
    torch.testing.assert_close(loaded.eval()(IDS).logits, model(IDS).logits, rtol=1e-6, atol=1e-6)
    assert model.peft_config["default"].inference_mode is False


def test_an_adapter_for_some_of_the_layers_is_not_kept():
    student = StudentConfig(layers=[0], adapter=AdapterConfig(2, keep=True))
    with pytest.raises(UserError, match=r"adapter\.keep: an adapter for only some of the teacher's layers"):
        check_adapter(student, llama().config, llama().config)
