"""Evaluate a saved model and write the results: the `distill evaluate` command.

Check the arguments, read the inputs, load the models, compute each of `MEASURES`, and write metrics.json.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import augment
import distill.evaluation
import distill.models
import distill.perturbation
from augment.runtime.atomic_write import atomic_write
from distill.decoding.sampling import Sampling
from distill.errors import UserError
from distill.evaluation.comparability import MAIN_POLARITY
from distill.evaluation.disparity.target_shares import read_target_shares
from distill.evaluation.experiment_loggers import LoggerName, check_loggers, log_evaluation
from distill.evaluation.generation.batch_plan import GenerationPlan
from distill.evaluation.generation.decoding import prompt_lengths
from distill.evaluation.generation.device_workers import Processes, check_shared, devices
from distill.evaluation.generation.prompt_selection import PRESETS, PresetName, check_counts, select_prompts
from distill.evaluation.generation.prompts import groups_as_occupations, read_prompts
from distill.evaluation.generation.templates import OCCUPATION_SETS, OccupationSet
from distill.evaluation.likelihood.text_perplexity import protocols, read_text
from distill.evaluation.margins import Margins
from distill.evaluation.measure_context import Inputs, MeasureContext
from distill.evaluation.measures import MEASURES
from distill.evaluation.nlls import NLLS, write_nlls
from distill.evaluation.partial_results import exclusive_output
from distill.evaluation.planning.plan_command import parity_outlook
from distill.evaluation.polarity.word_vector_polarity import POLARITY_METHODS, PolarityName, read_word_table
from distill.evaluation.probes.ceat import read_contexts
from distill.evaluation.probes.sentence_pairs import read_pairs
from distill.evaluation.probes.text_classifier import load_classifier
from distill.evaluation.schema import SCHEMA
from distill.evaluation.scored_model import Dtype, ScoredModel, load_scored_model
from distill.evaluation.statistics.bootstrap import DRAWS
from distill.models.source import check_model, model_source
from distill.runtime.code_digest import code_digest, package_files
from distill.runtime.paths import check_writable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Devices:
    """Devices that share the generation.

    Args:
        devices: Number of processes. With GPUs, each process loads the model onto a GPU of its own, and the first GPU
            also does the work that is not shared; without, the processes share the CPU cores.
    """

    devices: int = 1


def evaluate(
    model: str,
    output: Path,
    preset: PresetName = "quick",
    prompts: str | None = None,
    occupations: OccupationSet = "all",
    polarity: PolarityName | Sequence[PolarityName] = POLARITY_METHODS,
    word_table: Path | None = None,
    target_shares: Path | None = None,
    include_prompt: bool = False,
    pairs: str | Sequence[str] = (),
    ceat: str | None = None,
    text: str | None = None,
    field: str = "text",
    gguf_file: str | None = None,
    reference: str | None = None,
    classifier: str | None = None,
    prompts_per_group: int | None = None,
    samples: int | None = None,
    coherence_samples: int | None = None,
    max_new_tokens: int | None = None,
    temperature: float = 1.0,
    top_p: float = 0.9,
    top_k: int = 50,
    seed: int = 0,
    context: int | None = None,
    batch_size: int = 64,
    device: str = "auto",
    dtype: Dtype = "float32",
    trainer: Devices = Devices(),
    margins: Margins = Margins(),
    logger: LoggerName | Sequence[LoggerName] = (),
) -> dict[str, Any]:
    """Measure the utility of a model (perplexity, fluency) and the gender disparity of the texts it generates.

    Writes metrics.json, generations.parquet and nlls.parquet (likelihoods by document and by text) to the output
    folder; `distill report` compares such folders.

    Args:
        model: Folder of a saved model, GGUF file, or Hugging Face id.
        output: Folder for the results; created if it does not exist.
        preset: How much to generate. smoke: 2 prompts of each group, 2 samples each, and 12 gendered openings of each
            gender once; quick: 50 and 5, and all openings 5 times; full: all prompts 10 times, all openings 20 times;
            paper: what a published re-implementation of the protocol of Gupta et al. 2022 used, so that figures can
            stand beside its own: 100 prompts of each of BOLD's groups and 10 samples, at most 100 tokens long with the
            prompt, whose words count, too, and the polarity gender_max_split.
        prompts: The prompts to continue: BOLD's JSON {group: {entity: [prompt]}}; JSONL with one {"group", "prompt"}
            per line, where a line that also has a "gender" (female or male) is a prompt of the coherence measure; or a
            Hugging Face id in BOLD's layout, such as AmazonScience/bold. Default: built-in templates over a built-in
            list of occupations. The groups of a JSONL file are taken to be occupations, and the pronoun gap is measured
            on them; otherwise it is measured on the built-in list.
        occupations: Which of the built-in occupations the prompts and the pronoun gap are about: all 48, or one of two
            halves that lean equally far to either side. Choose between recipes by tuning and judge the chosen one by
            verdict: figures on what a choice was made by are too good.
        polarity: One or several ways to label the gender that a text speaks of: unigram (the majority of BOLD's gender
            words, always measured), gender_max (the most gendered word by hard-debiased word vectors), gender_wavg (the
            weighted mean over its words), gender_max_split (gender_max over what stands between spaces, with case and
            punctuation, as earlier work had it; only for comparison with that work).
        word_table: Word polarities for all polarities but unigram, computed by `distill word-table` from any word
            vectors. Default: the built-in table, computed from the Google News vectors.
        target_shares: JSON file {group: share} with the share of women, from 0 to 1, that each group should have, such
            as labour statistics, for the mean absolute error. Default: even shares.
        include_prompt: Whether the words of the prompt itself count, too.
        pairs: Sentence pairs, one stereotypical and one not, whose likelihoods are compared: one or several files or
            Hugging Face ids, with columns more and less (and group), or in the layout of CrowS-Pairs, WinoBias (the
            pro-stereotyped file; its counterpart is found), Winogender, such as oskarvanderwal/winogender:all:test, or
            StereoSet, of which the part about gender is read.
        ceat: Text whose sentences provide contexts for the words of the embedding test (CEAT): a file, a folder or a
            Hugging Face id, of some millions of words, such as Wikipedia. Default: no embedding test. It says nothing
            about disparity in what the model writes.
        text: Text to measure perplexity and the equivariance gap on: a file (txt, jsonl, parquet), a folder of such
            files, or a Hugging Face id. Default: neither is measured.
        field: Column that contains the text in jsonl, parquet and Hugging Face data sets.
        gguf_file: Name of a GGUF file in the model's folder; it is dequantised.
        reference: Model that judges the fluency of the continuations: folder, GGUF file or Hugging Face id. Give the
            same one for all models that you compare. It is loaded in addition to the model. Default: the model itself.
        classifier: Folder of a text classifier, such as one of toxicity or regard, whose judgement of what the model
            writes of women and of men is compared. With --include_prompt, it also reads the prompt.
        prompts_per_group: Prompts about each group, instead of the preset's number.
        samples: Continuations of each of them, instead of the preset's number.
        coherence_samples: Continuations of each gendered opening, for the coherence measure, instead of the preset's
            number.
        max_new_tokens: Maximum number of tokens of a continuation. Default: 64; with the preset paper, what its prompt
            leaves of 100.
        temperature: Divides the logits before sampling.
        top_p: Probability mass of the nucleus to sample from, in (0, 1].
        top_k: Number of most likely tokens kept before top_p applies; 0 keeps all, 1 is greedy.
        seed: Seed of the continuations and of the bootstrap.
        context: Window size for perplexity, in tokens. Default: the model's context length.
        batch_size: Continuations generated at a time; changes only speed and memory.
        device: Device to compute on, such as cpu or cuda:0; auto uses a GPU if there is one. Give it without a number
            if you ask for several devices.
        dtype: Data type of the weights in memory.
        trainer: Number of devices, as for `distill fit`.
        margins: Differences that count as none when `distill report` judges parity and the price of fairness.
        logger: Log the numbers as well: to tensorboard, into OUTPUT/tensorboard, or to wandb (Weights & Biases), which
            reads its own environment variables, such as WANDB_PROJECT. Can be given twice.

    Returns:
        The content of metrics.json.

    Raises:
        UserError: If a path, a prompt or a number is invalid, or a logger is not installed, in which case nothing has
            been written; or if a model's probabilities are not finite.
        RunError: If a logger fails; the results are complete by then.
    """
    loggers: Sequence[LoggerName] = [logger] if isinstance(logger, str) else logger
    check_loggers(loggers)
    amount = PRESETS[preset]
    if preset == "paper" and prompts is None:
        raise UserError("--preset paper: compares with figures on BOLD; give --prompts AmazonScience/bold, or its file")
    longest = amount.max_new_tokens if max_new_tokens is None else max_new_tokens
    sampling = Sampling(longest, temperature, top_p, top_k, seed, amount.max_length)
    check_counts(prompts_per_group=prompts_per_group, samples=samples, coherence_samples=coherence_samples)
    check_counts(batch_size=batch_size, context=context, **{"trainer.devices": trainer.devices})
    check_shared(device, trainer.devices)
    per_group = amount.prompts_per_group if prompts_per_group is None else prompts_per_group
    samples = amount.samples if samples is None else samples
    coherence_samples = amount.coherence_samples if coherence_samples is None else coherence_samples
    include_prompt = include_prompt or amount.include_prompt
    polarities = (MAIN_POLARITY, *([polarity] if isinstance(polarity, str) else polarity), *amount.polarities)
    source = model_source(model, gguf_file)
    check_model(source)
    judge_source = None if reference is None else model_source(reference)
    if judge_source is not None:
        check_model(judge_source)
    if classifier is not None:
        check_model(model_source(classifier))

    chosen = select_prompts(read_prompts(prompts, occupations), per_group, amount.openings)
    groups = groups_as_occupations(prompts, chosen)
    professions = sorted({prompt.group for prompt in chosen if prompt.kind == "profession"})
    inputs = Inputs(
        prompts=chosen,
        occupations=groups or OCCUPATION_SETS[occupations],
        text=None if text is None else read_text(text, field),
        word_table=read_word_table(word_table),
        target_shares=read_target_shares(target_shares, professions),
        pairs={source: read_pairs(source) for source in ([pairs] if isinstance(pairs, str) else pairs)},
        ceat_contexts=None if ceat is None else read_contexts(ceat, field),
    )
    check_writable(output)

    scored = load_scored_model(source, device, dtype)
    log.info("%s: %s parameters on %s", scored.name, f"{scored.parameters:,}", scored.device)
    if outlook := parity_outlook(chosen, samples, margins.parity):
        log.info("%s", outlook)
    judge = scored if judge_source is None else load_scored_model(judge_source, device, dtype)
    judges = None if classifier is None else load_classifier(classifier, str(scored.device))
    window = _window(scored, context)
    each = [samples if prompt.kind == "profession" else coherence_samples for prompt in chosen]
    plan = GenerationPlan(chosen, prompt_lengths(scored, chosen, sampling), each, sampling, batch_size)
    several = None
    if trainer.devices > 1:
        several = Processes(source, dtype, devices(scored.device, trainer.devices))

    digests = inputs.digests
    settings = {
        "preset": preset,
        "prompts": prompts,
        "prompts_sha256": digests["prompts_sha256"],
        "occupations": occupations,
        "prompts_per_group": per_group,
        "samples": samples,
        "coherence_samples": coherence_samples,
        **asdict(sampling),
        "word_table": digests["word_table"],
        "target_shares": target_shares and target_shares.name,
        "target_shares_sha256": digests["target_shares_sha256"],
        "include_prompt": include_prompt,
        "pairs": digests["pairs"],
        "ceat": ceat,
        "ceat_sha256": digests["ceat_sha256"],
        "text": text,
        "text_sha256": digests["text_sha256"],
        "documents": inputs.text.documents if inputs.text else 0,
        "perplexity": protocols(inputs.text, window),
        "field": field,
        "gguf_file": gguf_file,
        "reference": reference,
        "reference_sha256": judge.sha256,
        "classifier": classifier,
        "classifier_sha256": judges and judges.sha256,
        "pronoun_gap_occupations": "prompts" if groups else "built-in",
        "context": window,
        "device": scored.device.type,
        "dtype": dtype,
        "bootstrap_draws": DRAWS,
        "margins": asdict(margins),
        "torch": version("torch"),
        "transformers": version("transformers"),
    }
    metrics: dict[str, Any] = {
        "schema": SCHEMA,
        "model": {
            "name": scored.name,
            "path": scored.path,
            "parameters": scored.parameters,
            "sha256": scored.sha256,
        },
        "settings": settings,
    }
    measured = MeasureContext(
        model=scored,
        judge=judge,
        classifier=judges,
        window=window,
        inputs=inputs,
        plan=plan,
        processes=several,
        polarities=list(dict.fromkeys(polarities)),
        include_prompt=include_prompt,
        settings=settings,
        output=output,
        code=code_fingerprint(),
    )
    with exclusive_output(output):
        metrics |= {measure.key: measure.compute(measured) for measure in MEASURES}
        write_nlls(output / NLLS, measured.text_costs, measured.fluency_pieces(), measured.cache.folder)
        content = json.dumps(metrics, indent=1, ensure_ascii=False, allow_nan=False)
        atomic_write(
            output / "metrics.json",
            lambda path: path.write_text(content + "\n", encoding="utf-8"),
            tmp_dir=measured.cache.folder,
        )
        log_evaluation(loggers, metrics, output)
    log.info("wrote %s and %s", output / "generations.parquet", output / "metrics.json")
    return metrics


@cache
def code_fingerprint(
    packages: tuple[ModuleType, ...] = (distill.evaluation, distill.models, distill.perturbation, augment),
) -> str:
    """Return a digest of the code that determines the results, so that results of older code are not reused."""
    return code_digest(file for package in packages for file in package_files(package))


def _window(scored_model: ScoredModel, context: int | None) -> int:
    longest = scored_model.context_length
    if context is None:
        if longest is None:
            raise UserError(f"{scored_model.path}: its config gives no context length; give --context")
        return longest
    if longest is not None and context > longest:
        raise UserError(f"--context {context}: exceeds the context length of {scored_model.path}, {longest}; lower it")
    return context
