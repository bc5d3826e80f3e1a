"""Settings with invalid values are refused on construction."""

import math

import pytest

from distill.config import AdapterConfig, LossConfig, OptimizerConfig, PerturbationConfig, StudentConfig


@pytest.mark.parametrize(
    ("settings", "value", "message"),
    [
        (LossConfig, {"kd_weight": -1}, "model.loss.kd_weight is -1: it must be 0 or more"),
        (LossConfig, {"lm_weight": math.nan}, "model.loss.lm_weight is nan: it must be 0 or more"),
        (LossConfig, {"hidden_weight": -0.5}, "model.loss.hidden_weight is -0.5: it must be 0 or more"),
        (LossConfig, {"temperature": 0}, "model.loss.temperature is 0: it must be more than 0"),
        (LossConfig, {"jsd_beta": 1.0}, "model.loss.jsd_beta is 1.0: it must be between 0 and 1"),
        (LossConfig, {"chunk_size": 0}, "model.loss.chunk_size is 0: it must be 1 or more"),
        (LossConfig, {"divergence": "kl"}, "model.loss: unknown divergence 'kl': use one of forward_kl, "),
        (OptimizerConfig, {"lr": 0}, "model.optimizer.lr is 0: it must be more than 0"),
        (OptimizerConfig, {"eps": 0}, "model.optimizer.eps is 0: it must be more than 0"),
        (OptimizerConfig, {"betas": (0.9, 1.0)}, r"model.optimizer.betas is \(0.9, 1.0\): it must be in \[0, 1\)"),
        (OptimizerConfig, {"weight_decay": -1}, "model.optimizer.weight_decay is -1: it must be 0 or more"),
        (OptimizerConfig, {"warmup_fraction": 2}, r"model.optimizer.warmup_fraction is 2: it must be in \[0, 1\]"),
        (AdapterConfig, {"rank": 0}, "model.student.adapter.rank is 0: it must be 1 or more"),
        (AdapterConfig, {"rank": 8, "alpha": 0}, "model.student.adapter.alpha is 0: it must be more than 0"),
        (
            AdapterConfig,
            {"rank": 8, "targets": []},
            r"model.student.adapter.targets is \[\]: it must be a list of names",
        ),
        (AdapterConfig, {"alpha": 16}, "model.student.adapter has no rank: set one"),
        (
            StudentConfig,
            {"config": {"model_type": "gpt2"}, "adapter": AdapterConfig(8)},
            "model.student.adapter would leave random weights as they are",
        ),
        (
            PerturbationConfig,
            {"operator": "median"},
            "model.perturbation: unknown operator 'median': use one of none, ",
        ),
        (PerturbationConfig, {"vocabulary": "own"}, "model.perturbation: unknown vocabulary 'own'"),
        (PerturbationConfig, {"contexts": "some"}, "model.perturbation: unknown contexts 'some'"),
    ],
)
def test_a_value_out_of_its_range_is_refused(settings, value, message):
    with pytest.raises(ValueError, match=message):
        settings(**value)
