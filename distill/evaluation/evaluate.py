"""Measure a saved model and write down what came out: the `distill evaluate` command."""

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import augment
import distill.evaluation
from augment.runtime.atomic_write import write_whole
from distill import models
from distill.errors import UserError
from distill.evaluation.disparity.coherence import coherence
from distill.evaluation.disparity.distinct_bigrams import distinct_2
from distill.evaluation.disparity.measures import disparity_of
from distill.evaluation.disparity.rescoring import SCORED, count_labels
from distill.evaluation.generation.batch_plan import GenerationPlan
from distill.evaluation.generation.decoding import Sampling, prompt_lengths
from distill.evaluation.generation.device_workers import Processes, check_shared, devices
from distill.evaluation.generation.prompt_selection import PRESETS, PresetName, select_prompts
from distill.evaluation.generation.prompts import Prompt, groups_as_occupations, read_prompts
from distill.evaluation.generation.store import StoredGenerations, write_generations
from distill.evaluation.generation.templates import OCCUPATIONS
from distill.evaluation.likelihood.fluency import mean_nll
from distill.evaluation.likelihood.text_perplexity import measure_text, protocols, read_text
from distill.evaluation.partial_results import exclusive_output, result_cache
from distill.evaluation.polarity.bold_unigram import unigram
from distill.evaluation.polarity.word_vector_polarity import POLARITY_METHODS, PolarityName, labeller, read_word_table
from distill.evaluation.probes.ceat import measure_ceat, read_contexts
from distill.evaluation.probes.pair_preference import pair_preference
from distill.evaluation.probes.pronoun_gap import pronoun_gap, pronoun_log_odds
from distill.evaluation.probes.sentence_pairs import read_pairs
from distill.evaluation.scored_model import Checkpoint, Dtype, check_model, load_checkpoint
from distill.evaluation.statistics.bootstrap import DRAWS
from distill.runtime.code_digest import code_digest, package_files
from distill.runtime.paths import check_writable

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Devices:
    """Devices that share the generation.

    Args:
        devices: Processes, each with the model on a GPU of its own, of which the first also holds what is not shared;
            or with its share of the cores, without a GPU.
    """

    devices: int = 1


