"""The fused loss in half precision, on a GPU where there is one: gradients against a naive loss in float64."""

import pytest
import torch

from distill.losses import distillation_loss
from tests.distill.losses.test_objective import PI, inputs, naive_loss, relative_error, with_gradients

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.skipif(
    DEVICE == "cpu", reason="compiling on a CPU takes minutes"))])  # fmt: skip
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("contexts", ["reversed", "all"])
def test_gradients_in_half_precision_stay_near_float64(dtype, contexts, compiled):
    settings = {"operator": "expmean", "vocabulary": PI, "contexts": contexts, "lm_weight": 0.5, "odds_weight": 0.3}
    tensors = inputs(dtype)
    exact = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    on_device = {name: tensor.to(DEVICE) for name, tensor in tensors.items()}
    expected = with_gradients(naive_loss, exact, **settings)
    actual = with_gradients(distillation_loss, on_device, chunk_size=8, compiled=compiled, **settings)
    for value, reference in zip(actual, expected, strict=True):
        assert relative_error(value.cpu(), reference) < 1e-2
