"""`distill preview`: the target p″ scored as if it were a model, before any student is trained."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from augment.runtime.atomic_write import atomic_write
from distill.data.blocks import Batch, Block, collate
from distill.data.datamodule import CounterfactualDataModule
from distill.errors import UserError
from distill.evaluation.generation.prompts import groups_as_occupations, read_prompts
from distill.evaluation.generation.templates import OCCUPATIONS
from distill.evaluation.probes.pronoun_gap import he_she_log_odds, pronoun_gap
from distill.evaluation.statistics.bootstrap import DRAWS
from distill.losses.terms import IGNORED_LABEL
from distill.models.compatibility import check_documents_apart
from distill.models.loading import load_teacher
from distill.models.output_head import output_head
from distill.module import DistillationModule
from distill.perturbation.reversed_vocabulary import ReversedVocabulary
from distill.preview.named_occupations import times_named
from distill.preview.pronouns import pronoun_blocks
from distill.preview.ranking import rank_documents, write_ranking
from distill.preview.scores import gendered_nlls, perplexities, prefix_shares
from distill.preview.table import preview_table
from distill.preview.targets import canonical_setting, distinct_targets, target_divergence, target_nlls
from distill.preview.text import scored_text
from distill.runtime.paths import check_writable
from distill.training.preflight import check_recipe

log = logging.getLogger(__name__)

_PASS_TOKENS = 2048
"""Tokens of one factual forward pass of the teacher."""


@dataclass(frozen=True)
class PreviewOptions:
    """What a preview adds to the recipe of a fit."""

    text: str | None = None
    """Text to score the targets on: a file (txt, jsonl, parquet), a folder of such, or a hub id. Default:
    data.validation, or data.train without it."""
    output: str | None = None
    """Folder for preview.json; created if missing. Default: trainer.default_root_dir."""
    tokens: int = 32768
    """Approximate number of positions to score, in blocks spread evenly over the text."""
    prompts: str | None = None
    """JSONL with {"group", "prompt"} on each line; its groups are the occupations of the pronoun gap. Default: the
    built-in list, as in distill evaluate."""
    rank: str | None = None
    """Parquet file to write: the documents of data.train, those first in whose tokens the recipe's target lies farthest
    from the factual prediction, by KL(p″ ‖ p) in nats per token. Takes one pass over the whole text, and counts how
    often it names the occupations that distill evaluate asks for by default."""


def preview(options: PreviewOptions, module: DistillationModule, data: CounterfactualDataModule, output: Path) -> None:
    """Score every target that a perturbation can make of a recipe's teacher, on a text and after occupations.

    The text shows what a target costs in perplexity, the occupations how equal its pronouns are.

    Args:
        options: What to score.
        module: The recipe's model; its student is not built.
        data: The recipe's data.
        output: Folder for preview.json.

    Raises:
        augment.documents.DocumentError: If the text cannot be read.
        UserError: If anything else in the recipe or the options cannot work; nothing has been written then.
    """
    if options.tokens < 1:
        raise UserError(f"--tokens is {options.tokens}: give at least 1")
    if module.teacher_location is None:
        raise UserError("no model.teacher.path: without a teacher there is no target to preview")
    check_recipe(module, data, output)
    if options.rank is not None:
        _check_rank(Path(options.rank), module)
    occupations = _occupations(options.prompts)
    sources = [options.text] if options.text is not None else data.validation_sources or data.train_sources
    text = scored_text(data, sources, options.tokens)
    # Reads all of the text, which may have to be fetched: only where the ranking does, too.
    named = None if options.rank is None else times_named(data.train_sources, data.field)
    train = None if options.rank is None else data.training_blocks()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    vocabulary = module.vocabulary or ReversedVocabulary.from_tokenizer(module.tokenizer, names=data.names)
    vocabulary = vocabulary.to(device)
    teacher = load_teacher(module.teacher_location, getattr(torch, module.teacher_source.dtype))
    if data.document_mask:
        check_documents_apart({module.teacher_location.path: teacher})
    teacher.to(device)  # type: ignore[arg-type] # transformers' decorator hides the signature
    weight = output_head(teacher).weight[: module.student_config.vocab_size].float()
    targets = distinct_targets(module.perturbation)
    score = partial(target_nlls, teacher, weight, vocabulary, targets)
    nlls = _score(score, text.blocks, device, "targets")
    pronouns = _score(score, pronoun_blocks(occupations, data.names, module.tokenizer), device, "pronouns")
    if not (np.isfinite(nlls).all() and np.isfinite(pronouns).all()):
        raise UserError(
            f"{module.teacher_location.path}: some of its probabilities are not finite; its weights are damaged, or "
            "need --model.teacher.dtype float32"
        )

    scored = np.stack([block.labels for block in text.blocks]) != IGNORED_LABEL
    scores = {
        "schema": 1,
        "teacher": vars(module.teacher_source),
        "settings": {
            "text": sources,
            "field": data.field,
            "block_size": data.block_size,
            "names": data.names,
            "document_mask": data.document_mask,
            "tokens": options.tokens,
            "prompts": options.prompts,
            "seed": data.seed,
            "device": device.type,
            "bootstrap_draws": DRAWS,
            "torch": version("torch"),
            "transformers": version("transformers"),
        },
        "positions": {
            "blocks": len(text.blocks),
            "scored": int(scored.sum()),
            "gendered": int(text.gendered.sum()),
            "after_ambiguous": text.after_ambiguous,
            **prefix_shares(text.blocks),
        },
        "evaluated_occupations_named": named,
        "targets": [
            {
                **vars(setting),
                "configured": setting == canonical_setting(module.perturbation),
                "perplexity": perplexity,
                "gendered_tokens": gendered,
                "pronoun_gap": pronoun_gap(he_she_log_odds(-log_p, len(occupations)), occupations),
            }
            for setting, perplexity, gendered, log_p in zip(
                targets,
                perplexities(nlls, scored, data.seed),
                gendered_nlls(nlls, text.gendered, data.seed),
                pronouns.sum(-1),
                strict=True,
            )
        ],
    }
    content = json.dumps(scores, indent=1, ensure_ascii=False, allow_nan=False)
    output.mkdir(parents=True, exist_ok=True)
    atomic_write(output / "preview.json", lambda path: path.write_text(content + "\n", encoding="utf-8"))
    print(preview_table(scores))
    log.info("wrote %s", output / "preview.json")
    if options.rank is not None and train is not None:
        divergence = partial(target_divergence, teacher, weight, vocabulary, canonical_setting(module.perturbation))
        rows = max(1, _PASS_TOKENS // data.block_size)
        write_ranking(Path(options.rank), rank_documents(train, divergence, data.tokenizer, rows, device))
        log.info("wrote %s", options.rank)


def _check_rank(path: Path, module: DistillationModule) -> None:
    if path.suffix != ".parquet":
        raise UserError(f"--rank {path}: is written in Parquet; give a name that ends in .parquet")
    if not module.perturbation.changes_target:
        raise UserError(
            "--rank orders documents by how far the target lies from the factual prediction, and here they are the "
            "same: set model.perturbation.operator, and strength above 0"
        )
    check_writable(path.parent)


def _occupations(prompts: str | None) -> Sequence[str]:
    if prompts is None:
        return OCCUPATIONS
    groups = groups_as_occupations(prompts, read_prompts(prompts))
    if groups is None:
        raise UserError(
            f'--prompts {prompts}: give JSONL with {{"group", "prompt"}} on each line, whose groups are occupations'
        )
    return groups


def _score(
    score: Callable[[Batch], torch.Tensor], blocks: Sequence[Block], device: torch.device, description: str
) -> NDArray[np.float64]:
    """`[settings, blocks, length]` −log p″ of each label in nats; 0 where there is none."""
    length = len(blocks[0].inputs)
    rows = max(1, _PASS_TOKENS // length)
    nlls = []
    with tqdm(total=len(blocks) * length, desc=f"Scoring {description}", unit="tok") as bar:
        for start in range(0, len(blocks), rows):
            batch = collate(list(blocks[start : start + rows])).to(device)
            nlls.append(score(batch).double().cpu().numpy())
            bar.update(batch.inputs.numel())
    return np.concatenate(nlls, axis=1)
