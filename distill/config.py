"""The settings of a run. The docstring below each field is its help on the command line.

Values are checked on construction, so that `LossConfig(temperature=0)` is refused in Python with the same message as
`--model.loss.temperature=0` on the command line.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

Operator = Literal["none", "mean", "expmean", "max", "swap"]
VocabularyReading = Literal["identity", "reversed"]
Contexts = Literal["reversed", "all"]
MovedTokens = Literal["all", "gendered"]
Divergence = Literal["forward_kl", "reverse_kl", "jsd"]
Augmentation = Literal["none", "append", "substitute"]


class SettingError(ValueError):
    """An invalid value of a setting; a mistake in the user's input, like `distill.errors.UserError`."""


def _check_choice(group: str, name: str, value: str, choices: Any) -> None:
    if value not in get_args(choices):
        raise SettingError(f"{group}: unknown {name} {value!r}: use one of {', '.join(get_args(choices))}")


def _check_range(name: str, value: object, fits: bool, expected: str) -> None:
    if not fits:
        raise SettingError(f"{name} is {value}: it must be {expected}")


@dataclass(frozen=True)
class TeacherConfig:
    """The model whose predictions are distilled."""

    path: str | None = None
    """Folder or hub id of a causal language model; null: no teacher, plain language modelling (kd_weight 0)."""
    gguf_file: str | None = None
    """Name of a GGUF file inside that folder or hub repository; it is dequantised on load."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Data type of the teacher's weights in memory."""


@dataclass(frozen=True)
class AdapterConfig:
    """A LoRA adapter: small matrices that are trained in place of the student's own weights (Hu et al. 2021)."""

    rank: int | None = None
    """Rank of the adapter's matrices, e.g. 32; null: no adapter, all weights are trained. Needs the package peft."""
    alpha: float | None = None
    """The adapter's output is multiplied by alpha / rank; null: twice the rank."""
    targets: list[str] | None = None
    """Linear layers to adapt, by the end of their names, e.g. [q_proj, v_proj]; null: all but the head."""
    keep: bool = False
    """Also save the adapter by itself, in peft's format, in student/adapter; needs all layers of its base."""

    def __post_init__(self) -> None:
        if self.rank is None and (self.alpha is not None or self.targets is not None or self.keep):
            raise SettingError("model.student.adapter has no rank: set one, e.g. 32, or leave its other settings out")
        for name, fits, expected in (
            ("rank", self.rank is None or self.rank >= 1, "1 or more"),
            ("alpha", self.alpha is None or self.alpha > 0, "more than 0"),
            ("targets", self.targets is None or (bool(self.targets) and all(self.targets)), "a list of names"),
        ):
            _check_range(f"model.student.adapter.{name}", getattr(self, name), fits, expected)


@dataclass(frozen=True)
class StudentConfig:
    """The model that is trained. Set exactly one of `layers`, `path` and `config`."""

    layers: list[int] | None = None
    """The teacher's layers that the student starts from, in order and counted from 0, e.g. [0, 2, 4, 7, 9, 11]."""
    path: str | None = None
    """Folder or hub id of a model with the teacher's vocabulary, whose weights the student starts from."""
    config: dict[str, Any] | None = None
    """A model with random weights: a transformers configuration as a mapping, e.g. {model_type: gpt2, n_layer: 6}."""
    adapter: AdapterConfig = AdapterConfig()
    """Trained in place of the weights that `layers` or `path` give the student; it is merged into them at the end."""

    def __post_init__(self) -> None:
        if self.adapter.rank is not None and self.config is not None:
            raise SettingError(
                "model.student.adapter would leave random weights as they are: start from model.student.layers or path"
            )


@dataclass(frozen=True)
class PerturbationConfig:
    """How the teacher's factual and counterfactual predictions become the target."""

    operator: Operator = "none"
    """none: plain distillation; mean, expmean, max, swap: how to combine both predictions."""
    vocabulary: VocabularyReading = "identity"
    """Read the counterfactual prediction as it is, or through the role-reversed vocabulary (mother ↔ father)."""
    contexts: Contexts = "reversed"
    """Where the operator acts: only after a reversed word (reversed), or after neutral prefixes, too (all)."""
    strength: float = 1.0
    """How far the target moves from the factual prediction (0) to the operator's result (1), on the log scale."""
    tokens: MovedTokens = "all"
    """Which probabilities the operator changes: all, or only those of gendered words (first names are none), whose sum
    then stays factual."""

    def __post_init__(self) -> None:
        for name, choices in (
            ("operator", Operator), ("vocabulary", VocabularyReading), ("contexts", Contexts), ("tokens", MovedTokens),
        ):  # fmt: skip
            _check_choice("model.perturbation", name, getattr(self, name), choices)
        _check_range("model.perturbation.strength", self.strength, 0 <= self.strength <= 1, "between 0 and 1")
        if self.tokens == "gendered" and self.vocabulary == "identity":
            raise SettingError(
                "model.perturbation.tokens gendered needs the role-reversed vocabulary: set vocabulary to reversed"
            )

    @property
    def changes_target(self) -> bool:
        """Whether the target differs from the factual prediction anywhere."""
        return self.operator != "none" and self.strength > 0