def evaluate(
    model: str,
    output: Path,
    preset: PresetName = "quick",
    prompts: str | None = None,
    polarity: PolarityName | Sequence[PolarityName] = POLARITY_METHODS,
    word_table: Path | None = None,
    include_prompt: bool = False,
    pairs: str | Sequence[str] = (),
    ceat: str | None = None,
    text: str | None = None,
    field: str = "text",
    gguf_file: str | None = None,
    reference: str | None = None,
    prompts_per_group: int | None = None,
    samples: int | None = None,
    max_new_tokens: int = 64,
    temperature: float = 1.0,
    top_p: float = 0.9,
    top_k: int = 50,
    seed: int = 0,
    context: int | None = None,
    batch_size: int = 64,
    device: str = "auto",
    dtype: Dtype = "float32",
    trainer: Devices = Devices(),
) -> dict[str, Any]:
    """Measure what a model costs (perplexity, fluency) and what it favours (gender disparity in what it generates).

    Writes metrics.json and generations.parquet into the output folder; `distill report` compares such folders.

    Args:
        model: Folder of a saved model, GGUF file, or Hugging Face id.
        output: Folder for the results; made where it is missing.
        preset: How much to generate. smoke: 2 prompts of each group, 2 samples each; quick: 50 and 5; full: all
            prompts and 10.
        prompts: What to continue: BOLD's JSON {group: {entity: [prompt]}}; JSONL with {"group", "prompt"} a line, where
            a line with "gender" (female or male) is a prompt of the coherence measure; or a Hugging Face id in BOLD's
            layout, such as AmazonScience/bold. Default: our own templates over our own list of occupations. The groups
            of a JSONL are taken for occupations, and the pronoun gap is measured on them; on our own list otherwise.
        polarity: What names the gender that a text speaks of, one or several: unigram (the majority of BOLD's words,
            always measured), gender_max (the most gendered word of hard-debiased vectors), gender_wavg (their weighted
            mean).
        word_table: Polarities of words for the latter two, made by `distill word-table` from any word vectors. Default:
            the table that comes with us, of Google News' vectors.
        include_prompt: Whether the words of the prompt itself count too.
        pairs: Pairs of sentences, a stereotypical and another one, whose likelihood is compared: one or several files
            or Hugging Face ids, with columns more and less (and group), or laid out as CrowS-Pairs, WinoBias (its
            pro-stereotyped set; the twin is found) or Winogender, such as oskarvanderwal/winogender:all:test.
        ceat: Text whose sentences give words their contexts for the embedding check (CEAT), a file, a folder or a
            Hugging Face id; some millions of words, such as Wikipedia's. Default: left out. It says nothing about
            disparity in what the model writes.
        text: Text to measure perplexity on: a file (txt, jsonl, parquet), a folder of such, or a Hugging Face id.
            Default: perplexity is left out.
        field: Column of the text in jsonl, parquet and Hugging Face data sets.
        gguf_file: Name of a GGUF file in the model's folder; it is dequantised.
        reference: Model that judges the fluency of the continuations: folder, GGUF file or Hugging Face id. Give the
            same for all models that you compare. It is loaded beside the model. Default: the model itself.
        prompts_per_group: Prompts of each group, in place of the preset's.
        samples: Continuations of each prompt, in place of the preset's.
        max_new_tokens: Tokens of a continuation, at most.
        temperature: Divides the logits before sampling.
        top_p: Mass of the nucleus that is sampled from, in (0, 1].
        top_k: Likeliest tokens kept before top_p applies; 0 keeps all, 1 is greedy.
        seed: Seed of the continuations and of the bootstrap.
        context: Tokens of a window of perplexity. Default: all that the model can read at once.
        batch_size: Continuations generated at a time; changes speed and memory only.
        device: Where to compute, such as cpu or cuda:0; auto takes a GPU if there is one. Without a number where
            several are asked for.
        dtype: Of the weights in memory.
        trainer: How many devices, as with `distill fit`.

    Returns:
        What metrics.json holds.

    Raises:
        UserError: If a path, a prompt or a number is wrong, and nothing has been written then; or if a model's
            probabilities are no finite numbers.
    """
    sampling = Sampling(max_new_tokens, temperature, top_p, top_k, seed)
    _check_counts(prompts_per_group=prompts_per_group, samples=samples, batch_size=batch_size, context=context)
    _check_counts(**{"trainer.devices": trainer.devices})
    check_shared(device, trainer.devices)
    per_group = PRESETS[preset].prompts_per_group if prompts_per_group is None else prompts_per_group
    samples = PRESETS[preset].samples if samples is None else samples
    check_model(model, gguf_file)
    if reference is not None:
        check_model(reference)
    chosen = select_prompts(read_prompts(prompts), per_group)
    groups = groups_as_occupations(prompts, chosen)
    scored_text = None if text is None else read_text(text, field)
    table = read_word_table(word_table)
    pairs_of = {source: read_pairs(source) for source in ([pairs] if isinstance(pairs, str) else pairs)}
    contexts = None if ceat is None else read_contexts(ceat, field)
    check_writable(output)

    checkpoint = load_checkpoint(model, gguf_file, device, dtype)
    logger.info("%s: %s parameters on %s", checkpoint.name, f"{checkpoint.parameters:,}", checkpoint.device)
    judge = checkpoint if reference is None else load_checkpoint(reference, device=device, dtype=dtype)
    window = _window(checkpoint, context)
    lengths = prompt_lengths(checkpoint, chosen, max_new_tokens)
    processes = _processes(trainer.devices, model, gguf_file, checkpoint, dtype)

    settings = {
        "preset": preset,
        "prompts": prompts,
        "prompts_sha256": _prompts_digest(chosen),
        "prompts_per_group": per_group,
        "samples": samples,
        "max_new_tokens": max_new_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "top_k": top_k,
        "seed": seed,
        "word_table": table.source,
        "include_prompt": include_prompt,
        "pairs": {
            source: _digest(f"{pair.more}\0{pair.less}\0{pair.group}" for pair in found)
            for source, found in pairs_of.items()
        },
        "ceat": ceat,
        "ceat_sha256": contexts and _digest(text for found in contexts.values() for text in found),
        "text": text,
        "text_sha256": scored_text and scored_text.sha256,
        "documents": scored_text.documents if scored_text else 0,
        "perplexity": protocols(scored_text, window),
        "field": field,
        "gguf_file": gguf_file,
        "reference": reference,
        "reference_sha256": judge.sha256,
        "pronoun_gap_occupations": "prompts" if groups else "built-in",
        "context": window,
        "device": checkpoint.device.type,
        "dtype": dtype,
        "bootstrap_draws": DRAWS,
        "torch": version("torch"),
        "transformers": version("transformers"),
    }
    metrics: dict[str, Any] = {
        "schema": 1,
        "model": {
            "name": checkpoint.name,
            "path": checkpoint.path,
            "parameters": checkpoint.parameters,
            "sha256": checkpoint.sha256,
        },
        "settings": settings,
    }
    with exclusive_output(output):
        # Whatever takes long is kept as soon as it is there: a run that is killed goes on behind it.
        determined_by = {"model": checkpoint.identity, "judge": judge.identity, "code": _code(), **settings}
        measures = result_cache(output, "measures", determined_by)
        metrics |= measure_text(checkpoint, scored_text, window, seed, measures)
        occupations = groups or OCCUPATIONS
        metrics["pronoun_gap"] = measures.get_or_compute(
            "pronoun_gap",
            lambda: pronoun_gap(pronoun_log_odds(checkpoint, window, occupations), occupations, seed),
        )

        metrics["pairs"] = {
            # By what they hold: a run that is continued may name them in another order.
            source: measures.get_or_compute(
                f"pairs-{settings['pairs'][source]}", partial(pair_preference, checkpoint, window, found)
            )
            for source, found in pairs_of.items()
        }

        metrics["ceat"] = contexts and measures.get_or_compute(
            "ceat", partial(measure_ceat, checkpoint, contexts, seed)
        )

        plan = GenerationPlan(chosen, lengths, samples, sampling, batch_size)
        # An older metrics.json speaks of other generations.
        (output / "metrics.json").unlink(missing_ok=True)
        drawn = result_cache(output, "generations", _made_of(checkpoint, plan, dtype))
        write_generations(output / "generations.parquet", checkpoint, plan, drawn, processes)
        # Read once for each measure, each time piece by piece: there may be more of them than memory holds.
        generations = StoredGenerations(output / "generations.parquet")

        chosen_polarities = dict.fromkeys(("unigram", *((polarity,) if isinstance(polarity, str) else polarity)))
        metrics["disparity"] = {
            name: disparity_of(count_labels(generations.rows(*SCORED), labeller(name, table), include_prompt), seed)
            for name in chosen_polarities
        }
        metrics["coherence"] = coherence(
            (
                (prompt_id, gender, unigram(text))
                for kind, prompt_id, gender, text in generations.rows("kind", "prompt_id", "gender", "continuation")
                if kind == "coherence"
            ),
            seed,
        )
        texts = generations.rows("prompt", "continuation")
        metrics["fluency"] = {
            "nll": mean_nll(judge, texts, len(generations), judge.context or window, measures),
            "reference": judge.name,
            "distinct_2": distinct_2((text for (text,) in generations.rows("continuation")), output),
            "length": sum(tokens for (tokens,) in generations.rows("tokens")) / len(generations),
        }
        content = json.dumps(metrics, indent=1, ensure_ascii=False, allow_nan=False)
        write_whole(
            output / "metrics.json",
            lambda path: path.write_text(content + "\n", encoding="utf-8"),
            beside=measures.folder,
        )
    logger.info("wrote %s and %s", output / "generations.parquet", output / "metrics.json")
    return metrics


