"""The model card of an exported student."""

import statistics
from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
import transformers

from distill.config import PerturbationConfig
from distill.data.datamodule import CounterfactualDataModule
from distill.models.adapter import describe_adapter
from distill.module import DistillationModule
from distill.runtime.markdown import escape_markdown
from distill.training.card_metadata import card_metadata
from distill.training.metrics_csv import SPEED, read_column, read_rows


def model_card(
    module: DistillationModule,
    data: CounterfactualDataModule,
    trainer: pl.Trainer,
    checkpoint: Path | None,
    changes: Sequence[str] = (),
    ended: str | None = None,
) -> str:
    """The model card: what the model is, how it was made, and what it is not.

    Args:
        module: Holds the student and the recipe.
        data: The data that it was trained on.
        trainer: Holds the number of steps and the output folder.
        checkpoint: The file that the weights come from; None: the weights of the last step.
        changes: Settings that changed during the run.
        ended: Why the run ended before its last step, if it did.

    Returns:
        Markdown with a YAML header.
    """
    student, teacher, perturbation, loss = module.student, module.teacher_source, module.perturbation, module.loss
    treated = module.needs_counterfactual_pass or data.augmentation != "none"
    made = "distilled from a teacher" if module.uses_teacher else "trained on text, without a teacher,"
    if treated:
        made += (
            " with counterfactual role reversal (after Gupta et al. 2022,\n"
            "[arXiv 2203.12574](https://arxiv.org/abs/2203.12574))"
        )
    limits = (
        "Only disparity between two genders, in English, was treated; singular “they” stays as it is. Less disparity\n"
        "in generated text does not mean fairer embeddings or classifiers."
        if treated
        else "Nothing was done about disparity: this is a baseline."
    )
    tags = [
        *(["knowledge-distillation"] if module.uses_teacher else []),
        *(["counterfactual-role-reversal", "fairness"] if treated else []),
    ]
    teacher_location = module.teacher_location if module.uses_teacher or module.student_source.layers else None
    sources = [source for source in (module.student_location, teacher_location) if source is not None]
    adapted = module.student_source.adapter.rank is not None
    trained = student.num_parameters(only_trainable=True)
    parameters = student.num_parameters() - (trained if adapted else 0)
    rows = {"parameters": f"{parameters:,}", "architecture": type(student).__name__}
    if teacher.path:
        rows |= {
            "teacher": teacher.path + (f" ({teacher.gguf_file})" if teacher.gguf_file else ""),
            "started from": f"the teacher's layers {', '.join(map(str, module.student_source.layers))}"
            if module.student_source.layers
            else module.student_source.path or "fresh weights",
            "target": f"{perturbation.operator}, {perturbation.vocabulary} vocabulary, "
            f"{perturbation.contexts} contexts{_limits(perturbation)}",
        }
    if data.focus_ranking is not None:
        ranking = f"{data.focus_ranking.name}, sha256 {data.focus_ranking_digest}"
        rows["focus"] = f"{data.focus:g} of the draws by what a block teaches ({ranking}), " + (
            "its loss divided by how much more often it is drawn"
            if data.focus_correction
            else "which is another objective than the text's: such blocks count more"
        )
    if data.rollout.share:
        rows["written by the student"] = (
            f"{data.rollout_rows} of {data.micro_batch_size} blocks of each batch, "
            f"up to {data.rollout.max_new_tokens} tokens after {_prompts(data.rollout.prompts)}"
        )
    if adapted:
        rows["adapter"] = f"{describe_adapter(student)}, {trained:,} parameters trained, merged into the weights"
        rows["adapter's base"] = f"{sources[0].path}, weights with sha256 {module.base_sha256}"
    rows |= {
        "loss": f"{loss.kd_weight:g} × {loss.divergence} (T = {loss.temperature:g}) + {loss.lm_weight:g} × "
        f"cross-entropy + {loss.hidden_weight:g} × hidden states"
        + (f" + {loss.odds_weight:g} × odds{', falling to 0' if loss.odds_falls else ''}" if loss.odds_weight else ""),
        "text": ", ".join(map(str, data.train_sources)),
        "augmentation": f"{data.augmentation}, first names {'reversed' if data.names else 'not reversed'}",
        **({"documents": "apart: none sees the others of its block"} if data.document_mask else {}),
        "tokens per step": f"{data.global_batch_size * data.block_size:,}",
        "steps": f"{trainer.global_step:,}",
        **({"changed during the run": "; ".join(changes)} if changes else {}),
        **({"ended because": ended} if ended else {}),
        "weights from": (checkpoint.name if checkpoint else "the last step") + _averaged(module.optimizer.average),
        "throughput": _throughput(Path(trainer.default_root_dir)),
        "software": f"torch {torch.__version__}, transformers {transformers.__version__}, "
        f"pytorch-lightning {pl.__version__}",
    }
    metrics = _last_values(Path(trainer.default_root_dir))
    # Names of folders and files may contain anything, including markup.
    table = "\n".join(f"| {name} | {_shown(value)} |" for name, value in rows.items())
    measured = "\n".join(f"| {name} | {value} |" for name, value in metrics.items())
    return f"""---
{card_metadata(sources, list(map(str, data.train_sources)), tags)}
---
# {_shown(Path(trainer.default_root_dir).resolve().name)}

A causal language model {made} by counterfactual-distill.

| | |
|---|---|
{table}

Last logged values (losses in nats per token):

| metric | value |
|---|---|
{measured}

## Limitations
{limits} Evaluate before you rely on it:

    distill evaluate --model student --output evaluation
"""


def _shown(text: str) -> str:
    return escape_markdown(" ".join(text.split()))


def _last_values(output: Path) -> dict[str, str]:
    """The last value of each metric in metrics.csv, which is complete however often the run was continued."""
    columns = sorted({name for row in read_rows(output) for name in row} - {"step", *SPEED})
    values = {name: read_column(output, name) for name in columns}
    return {name: f"{column[-1]:.4g}" for name, column in values.items() if column}


def _throughput(output: Path) -> str:
    speeds, peaks = read_column(output, "train/tokens_per_s"), read_column(output, "train/peak_gib")
    if not speeds:
        return "not measured"
    return f"{statistics.median(speeds):,.0f} tokens/s (median), peak memory {max(peaks):.2f} GiB per process"


def _prompts(name: str) -> str:
    return {"openings": "built-in openings", "documents": "the first tokens of documents"}.get(
        name, "prompts of a file"
    )


def _averaged(decay: float) -> str:
    """That the weights are an average, if they are."""
    return f", averaged over the steps up to then (moving average, decay {decay:g})" if decay else ""


def _limits(perturbation: PerturbationConfig) -> str:
    """How far the target goes, unless it goes all the way for all tokens."""
    strength = "" if perturbation.strength == 1 else f", strength {perturbation.strength:g}"
    return strength + (", gendered tokens only" if perturbation.tokens == "gendered" else "")
