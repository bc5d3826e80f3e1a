"""What was measured of each row of the experiment's table: the files in docs/results."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from distill.report.metrics_access import get
from experiments.rows import rows

Metrics = dict[str, Any]


class Row(NamedTuple):
    """All seeds of one student, or the teacher.

    Attributes:
        name: as in `rows`.
        seeds: `held_out.json` of each seed, with WikiText's perplexity as `wikitext`, and the coherence of more texts,
            where they were measured.
    """

    name: str
    seeds: list[Metrics]


def read(folder: Path) -> list[Row]:
    """The rows of one setting that were measured, in the order of `rows`.

    They lie in `<row>/seed<N>/held_out.json` and, beside it, `wikitext.json` and `coherence.json`; those of the teacher
    in `teacher/held_out.json`.
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
