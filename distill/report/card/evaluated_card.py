"""The card of a student with the evaluation of that student in it."""

import codecs
from collections.abc import Sequence
from pathlib import Path

from distill.errors import UserError
from distill.evaluation import Evaluation
from distill.evaluation.comparability import MAIN_POLARITY, Metrics, get
from distill.models.source import digest, weight_files
from distill.report.card.model_index import index_results
from distill.report.card.readme import ReadmeError, updated
from distill.report.formatting import clean, count
from distill.report.summary_lines import MISSING, summary_lines
from distill.report.table_formats import markdown_table
from distill.runtime.markdown import escape_markdown
from distill.runtime.paths import expand_user


def evaluated_card(card: Path, evaluations: Sequence[Evaluation]) -> tuple[Path, bytes]:
    """Put the evaluation of a student into its card; nothing is written.

    Args:
        card: The student's folder, or its README.md.
        evaluations: Evaluations, one of which is of this student: of the weights in that folder or, if it holds none,
            of the model at that path. If several are, the first one counts.

    Returns:
        The path of the README.md and its new content, the same for the same evaluation.

    Raises:
        UserError: If there is no such folder or file, no evaluation is of this student, or the README.md is not UTF-8
            or cannot be changed.
    """
    if not card.exists():
        raise UserError(f"--card {card}: no such folder; give a student's folder, or its README.md")
    folder, readme = (card, card / "README.md") if card.is_dir() else (card.parent, card)
    evaluation = _evaluation_of(folder, card, evaluations)
    content = readme.read_bytes() if readme.exists() else b""
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        text = content.removeprefix(mark).decode("utf-8")
        name = clean(get(evaluation.metrics, "model", "name") or folder.resolve().name)
        changed = updated(text, _section(evaluation.metrics), name, index_results(evaluation.metrics))
    except UnicodeDecodeError:
        raise UserError(f"--card {readme}: not UTF-8; save it as UTF-8") from None
    except ReadmeError as error:
        raise UserError(f"--card {readme}: {error}") from error
    return readme.resolve(), mark + changed.encode("utf-8")


def _evaluation_of(folder: Path, card: Path, evaluations: Sequence[Evaluation]) -> Evaluation:
    weights = weight_files(folder)
    sha256 = digest(weights) if weights else None
    for evaluation in evaluations:
        evaluated = get(evaluation.metrics, "model", "sha256")
        if (evaluated == sha256) if evaluated and sha256 else _is_at(evaluation, folder):
            return evaluation
    if outdated := next((each for each in evaluations if _is_at(each, folder)), None):
        raise UserError(
            f"--card {card}: {outdated.path} evaluated other weights than this folder holds now; run "
            "`distill evaluate` again"
        )
    given = ", ".join(f"{each.path} of {clean(get(each.metrics, 'model', 'path') or '–')}" for each in evaluations)
    raise UserError(f"--card {card}: none of the evaluations given is of this model ({given}); give the one that is")


def _is_at(evaluation: Evaluation, folder: Path) -> bool:
    path = get(evaluation.metrics, "model", "path")
    return isinstance(path, str) and bool(path) and expand_user(path).resolve() == folder.resolve()


def _section(metrics: Metrics) -> str:
    rows = [(line.title, *line.read([metrics])) for line in summary_lines([metrics]) if not line.folded]
    grid = [[title, value, note] for title, value, note in rows if (value, note) != MISSING]
    return "\n\n".join(
        [
            "## Evaluation",
            _scope(metrics),
            markdown_table([["Measure", "Value", "95 % interval, or what it must be read with"], *grid]),
            "Gender is treated as binary, and only in English. Less disparity in generated text does not mean fairer "
            "embeddings or classifiers.",
        ]
    )


def _scope(metrics: Metrics) -> str:
    """What was measured, in a sentence or two; of local paths only the last part, which names no user."""
    settings = get(metrics, "settings") or {}
    prompts, text = settings.get("prompts"), settings.get("text")
    groups = count(len(get(metrics, "disparity", MAIN_POLARITY, "groups") or {}), "group")
    given = f"prompts about {groups} of people ({_named(prompts, 'built-in templates')})"
    sentences = [f"Measured by `distill evaluate` of counterfactual-distill on {given}."]
    if text:
        sentences.append(f"Perplexity is that of {_named(text, '')}.")
    return " ".join(sentences)


def _named(source: object, default: str) -> str:
    if not isinstance(source, str):
        return default
    return escape_markdown(clean(Path(source).name if Path(source).is_absolute() else source))
