"""The continuations of an evaluation: generated and cached batch by batch, then written to one table."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from augment.runtime.atomic_write import atomic_write
from augment.runtime.error_text import first_line
from distill.decoding.sampling import Sampling
from distill.evaluation.generation.batch_plan import GenerationPlan
from distill.evaluation.generation.decoding import Continuation, prompt_lengths
from distill.evaluation.generation.device_workers import Processes
from distill.evaluation.generation.prompts import Prompt
from distill.evaluation.partial_results import ResultCache
from distill.evaluation.scored_model import ScoredModel

logger = logging.getLogger(__name__)

_ORIGIN = b"distill.origin"
"""Key in the file's metadata for the fingerprint of what determined its continuations."""

_READ = 1024
"""Number of rows read at a time."""

_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "group", "gender", "prompt_id", "prompt")),
        *(("sample", pa.int64()), ("continuation", pa.string()), ("tokens", pa.int64())),
        *(("max_new_tokens", pa.int64()), ("temperature", pa.float64()), ("top_p", pa.float64())),
        *(("top_k", pa.int64()), ("seed", pa.int64()), ("model", pa.string()), ("model_sha256", pa.string())),
    ]
)


def generate(
    scored_model: ScoredModel, prompts: Sequence[Prompt], samples: int, sampling: Sampling, batch_size: int
) -> pd.DataFrame:
    """Continue each prompt `samples` times.

    Args:
        scored_model: The model.
        prompts: The prompts to continue.
        samples: Continuations per prompt.
        sampling: How to sample them.
        batch_size: Continuations generated at a time; changes only speed and memory.

    Returns:
        One row per continuation, prompt by prompt: kind, group, gender (of a coherence prompt), prompt_id, prompt,
        sample, continuation, tokens (generated, without the end-of-text token), the fields of `sampling`, model and
        model_sha256.

    Raises:
        UserError: If a prompt and its continuation exceed the model's context length.
    """
    lengths = prompt_lengths(scored_model, prompts, sampling)
    plan = GenerationPlan(prompts, lengths, [samples] * len(prompts), sampling, batch_size)
    generated: dict[int, Continuation] = {}
    for rows in plan.batches():
        generated |= zip(rows, plan.generate(scored_model, rows), strict=True)
    return _table(plan, scored_model, generated).to_pandas()


