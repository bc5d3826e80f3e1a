"""Load teacher and tokenizer; build the student out of the teacher's layers, from a folder, or fresh."""

import logging
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.activations import ACT2FN
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from augment.documents import lies_in_a_folder
from distill.config import StudentConfig, TeacherConfig
from distill.errors import UserError
from distill.models.integrity import check_complete, check_files, first_difference
from distill.models.security import NO_CODE, NO_PICKLES, check_kernels
from distill.runtime.paths import from_home

log = logging.getLogger(__name__)

_TOKENIZER_FILES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken")


def load_tokenizer(path: str, gguf_file: str | None = None, revision: str | None = None) -> PreTrainedTokenizerBase:
    """A fast tokenizer (one that reports character offsets) from a folder or the hub.

    Raises:
        UserError: there is none, or it has no offsets or no end-of-text token.
    """
    folder = from_home(path)
    if folder.is_dir() and not _holds_tokenizer(path, gguf_file):
        if not (folder / "config.json").is_file():
            raise UserError(f"{path!r} holds no model: give the folder of a saved one, such as OUTPUT/student")
        raise UserError(
            f"there is no tokenizer in {path!r}, only a model: save one there, or give --model.tokenizer another "
            "folder or a hub id"
        )
    tokenizer = _load("tokenizer", AutoTokenizer, path, gguf_file, revision)
    check_tokens(tokenizer, path)
    if not tokenizer.is_fast:
        raise UserError(f"tokenizer {path!r} reports no character offsets: use its fast version (tokenizer.json)")
    if tokenizer.eos_token_id is None:
        raise UserError(f"tokenizer {path!r} has no eos_token, which separates documents: set one")
    return tokenizer


def own_tokenizer(
    path: str, gguf_file: str | None = None, revision: str | None = None
) -> PreTrainedTokenizerBase | None:
    """The tokenizer that a model came with; None where a folder holds the model alone.

    Raises:
        UserError: it can't be used, see `load_tokenizer`.
    """
    return load_tokenizer(path, gguf_file, revision) if _holds_tokenizer(path, gguf_file) else None


def _holds_tokenizer(path: str, gguf_file: str | None) -> bool:
    folder = from_home(path)
    return gguf_file is not None or not folder.is_dir() or any(any(folder.glob(name)) for name in _TOKENIZER_FILES)


def check_tokens(tokenizer: PreTrainedTokenizerBase, path: str) -> None:
    """Make sure that a tokenizer can spell a text: where there is none, transformers makes one of special tokens alone.

    Raises:
        UserError: it can't.
    """
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise UserError(
            f"the tokenizer of {path!r} has no tokens but special ones: save the model's own tokenizer there"
        )


def load_config(path: str, gguf_file: str | None = None, revision: str | None = None) -> PreTrainedConfig:
    """The configuration of a model, without its weights.

    Raises:
        UserError: there is none, or it would have a kernel of the hub run.
    """
    config = _load("model configuration", AutoConfig, path, gguf_file, revision)
    if gguf_file is None:
        check_kernels(path, revision)
    return config


def load_teacher(teacher: TeacherConfig) -> PreTrainedModel:
    """The frozen teacher in evaluation mode.

    Raises:
        UserError: it can't be read, or its logits are not hidden @ Wᵀ.
    """
    assert teacher.path is not None
    model = load_model(teacher.path, teacher.gguf_file, teacher.revision, getattr(torch, teacher.dtype))
    check_head(model, teacher.path)
    fuse_activations(model)
    return model.eval().requires_grad_(False)


def load_model(
    path: str, gguf_file: str | None = None, revision: str | None = None, dtype: torch.dtype = torch.float32
) -> PreTrainedModel:
    """A causal language model from a folder, the hub, or a GGUF file (dequantised).

    Raises:
        UserError: it can't be read.
    """
    extra: dict[str, Any] = {"dtype": dtype}
    if gguf_file is not None:
        extra["quantization_config"] = dequantising()
    else:
        check_files(path)
        if not _looks_local(path):
            check_kernels(path, revision)
        extra |= NO_PICKLES
    model, loading = _load("model", AutoModelForCausalLM, path, gguf_file, revision, output_loading_info=True, **extra)
    check_complete(path, model, loading["missing_keys"])
    # A dequantised model is a dense one; the leftover would make every copy of its configuration ask for GGUF again.
    if getattr(model.config, "quantization_config", None) is not None:
        del model.config.quantization_config
    return model


