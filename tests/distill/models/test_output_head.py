"""The description of the output head, compared with models' own logits."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from distill.errors import UserError
from distill.models.output_head import backbone, check_head, output_head


@pytest.fixture
def model() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(vocab_size=20, n_layer=1, n_embd=8, n_head=1, n_positions=16))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_description_makes_the_models_own_logits(model: GPT2LMHeadModel, dtype: torch.dtype) -> None:
    model.lm_head.bias = torch.nn.Parameter(torch.arange(20.0))
    model = model.to(dtype).train()
    check_head(model, "biased")
    assert model.training
    tokens = torch.arange(5).unsqueeze(0)
    head, eager = output_head(model), model.eval()
    assert head.weight is model.lm_head.weight
    logits = head.logits(backbone(eager)(tokens).last_hidden_state[0])
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, eager(tokens).logits[0].float(), rtol=2e-2, atol=5e-2)


def test_logits_that_do_not_follow_from_the_head_are_refused(model: GPT2LMHeadModel) -> None:
    model.lm_head.register_forward_hook(lambda _, __, logits: logits * 1.01)
    with pytest.raises(UserError, match="'scaled' is not supported: something stands between"):
        check_head(model, "scaled")


def test_logits_that_are_not_finite_are_refused(model: GPT2LMHeadModel) -> None:
    model.lm_head.register_forward_hook(lambda _, __, logits: logits * torch.inf)
    with pytest.raises(UserError, match=r"^damaged: its logits are not finite; its weights are damaged, or need dtype"):
        check_head(model, "damaged")
