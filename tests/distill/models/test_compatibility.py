"""Which models keep the documents of a block apart."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from distill.errors import UserError
from distill.models.compatibility import check_documents_apart, check_takes_positions

SIZE = {
    "vocab_size": 40, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "head_dim": 16,
}  # fmt: skip


def config(model_type: str, **options):
    return AutoConfig.for_model(model_type, **options)


def model(model_type: str, **options):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config(model_type, **options))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "build",
    [
        lambda: model("gpt2", vocab_size=40, n_embd=32, n_layer=2, n_head=2),
        lambda: model("llama", **SIZE),
        lambda: model("mistral", sliding_window=4, **SIZE),
    ],
)
def test_models_with_attention_keep_documents_apart_and_stay_as_they_are(build, dtype):
    checked = build().to(dtype).train()
    before = {name: tensor.clone() for name, tensor in checked.state_dict().items()}
    check_takes_positions({"model": checked.config, "none": None})
    check_documents_apart({"model": checked, "none": None})
    assert checked.training
    assert all(tensor.dtype == before[name].dtype for name, tensor in checked.state_dict().items())
    assert all(torch.equal(tensor, before[name]) for name, tensor in checked.state_dict().items())


@pytest.mark.parametrize("model_type", ["mamba", "rwkv", "bloom"])
def test_models_without_positions_are_refused_by_their_configuration(model_type):
    with pytest.raises(UserError, match=r"^small: this architecture cannot keep the documents of a block apart"):
        check_takes_positions({"small": config(model_type)})


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "build",
    [
        lambda: model("mamba", vocab_size=40, hidden_size=32, num_hidden_layers=2),
        # Takes positions, and does not look at them in its recurrent layers: less than what bf16 rounds.
        lambda: model("lfm2", layer_types=["conv", "full_attention"], **SIZE),
        # Takes positions, and does not mask by them.
        lambda: model("openai-gpt", vocab_size=40, n_embd=32, n_layer=2, n_head=2),
    ],
)
def test_models_that_carry_something_on_are_refused(build, dtype):
    with pytest.raises(UserError, match=r"^student: .* set data.document_mask to false$"):
        check_documents_apart({"student": build().to(dtype)})