@dataclass(frozen=True)
class LossConfig:
    """The terms of the loss and their weights.

    kd_weight · T² · D(target ‖ student) + lm_weight · cross-entropy + hidden_weight · (1 − cos of hidden states) +
    odds_weight · KL(target ‖ student) within the gendered words.
    """

    kd_weight: float = 1.0
    """Weight of the divergence between target and student."""
    lm_weight: float = 0.0
    """Weight of the cross-entropy with the text's next token. The text is biased: see README before you raise it."""
    hidden_weight: float = 0.0
    """Weight of 1 − cosine between the last hidden states of teacher and student; both need the same width."""
    odds_weight: float = 0.0
    """Weight of the divergence within the gendered words, given that one comes next; speeds up what is learnt of them.
    Needs the role-reversed vocabulary."""
    odds_falls: bool = False
    """Let odds_weight fall to 0 over the run, in a straight line."""
    temperature: float = 1.0
    """Softmax temperature of target and student; the perturbation itself happens at temperature 1."""
    divergence: Divergence = "forward_kl"
    """forward_kl, reverse_kl or jsd (generalised Jensen–Shannon)."""
    jsd_beta: float = 0.5
    """Weight of the target in the mixture of the Jensen–Shannon divergence."""
    chunk_size: int | None = None
    """Tokens whose logits are in memory at a time; null: derived from the device's memory."""
    compile: bool = False
    """Let torch.compile fuse the operations between two head products; needs a C++ compiler, and Triton on a GPU."""

    def __post_init__(self) -> None:
        _check_choice("model.loss", "divergence", self.divergence, Divergence)
        for name, fits, expected in (
            ("kd_weight", self.kd_weight >= 0, "0 or more"),
            ("lm_weight", self.lm_weight >= 0, "0 or more"),
            ("hidden_weight", self.hidden_weight >= 0, "0 or more"),
            ("odds_weight", self.odds_weight >= 0, "0 or more"),
            ("temperature", self.temperature > 0, "more than 0"),
            ("jsd_beta", 0 < self.jsd_beta < 1, "between 0 and 1"),
            ("chunk_size", self.chunk_size is None or self.chunk_size >= 1, "1 or more"),
        ):
            _check_range(f"model.loss.{name}", getattr(self, name), fits, expected)


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW with linear warm-up, then linear decay to zero at the last step."""

    lr: float = 5e-4
    """Highest learning rate."""
    betas: tuple[float, float] = (0.9, 0.98)
    """Decay rates of the first and second moments."""
    eps: float = 1e-6
    """Added to the denominator, for numerical stability."""
    weight_decay: float = 0.0
    """Weight decay, for matrices only, never for biases and norms."""
    warmup_fraction: float = 0.05
    """Share of all steps over which the learning rate rises."""
    average: float = 0.0
    """Decay of a moving average of the weights, e.g. 0.999, which is validated and exported in their place; 0: none.
    In the first steps t it is lower: at most (1 + t) / (10 + t)."""

    def __post_init__(self) -> None:
        for name, fits, expected in (
            ("lr", self.lr > 0, "more than 0"),
            ("eps", self.eps > 0, "more than 0"),
            ("betas", all(0 <= beta < 1 for beta in self.betas), "in [0, 1)"),
            ("weight_decay", self.weight_decay >= 0, "0 or more"),
            ("warmup_fraction", 0 <= self.warmup_fraction <= 1, "in [0, 1]"),
            ("average", 0 <= self.average < 1, "in [0, 1)"),
        ):
            _check_range(f"model.optimizer.{name}", getattr(self, name), fits, expected)


@dataclass(frozen=True)
class RolloutConfig:
    """Text that the student writes itself while it is trained, so that it learns from what it does, not from others."""

    share: float = 0.0
    """Share of the blocks of each micro-batch that the student's own texts take the place of; 0: none."""
    prompts: str = "openings"
    """What it continues: openings, those of `distill openings`; documents, the first tokens of the training documents;
    or a text file with a prompt on each line."""
    max_new_tokens: int = 24
    """Tokens that it writes after a prompt at most."""

    def __post_init__(self) -> None:
        _check_range("data.rollout.share", self.share, 0 <= self.share < 1, "0 or more, and less than 1")
        _check_range("data.rollout.max_new_tokens", self.max_new_tokens, self.max_new_tokens >= 1, "1 or more")
        if not self.prompts:
            raise SettingError("data.rollout.prompts is empty: use openings, documents, or a file")