def write_generations(
    path: Path, scored_model: ScoredModel, plan: GenerationPlan, cache: ResultCache, processes: Processes | None = None
) -> None:
    """Generate the missing continuations and write the table that `generate` describes.

    Args:
        path: The Parquet file. A file that already contains these continuations is kept; a corrupt one is overwritten.
        scored_model: The model.
        plan: The continuations to generate.
        cache: Finished batches.
        processes: Processes that share the work; None to generate in this process.

    Raises:
        UserError: If the model's probabilities are not finite.
    """
    if _origin(path) == cache.folder.name:
        logger.info("%s already contains these continuations", path)
        return
    missing, remaining = 0, 0
    for rows in _missing(plan, cache):
        missing, remaining = missing + 1, remaining + len(rows)
    if remaining < plan.rows:
        logger.info("resuming: %s of %s continuations exist already", f"{plan.rows - remaining:,}", f"{plan.rows:,}")
    if missing:
        one = next(islice(_missing(plan, cache), missing // 2, None))
        seconds = missing * _seconds(scored_model, plan, one, processes)
        logger.info("%s continuations: %s", f"{remaining:,}", _duration(seconds))
    waiting = _missing(plan, cache)
    generated: Iterator[tuple[Sequence[int], list[Continuation]]]
    if processes is None:
        generated = ((rows, plan.generate(scored_model, rows)) for rows in waiting)
    else:
        generated = processes.generate(plan, waiting)
    with tqdm(total=plan.rows, initial=plan.rows - remaining, desc="generation", unit="text", delay=2) as bar:
        for batch, continuations in generated:
            cache.get_or_compute(_name(batch), partial(_as_tuples, continuations))
            bar.update(len(batch))

    def write(temporary: Path) -> None:
        schema = _SCHEMA.with_metadata({_ORIGIN: cache.folder.name})
        with pq.ParquetWriter(temporary, schema, write_page_checksum=True) as file:
            for window in plan.windows():
                continuations: dict[int, Continuation] = {}
                for rows in window:
                    stored = cache.get_or_compute(_name(rows), partial(generate_batch, rows))
                    continuations |= zip(rows, (Continuation(*fields) for fields in stored), strict=True)
                file.write_table(_table(plan, scored_model, continuations))

    def generate_batch(rows: Sequence[int]) -> list[tuple[Any, ...]]:
        return _as_tuples(plan.generate(scored_model, rows))

    atomic_write(path, write, tmp_dir=cache.folder)


@dataclass(frozen=True)
class StoredGenerations:
    """The table that `generate` describes, in a file of any size: read on every use, and never in memory as a whole.

    Attributes:
        path: The Parquet file.
    """

    path: Path

    def __len__(self) -> int:
        return pq.read_metadata(self.path).num_rows

    def rows(self, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield the given columns of each row."""
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(_READ, columns=list(columns)):
                yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


def _as_tuples(continuations: Sequence[Continuation]) -> list[tuple[Any, ...]]:
    """The fields of each continuation, as JSON can store them."""
    return [astuple(continuation) for continuation in continuations]


def _missing(plan: GenerationPlan, cache: ResultCache) -> Iterator[list[int]]:
    """Yield the batches that are not cached yet."""
    return (rows for rows in plan.batches() if not cache.has(_name(rows)))


def _name(rows: Sequence[int]) -> str:
    """Return the name of a batch in the cache, after its lowest row, which no other batch contains."""
    return f"batch-{min(rows):08}"


def _origin(path: Path) -> str | None:
    """Return the fingerprint stored in a file; None if the file does not exist or is corrupt, which is logged."""
    if not path.is_file():
        return None
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            metadata = file.schema_arrow.metadata or {}
            for _ in file.iter_batches(_READ):  # the footer may be intact while the rows before it are not
                pass
        return metadata.get(_ORIGIN, b"").decode()
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = first_line(error)
        logger.warning("%s is corrupt (%s); writing it again", path, reason)
        return None


def _table(plan: GenerationPlan, scored_model: ScoredModel, generated: Mapping[int, Continuation]) -> pa.Table:
    constant = {**asdict(plan.sampling), "model": scored_model.name, "model_sha256": scored_model.sha256}
    rows = []
    for row in sorted(generated):
        prompt, number = plan.prompt_of(row)
        rows.append(
            {
                "kind": prompt.kind,
                "group": prompt.group,
                "gender": prompt.gender,
                "prompt_id": prompt.prompt_id,
                "prompt": prompt.text,
                "sample": number,
                "continuation": generated[row].text,
                "tokens": generated[row].tokens,
                **constant,
            }
        )
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _seconds(
    scored_model: ScoredModel, plan: GenerationPlan, rows: Sequence[int], processes: Processes | None
) -> float:
    """Estimate from a few tokens how long a batch takes at most, divided by the processes that share the batches."""

    def seconds(tokens: int) -> float:
        started = time.perf_counter()
        replace(plan, sampling=replace(plan.sampling, max_new_tokens=tokens)).generate(scored_model, rows)
        return time.perf_counter() - started

    seconds(1)
    tokens = plan.sampling.max_new_tokens
    first, few = seconds(1), min(5, tokens)
    each = max(seconds(few) - first, 0) / (few - 1) if few > 1 else 0
    # Processes without GPUs share the CPU cores.
    at_once = 1 if processes is None or scored_model.device.type == "cpu" else processes.count
    return (first + each * (tokens - 1)) / at_once


def _duration(seconds: float) -> str:
    """Format a duration for a message, such as "about 3 minutes"."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"about {seconds / size:.0f} {unit}"
    return f"about {max(seconds, 1):.0f} seconds"
