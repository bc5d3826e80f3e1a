"""The arguments of a run: what stands behind each field is its help on the command line."""

from dataclasses import dataclass
from typing import Any, Literal

Operator = Literal["none", "mean", "expmean", "max", "swap"]
Contexts = Literal["reversed", "all"]
Divergence = Literal["forward_kl", "reverse_kl", "jsd"]


@dataclass(frozen=True)
class TeacherConfig:
    """The model whose predictions are distilled."""

    path: str | None = None
    """Folder or hub id of any causal language model; null: no teacher, plain language modelling (kd_weight 0)."""
    gguf_file: str | None = None
    """File name of a GGUF model inside that folder or hub repository; it is dequantised on load."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Type of the teacher's weights in memory."""


@dataclass(frozen=True)
class StudentConfig:
    """The model that is trained: exactly one of the three."""

    layers: list[int] | None = None
    """Which of the teacher's blocks the student starts from, in order, e.g. [0, 2, 4, 7, 9, 11]; counted from 0."""
    path: str | None = None
    """Folder or hub id of a model with the teacher's vocabulary, to start from its weights."""
    config: dict[str, Any] | None = None
    """A fresh model: a transformers configuration as a mapping, e.g. {model_type: gpt2, n_layer: 6}."""


@dataclass(frozen=True)
class PerturbationConfig:
    """How the teacher's factual and counterfactual predictions become the target."""

    operator: Operator = "none"
    """none: plain distillation; mean, expmean, max, swap: combine both predictions."""
    vocabulary: Literal["identity", "reversed"] = "identity"
    """Read the counterfactual prediction as it is, or through the role-reversed vocabulary (mother ↔ father)."""
    contexts: Contexts = "reversed"
    """Where the operator acts: only after a reversed word, or after neutral prefixes too."""


@dataclass(frozen=True)
class LossConfig:
    """kd_weight · T² · D(target ‖ student) + lm_weight · cross-entropy + hidden_weight · (1 − cos of hidden states)."""

    kd_weight: float = 1.0
    """Weight of the divergence between target and student."""
    lm_weight: float = 0.0
    """Weight of the cross-entropy with the text's next token. The text is biased: see README before you raise it."""
    hidden_weight: float = 0.0
    """Weight of 1 − cosine between the last hidden states of teacher and student; both need the same width."""
    temperature: float = 1.0
    """Tempers target and student; the perturbation itself happens at temperature 1."""
    divergence: Divergence = "forward_kl"
    """forward_kl, reverse_kl or jsd (generalised Jensen–Shannon)."""
    jsd_beta: float = 0.5
    """Weight of the target in the mixture of the Jensen–Shannon divergence."""
    chunk_size: int | None = None
    """Tokens whose logits exist at a time; null: as many as the device's memory suggests."""
    compile: bool = False
    """Let torch.compile fuse what happens between two head products; needs a C++ compiler, on a GPU Triton."""


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW, linear warm-up, then linear decay to zero at the last step."""

    lr: float = 5e-4
    """Highest learning rate."""
    betas: tuple[float, float] = (0.9, 0.98)
    """Decay of the first and second moment."""
    eps: float = 1e-6
    """Added to the square root of the second moment."""
    weight_decay: float = 0.0
    """On matrices only, never on biases and norms."""
    warmup_fraction: float = 0.05
    """Share of all steps in which the learning rate rises."""
