"""`distill openings`: writes training text about occupations."""

import json
from collections.abc import Sequence
from pathlib import Path

from augment.runtime.atomic_write import atomic_write
from distill.decoding.sampling import Sampling
from distill.errors import UserError
from distill.evaluation.generation.templates import count_occupations
from distill.evaluation.scored_model import Dtype, load_scored_model, model_name
from distill.models.source import ModelSource, model_source
from distill.openings.continued import continue_rows
from distill.openings.rows import Row, opening_rows
from distill.runtime.paths import check_writable


def openings(
    output: Path,
    count: int = 20000,
    gendered_share: float = 0.35,
    seed: int = 1,
    model: str | None = None,
    gguf_file: str | None = None,
    continued: float = 0.2,
    max_new_tokens: int = 16,
    dtype: Dtype = "float32",
    overwrite: bool = False,
) -> None:
    """Write openings about several hundred occupations, such as “The glazier wondered whether”, as training text.

    A student learns equal odds for he and she where a sentence is about to decide on one, so that the openings need not
    go on. None of their occupations and openings is among those that `distill evaluate` asks for by default.

    Args:
        output: JSONL file, with {"text", "subject", "kind"} on each line, and the "writer" where a model continues
            the opening, for data.train of a fit.
        count: Number of openings.
        gendered_share: Share of the openings about people whose gender is known (“my aunt”, “Mr. Green”, “Sarah”),
            after which a student must go on to tell she from he.
        seed: The same seed writes the same openings.
        model: Folder or hub id of a model, usually the teacher, that continues some of the openings.
        gguf_file: Name of a GGUF file inside that folder or repository.
        continued: Share of the openings that the model continues.
        max_new_tokens: Tokens that it adds at most.
        dtype: Data type of its weights.
        overwrite: Replace an existing file.

    Raises:
        UserError: If a number is out of range, the model cannot be loaded, or the file exists and was not written by
            the same command.
    """
    if count < 1:
        raise UserError(f"--count is {count}; give at least 1")
    for name, share in (("gendered_share", gendered_share), ("continued", continued)):
        if not 0 <= share <= 1:
            raise UserError(f"--{name} is {share:g}; give a share from 0 to 1")
    if gguf_file is not None and model is None:
        raise UserError("--gguf_file names a file of --model; give the model, too")
    sampling = Sampling(max_new_tokens=max_new_tokens, seed=seed)
    rows = opening_rows(count, gendered_share, seed)
    source = None if model is None else model_source(model, gguf_file)
    longer = 0 if source is None else round(count * continued)
    if output.exists() and not overwrite:
        if not _same_openings(output, rows, longer, source):
            raise UserError(f"{output} exists and holds something else: choose another --output, or add --overwrite")
        print(f"{output} exists already and is kept")
        return
    check_writable(output.parent)
    if source is not None:
        rows[:longer] = continue_rows(load_scored_model(source, dtype=dtype), rows[:longer], sampling)
    content = "".join(f"{_line(row)}\n" for row in rows)
    atomic_write(output, lambda path: path.write_text(content, encoding="utf-8"))
    print(_summary(output, rows, longer))


def _line(row: Row) -> str:
    return json.dumps({name: value for name, value in vars(row).items() if value is not None}, ensure_ascii=False)


def _same_openings(output: Path, rows: Sequence[Row], continued: int, source: ModelSource | None) -> bool:
    """Whether a file holds these openings, the first ones continued by this model in whatever way."""
    try:
        found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
        texts = [(row["text"], row.get("writer")) for row in found]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    name = None if source is None else model_name(source.location, source.gguf_file)
    return len(texts) == len(rows) and all(
        text.startswith(row.text) and writer == name if place < continued else text == row.text and writer is None
        for place, ((text, writer), row) in enumerate(zip(texts, rows, strict=True))
    )


def _summary(output: Path, rows: Sequence[Row], continued: int) -> str:
    occupations = [row.subject for row in rows if row.kind == "occupation"]
    evaluated = sum(count_occupations(row.text) for row in rows)
    return (
        f"wrote {len(rows):,} openings to {output}: {len(occupations):,} about {len(set(occupations)):,} occupations, "
        f"{len(rows) - len(occupations):,} about people whose gender is known; {continued:,} of them continued\n"
        f"Occupations that `distill evaluate` asks for by default: named {evaluated:,} times"
    )