def take_weights_into_memory(model: nn.Module) -> None:
    """Copy weights out of the file that they are mapped from, tensor by tensor.

    A mapped file lies in small pages, in which a CPU's products look up so many addresses that they take up to a third
    longer; torch's own memory may lie in huge ones (`THP_MEM_ALLOC_ENABLE`, set by the command `distill`).
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()


def dequantising() -> Any:
    """The `quantization_config` that makes `from_pretrained` turn a GGUF file into a dense model."""
    try:
        from transformers import GgufConfig
    except ImportError:  # before transformers 5.20 every GGUF file was dequantised
        return None
    return GgufConfig(dequantize=True)


def _load(what: str, loader: Any, path: str, gguf_file: str | None, revision: str | None, **extra: Any) -> Any:
    local = _looks_local(path)
    if local:
        folder = from_home(path)
        if not folder.is_dir():
            raise UserError(
                f"there is no folder {path!r} to read the {what} from; give that of a saved model, or a hub id"
            )
        if gguf_file is not None and not (folder / gguf_file).is_file():
            raise UserError(f"there is no file {gguf_file!r} in {path!r} to read the {what} from")
        path = str(folder)
    if gguf_file is not None:
        extra["gguf_file"] = gguf_file
    try:
        return loader.from_pretrained(path, revision=revision or "main", **{**NO_CODE, **extra})
    except Exception as error:
        reason = re.split(r"\.\s|\n", str(error).strip(), maxsplit=1)[0] or type(error).__name__
        where = "" if local else "there is no such folder, and from the hub: "
        raise UserError(f"{what} {path!r} can't be loaded: {where}{reason}") from error


def _looks_local(path: str) -> bool:
    """A hub id is `name` or `owner/name`; what starts like a path, goes deeper, or lies in a folder is a folder."""
    return (
        path.startswith((".", "/", "~"))
        or path.count("/") > 1
        or path.endswith("/")
        or Path(path).exists()
        or lies_in_a_folder(path)
    )


def backbone(model: PreTrainedModel) -> nn.Module:
    """The model without its head: its `last_hidden_state` is what the head takes."""
    return model.base_model


def head_weight(model: PreTrainedModel) -> Tensor:
    """`[V, D]` weights of the head."""
    return model.get_output_embeddings().weight


def block_limit(config: PreTrainedConfig) -> int | None:
    """The longest input in tokens that the model's positions allow; None where it states none."""
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def check_logits(config: PreTrainedConfig, name: str) -> None:
    """As `check_head`, as far as a configuration tells it.

    Raises:
        UserError: naming what stands there.
    """
    if found := _between(config):
        raise _unsupported(name, found)


@torch.no_grad()
def check_head(model: PreTrainedModel, name: str) -> None:
    """Make sure that logits are hidden @ Wᵀ: the fused loss works from hidden states.

    Raises:
        UserError: they are not; the message says what stands between.
    """
    bias = getattr(model.get_output_embeddings(), "bias", None)
    found = [*([] if bias is None else ["a bias in the head"]), *_between(model.config)]
    # A fresh model's bias is zero and its logits are far below any cap: what is there counts, not what it does today.
    if found:
        raise _unsupported(name, found)
    training = model.training
    model.eval()
    ids = torch.arange(8, device=model.device).remainder(model.config.vocab_size).unsqueeze(0)
    logits = model(ids).logits.float()
    product = (backbone(model)(ids).last_hidden_state @ head_weight(model).T).float()
    model.train(training)
    if not torch.allclose(product, logits, rtol=1e-2, atol=1e-2):
        raise _unsupported(name, ["something"])


def _between(config: PreTrainedConfig) -> list[str]:
    """What a configuration puts between hidden @ Wᵀ and the logits, in words."""
    text = config.get_text_config()
    scales = ("logit_scale", "logits_scaling", "lm_head_multiplier")
    found = {
        "a soft cap": bool(getattr(text, "final_logit_softcapping", None)),
        "a logit scale": any(getattr(text, scale, None) not in (None, 1) for scale in scales),
    }
    return [cause for cause, present in found.items() if present]


def _unsupported(name: str, found: list[str]) -> UserError:
    reason = " and ".join(found)
    return UserError(f"model {name!r} is not supported: {reason} stands between its hidden states and its logits")


def fuse_activations(model: PreTrainedModel) -> None:
    """Compute GPT-2's `gelu_new`, which transformers writes out in eight steps, in one, as `gelu_pytorch_tanh`.

    The same function: faster, less memory for its gradient, different in the last bits; the configuration stays.
    """
    written_out = type(ACT2FN["gelu_new"])
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is written_out:
                setattr(module, name, ACT2FN["gelu_pytorch_tanh"])


def check_same_vocabulary(one: PreTrainedTokenizerBase, other: PreTrainedTokenizerBase, names: tuple[str, str]) -> None:
    """Make sure that every token has the same id on both sides; equal sizes prove nothing.

    Raises:
        UserError: naming the first token that differs.
    """
    ours, theirs = one.get_vocab(), other.get_vocab()
    if ours == theirs:
        return
    token = min((ours.items() ^ theirs.items()), key=lambda item: item[1])[0]
    raise UserError(
        f"the vocabularies of {names[0]} and {names[1]} differ: token {token!r} is "
        f"{ours.get(token, 'missing')} in the first and {theirs.get(token, 'missing')} in the second; "
        "distillation needs one vocabulary"
    )


