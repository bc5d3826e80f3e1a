"""The student: built from the teacher's layers, from a saved model, or from scratch."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from distill.config import StudentConfig
from distill.errors import UserError
from distill.models.integrity import first_difference
from distill.models.loading import fuse_activations, load_config, load_model
from distill.models.output_head import check_head, check_trainable_head
from distill.models.source import ModelSource


def student_config(
    student: StudentConfig,
    teacher_config: PreTrainedConfig | None,
    tokenizer: PreTrainedTokenizerBase,
    source: ModelSource | None = None,
) -> PreTrainedConfig:
    """Make the student's configuration.

    Args:
        student: The student's settings.
        teacher_config: Of the teacher; None without one.
        tokenizer: Gives a fresh student its vocabulary size and special tokens.
        source: Where `student.path` is; None without a path.

    Raises:
        UserError: If not exactly one of layers, path and config is given, a layer is not the teacher's, or a
            configuration cannot be read or has unknown settings.
    """
    given = [name for name in ("layers", "path", "config") if getattr(student, name) is not None]
    if len(given) != 1:
        raise UserError(f"model.student needs exactly one of layers, path and config; given: {given or 'none'}")
    if source is not None:
        return load_config(source)
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
        # Lists that do not have one entry per layer, but may happen to be as long.
        if name in ("architectures", "mlp_only_layers") or name.endswith("_token_id"):
            continue
        if isinstance(value, list) and len(value) == depth:
            setattr(config, name, [value[layer] for layer in layers])
    # This list holds indices of layers.
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
    # Even if they are None: an architecture's default ids belong to another vocabulary.
    of_tokenizer = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    return config_class(**{"vocab_size": len(tokenizer), **of_tokenizer, **settings})


def build_student(
    student: StudentConfig,
    config: PreTrainedConfig,
    teacher: PreTrainedModel | None,
    source: ModelSource | None = None,
) -> PreTrainedModel:
    """Build the student in fp32, ready to train.

    Args:
        student: The student's settings.
        config: Its configuration, from `student_config`.
        teacher: The model in fp32 whose layers are copied; None if none are. A student with an adapter does not change
            them, and shares their tensors.
        source: Where `student.path` is; None without a path.

    Raises:
        UserError: If a saved model cannot be read, layers do not fit their new numbers, or the loss cannot compute the
            student's logits from its hidden states.
    """
    adapted = student.adapter.rank is not None
    if source is not None:
        model = load_model(source)
    else:
        # Random weights take their time and memory; those of an adapted student are all replaced.
        with _without_weights() if adapted else nullcontext():
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
        model.load_state_dict(state, assign=adapted)
        model.tie_weights()  # assigned, they are two parameters
        model.generation_config = teacher.generation_config
    _train_padding(model, fresh=student.config is not None)
    name = "student" if source is None else source.path
    check_trainable_head(model, name)
    check_head(model, name)
    fuse_activations(model)
    return model.train()


def _without_weights() -> AbstractContextManager[Any]:
    """Build models whose parameters take no memory; their buffers are as usual."""
    from accelerate import init_empty_weights  # with peft

    return init_empty_weights(include_buffers=False)


@torch.no_grad()
def _train_padding(model: PreTrainedModel, fresh: bool) -> None:
    """Let the padding token's embedding be trained like any other: often the same token separates documents.

    That of a fresh model starts like the others, not at zero. The configuration is left unchanged.
    """
    embedding = model.get_input_embeddings()
    if not isinstance(embedding, nn.Embedding) or embedding.padding_idx is None:
        return
    if fresh:
        embedding.weight[embedding.padding_idx].normal_(std=float(embedding.weight.std()))
    embedding.padding_idx = None


def _state_of_layers(teacher: PreTrainedModel, layers: list[int]) -> dict[str, Tensor]:
    """The teacher's state dict with only the chosen layers, renumbered from 0, in fp32."""
    prefix = _layers_prefix(teacher)
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


def _layers_prefix(model: PreTrainedModel) -> str:
    """The prefix of the layers' names: `transformer.h.` in GPT-2, `model.layers.` in Llama and its relatives."""
    depth = model.config.num_hidden_layers
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return f"{name}."
    raise UserError(
        f"model.student.layers: no list of {depth} layers in a {type(model).__name__}; give student.path or config"
    )
