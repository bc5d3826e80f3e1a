"""Read the measurements for each row of the experiment's table from docs/results."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from distill.evaluation.comparability import get
from experiments.rows import rows

Metrics = dict[str, Any]


class Row(NamedTuple):
    """All seeds of one student, or the teacher.

    Attributes:
        name: Name of the row, as in `rows`.
        seeds: Content of `held_out.json` for each seed; if they were measured, with the perplexity of WikiText as
            `wikitext` and the coherence on more texts.
    """

    name: str
    seeds: list[Metrics]


def read(folder: Path) -> list[Row]:
    """Read the rows of one setting that were measured, in the order of `rows`.

    Their files are `<row>/seed<N>/held_out.json` and, next to it, `wikitext.json` and `coherence.json`; the teacher's
    is `teacher/held_out.json`.
    """
    found = []
    for name in ("teacher", *rows()):
        files = sorted(folder.glob(f"{name}/held_out.json" if name == "teacher" else f"{name}/seed*/held_out.json"))
        if files:
            found.append(Row(name, [_metrics(file) for file in files]))
    return found


def _metrics(file: Path) -> Metrics:
    metrics = json.loads(file.read_text(encoding="utf-8"))
    wikitext, coherence = (_json(file.with_name(f"{name}.json")) for name in ("wikitext", "coherence"))
    if wikitext is not None:
        metrics["wikitext"] = get(wikitext, "perplexity", "token")
    if coherence is not None:
        metrics["coherence"] = coherence["coherence"]
    return metrics


def _json(file: Path) -> Metrics | None:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