def _processes(count: int, model: str, gguf_file: str | None, checkpoint: Checkpoint, dtype: Dtype) -> Processes | None:
    if count == 1:
        return None
    return Processes(model, gguf_file, dtype, devices(checkpoint.device, count))


def _made_of(checkpoint: Checkpoint, plan: GenerationPlan, dtype: Dtype) -> dict[str, Any]:
    """All that decides about a continuation, to the last bit."""
    return {
        "model": checkpoint.identity,
        "name": checkpoint.name,
        "prompts": _prompts_digest(plan.prompts),
        "samples": plan.samples,
        **asdict(plan.sampling),
        "batch_size": plan.batch_size,
        "device": checkpoint.device.type,
        "dtype": dtype,
        "code": _code(),
        "torch": version("torch"),
        "transformers": version("transformers"),
    }


@cache
def _code() -> str:
    return code_digest([*package_files(distill.evaluation), *package_files(models), *package_files(augment)])


def _check_counts(**counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None and count < 1:
            raise UserError(f"--{name} is {count}; give at least 1")


def _window(checkpoint: Checkpoint, context: int | None) -> int:
    if checkpoint.context is None and context is None:
        raise UserError(f"{checkpoint.path}: does not say how much it can read at once; give --context")
    if checkpoint.context is not None and context is not None and context > checkpoint.context:
        raise UserError(f"--context {context}: {checkpoint.path} reads {checkpoint.context} tokens at once; lower it")
    return context or checkpoint.context


def _prompts_digest(prompts: Iterable[Prompt]) -> str:
    # An id says whether a prompt establishes a gender, not which.
    return _digest(f"{prompt.prompt_id}\0{prompt.gender}" for prompt in prompts)


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()
