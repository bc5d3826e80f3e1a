"""Results of lm-evaluation-harness beside our own: read from its files, and given to the models that they are of."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distill.errors import UserError
from distill.evaluation import Evaluation
from distill.evaluation.comparability import get
from distill.report.formatting import clean
from distill.report.models import ReportedModel
from distill.runtime.paths import expand_user

HARNESS = "lm-evaluation-harness"
"""Key of the results among an evaluation's metrics: {task: {metric: {"value", "ci95", …}}}."""

_NO_METRICS = ("sample_len", "sample_count")
"""Numbers beside a task's metrics, with no comma in their names either."""
_STANDARD_ERRORS = 1.96
"""Of a normal distribution, from its mean to the end of its 95 % interval."""


@dataclass(frozen=True)
class HarnessResults:
    """What one results file holds.

    Attributes:
        path: The file.
        model: The model as the harness was told; empty if the file does not say.
        date: When it was measured, in seconds since 1970.
        tasks: The results, as they are kept under `HARNESS`.
    """

    path: Path
    model: str
    date: float
    tasks: dict[str, dict[str, Any]]


def with_harness_results(models: Sequence[ReportedModel], arguments: Sequence[str]) -> list[ReportedModel]:
    """Add results of lm-evaluation-harness to the metrics of the models, in memory.

    Args:
        models: The models of the report.
        arguments: Each a results file, or a folder that the harness wrote, where of several results of one task the
            latest count; or NAME=FILE or NAME=FOLDER, which says whose they are. Without a name they are those of the
            evaluated model whose path the file names.

    Returns:
        The models, in the same order.

    Raises:
        UserError: If a file is missing or is no results file, or if it is unclear whose results it holds.
    """
    found: dict[Path, dict[str, Any]] = {}
    for argument in arguments:
        name, path = _parsed(argument)
        candidates = [model for model in models if name is None or model.name == clean(name)]
        if not candidates:
            names = ", ".join(model.name for model in models)
            raise UserError(f"--lm_eval {argument}: no model of the report is called {clean(name)}; it has {names}")
        runs = [run for model in candidates for run in model.runs]
        files = _read_all(path)
        # A name settles whose they are, unless there is more than one model, or run, to choose from.
        only = len(runs) == len({results.model for results in files}) == 1 and (name is not None or not files[0].model)
        pairs = [(run, results) for results in files for run in runs if only or _is_of(run, results)]
        if not pairs:
            tested = ", ".join(dict.fromkeys(clean(results.model or "an unnamed model") for results in files))
            raise UserError(
                f"--lm_eval {argument}: results of {tested}, and no evaluation given here is of a model at that path; "
                "say whose they are, as in --lm_eval NAME=FILE, a model with one run and a file of one model"
            )
        for run, results in pairs:
            found.setdefault(run.path, {}).update(results.tasks)
    return [replace(model, runs=tuple(_with(run, found.get(run.path)) for run in model.runs)) for model in models]


def _parsed(argument: str) -> tuple[str | None, Path]:
    path = expand_user(argument)
    name, sign, rest = argument.partition("=")
    return (None, path) if path.exists() or not sign else (name, expand_user(rest))


def _with(run: Evaluation, tasks: dict[str, dict[str, Any]] | None) -> Evaluation:
    return run if tasks is None else replace(run, metrics={**run.metrics, HARNESS: tasks})


def _is_of(run: Evaluation, results: HarnessResults) -> bool:
    """Whether results are of the model of an evaluation, by its path or hub id."""
    path = get(run.metrics, "model", "path")
    if not isinstance(path, str) or not results.model:
        return False
    return path == results.model or expand_user(path).resolve() == expand_user(results.model).resolve()


def _read_all(path: Path) -> list[HarnessResults]:
    """The results in a file, or in all files of a folder, the latest last."""
    if not path.is_dir():
        return [read_results(path)]
    files = sorted(path.rglob("results_*.json"))
    if not files:
        raise UserError(f"--lm_eval {path}: no results_*.json in this folder; give a folder that the harness wrote")
    return sorted(map(read_results, files), key=lambda results: results.date)


def read_results(path: Path) -> HarnessResults:
    """Read a results file.

    Raises:
        UserError: If it cannot be read, is not JSON, or has another shape.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--lm_eval {path}: {error.strerror or error}; give a results file of {HARNESS}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"--lm_eval {path}: not JSON; give the results_….json that the harness wrote") from error
    results = get(content, "results") if isinstance(content, dict) else None
    if not isinstance(results, dict) or not all(isinstance(entry, dict) for entry in results.values()):
        raise UserError(
            f"--lm_eval {path}: not a results file of {HARNESS}, which has an object per task under results; give the "
            "results_….json that `lm_eval --output_path` wrote"
        )
    groups = content.get("group_subtasks")
    parts = {part for parts in (groups if isinstance(groups, dict) else {}).values() for part in parts or ()}
    tasks = {task: dict(_metrics(content, task, entry, task in parts)) for task, entry in results.items()}
    if not any(tasks.values()):
        raise UserError(f"--lm_eval {path}: holds no metric; let the harness finish, or give another file")
    date = content.get("date")
    return HarnessResults(path, _model(content), date if isinstance(date, int | float) else 0.0, tasks)


def _metrics(content: dict[str, Any], task: str, entry: dict[str, Any], part: bool) -> Iterator[tuple[str, Any]]:
    """The metrics of a task by their names, with the filter of the answers behind it, unless there was none."""
    facts = [get(content, kind, task) for kind in ("versions", "n-shot", "n-samples")]
    for key, value in entry.items():
        metric, _, filtered = key.partition(",")
        if not _is_finite(value) or metric.endswith("_stderr") or key in _NO_METRICS:
            continue
        error = entry.get(f"{metric}_stderr,{filtered}" if filtered else f"{metric}_stderr")
        margin = _STANDARD_ERRORS * error if error is not None and _is_finite(error) else None
        yield (
            metric if filtered in ("", "none") else f"{metric} ({filtered})",
            {
                "value": value,
                "ci95": None if margin is None else [value - margin, value + margin],
                "higher_is_better": get(content, "higher_is_better", task, metric),
                "comparability": json.dumps(facts, sort_keys=True),
                "part_of_group": part,
            },
        )


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _model(content: dict[str, Any]) -> str:
    """The path or hub id that the harness was told; empty if it does not say."""
    name = content.get("model_name")
    arguments = get(content, "config", "model_args")
    if isinstance(arguments, str):
        arguments = dict(part.partition("=")[::2] for part in arguments.split(","))
    pretrained = arguments.get("pretrained") if isinstance(arguments, dict) else None
    return next((each for each in (pretrained, name) if isinstance(each, str)), "")