def student_config(
    student: StudentConfig, teacher_config: PreTrainedConfig | None, tokenizer: PreTrainedTokenizerBase
) -> PreTrainedConfig:
    """The student's configuration; checks what was asked for.

    Raises:
        UserError: not exactly one of layers, path and config; a layer that the teacher doesn't have; an unknown
            configuration.
    """
    given = [name for name in ("layers", "path", "config") if getattr(student, name) is not None]
    if len(given) != 1:
        raise UserError(f"model.student needs exactly one of layers, path and config; given: {given or 'none'}")
    if student.path is not None:
        return load_config(student.path)
    if student.layers is not None:
        if teacher_config is None:
            raise UserError("model.student.layers are the teacher's, and model.teacher.path is not set")
        return _config_of_layers(student.layers, teacher_config)
    return _fresh_config(dict(student.config or {}), tokenizer)


def _config_of_layers(layers: list[int], teacher_config: PreTrainedConfig) -> PreTrainedConfig:
    depth = teacher_config.num_hidden_layers
    if not layers:
        raise UserError("model.student.layers is empty: name at least one of the teacher's layers")
    for layer in layers:
        if not 0 <= layer < depth:
            raise UserError(f"model.student.layers: {layer} is out of range, the teacher has layers 0 to {depth - 1}")
    config = type(teacher_config).from_dict(teacher_config.to_dict())
    config.num_hidden_layers = len(layers)
    for name, value in vars(teacher_config).items():
        # What else may happen to be as long as the teacher is deep.
        if name in ("architectures", "mlp_only_layers") or name.endswith("_token_id"):
            continue
        if isinstance(value, list) and len(value) == depth:
            setattr(config, name, [value[layer] for layer in layers])
    # Numbers of layers, where others hold something for each.
    if dense := getattr(teacher_config, "mlp_only_layers", None):
        config.mlp_only_layers = [new for new, layer in enumerate(layers) if layer in dense]
    return config


def _fresh_config(settings: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> PreTrainedConfig:
    model_type = settings.pop("model_type", None)
    if model_type not in CONFIG_MAPPING:
        raise UserError(f"model.student.config.model_type is {model_type!r}: name an architecture, e.g. gpt2 or llama")
    config_class = CONFIG_MAPPING[model_type]
    known = {*config_class().to_dict(), *config_class.attribute_map}
    for name in settings:
        if name not in known:
            raise UserError(f"model.student.config: {model_type} has no setting {name!r}")
    # Also None: an architecture's own ids are tokens of another vocabulary.
    of_tokenizer = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    return config_class(**{"vocab_size": len(tokenizer), **of_tokenizer, **settings})


def build_student(student: StudentConfig, config: PreTrainedConfig, teacher: PreTrainedModel | None) -> PreTrainedModel:
    """The student in fp32, ready to train.

    Args:
        student: what was asked for.
        config: of `student_config`.
        teacher: whose layers are copied, in fp32; None where none are.

    Raises:
        UserError: it can't be read, the layers don't fit their new numbers, or its logits are not hidden @ Wᵀ.
    """
    if student.path is not None:
        model = load_model(student.path)
    else:
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    if student.layers is not None:
        assert teacher is not None
        state = _state_of_layers(teacher, student.layers)
        if difference := first_difference(state, model.state_dict()):
            name, there, here = difference
            raise UserError(
                f"model.student.layers {student.layers}: {name} is {there} in the teacher's layer and {here} in the "
                f"student's, whose kind follows from its new number in a {type(teacher).__name__}; choose layers that "
                "keep their kind, or give model.student.path or config"
            )
        model.load_state_dict(state)
        model.generation_config = teacher.generation_config
    _train_padding(model, fresh=student.config is not None)
    check_head(model, student.path or "student")
    fuse_activations(model)
    return model.train()


@torch.no_grad()
def _train_padding(model: PreTrainedModel, fresh: bool) -> None:
    """Let the padding token's embedding be trained as any other's: often it is the token that separates documents.

    A fresh one starts like the others, not at zero. The configuration stays.
    """
    embedding = model.get_input_embeddings()
    if not isinstance(embedding, nn.Embedding) or embedding.padding_idx is None:
        return
    if fresh:
        embedding.weight[embedding.padding_idx].normal_(std=float(embedding.weight.std()))
    embedding.padding_idx = None


def _state_of_layers(teacher: PreTrainedModel, layers: list[int]) -> dict[str, Tensor]:
    """The teacher's state with only the chosen blocks, numbered from 0."""
    prefix = _blocks_prefix(teacher)
    new_index = {old: [new for new, layer in enumerate(layers) if layer == old] for old in set(layers)}
    state: dict[str, Tensor] = {}
    for name, tensor in teacher.state_dict().items():
        if not name.startswith(prefix):
            state[name] = tensor.float()
            continue
        old, rest = name.removeprefix(prefix).split(".", 1)
        for new in new_index.get(int(old), []):
            state[f"{prefix}{new}.{rest}"] = tensor.float()
    return state


def _blocks_prefix(model: PreTrainedModel) -> str:
    """Where the blocks stand: `transformer.h.` in GPT-2, `model.layers.` in Llama and its relatives."""
    depth = model.config.num_hidden_layers
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return f"{name}."
    raise UserError(f"model.student.layers: no list of {depth} blocks in a {type(model).__name__}")
