"""The `distill report` command: evaluations side by side, as a page, tables and figures. It needs no model."""

from operator import methodcaller
from pathlib import Path

import pandas as pd

from augment.runtime.atomic_write import atomic_write
from distill.errors import UserError
from distill.evaluation import Evaluation, load
from distill.evaluation.disparity.comparison import Comparison, compare, label_generations
from distill.report.html.page import page
from distill.report.metrics_access import includes_prompt
from distill.report.table_formats import latex, markdown
from distill.report.verdict import verdicts
from distill.runtime.paths import check_writable

TEXTS = {"report.html": ".html", "tables.md": ".md", "tables.tex": ".tex"}
"""The files written into a folder besides the charts, and the suffix that asks for each on its own."""


def report(directories: list[Path], output: Path = Path("report.html"), card: Path | None = None) -> None:
    """Compare evaluations side by side: disparity and its price for each model, with paired tests against the first.

    Args:
        directories: Folders that `distill evaluate` wrote; the first is the baseline.
        output: What to write, chosen by suffix. .html: one self-contained page with verdicts, figures, charts and
            continuations to browse. .md, .tex: the tables as Markdown or LaTeX. A folder (one that exists, or a name
            without suffix): all of these, and the charts shares and trade-off as SVG, PNG and PDF.
        card: Folder of an evaluated model, or its README.md: the evaluation of this model is put into its card, as a
            section and as a model-index that the Hugging Face hub reads. Everything else in the card stays as it is.

    Raises:
        UserError: If no folder is given, one is given twice or holds no finished evaluation, if the output has another
            suffix or cannot be written, or if no evaluation belongs to the card. Nothing is written then.
    """
    _check_directories(directories)
    folder = output.is_dir() or not output.suffix
    if not folder and output.suffix not in TEXTS.values():
        raise UserError(
            f"{output}: cannot write a report as {output.suffix}; use one of {', '.join(TEXTS.values())}, or name a "
            "folder for all of them and the charts"
        )
    check_writable(output if folder else output.parent)
    evaluations = [load(directory) for directory in directories]
    frames = [
        label_generations(evaluation.generations, include_prompt=includes_prompt(evaluation.metrics))
        for evaluation in evaluations
    ]
    comparisons = compare_all(frames)
    found = verdicts(evaluations, comparisons)
    write = {
        ".html": lambda: page(evaluations, comparisons, found, frames),
        ".md": lambda: markdown(evaluations, comparisons, found),
        ".tex": lambda: latex(evaluations, comparisons, found),
    }
    names = TEXTS if folder else {output.name: output.suffix}
    contents = {name: write[suffix]().encode("utf-8") for name, suffix in names.items()}
    if folder:
        contents |= charts(evaluations)
    files = {(output if folder else output.parent) / name: content for name, content in contents.items()}
    if card is not None:
        # It imports the client of the hub, which only cards need.
        from distill.report.card.evaluated_card import evaluated_card

        files |= [evaluated_card(card, evaluations)]
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, methodcaller("write_bytes", content))
    print("wrote", ", ".join(map(str, files)))
    if folder and not any(name.startswith("trade-off") for name in contents):
        print("no trade-off chart: no perplexity is comparable across the models")


def compare_all(frames: list[pd.DataFrame]) -> list[Comparison | UserError]:
    """Compare every other model with the first.

    Args:
        frames: The labelled continuations of each model, as `label_generations` returns them; the baseline first.

    Returns:
        For every model but the first, its comparison, or the error that says why the two cannot be compared.
    """
    comparisons: list[Comparison | UserError] = []
    for frame in frames[1:]:
        try:
            comparisons.append(compare(frames[0], frame))
        except UserError as error:
            # Models given different prompts can still be shown side by side, without a test.
            comparisons.append(error)
    return comparisons


def charts(evaluations: list[Evaluation]) -> dict[str, bytes]:
    """The charts as file contents, by file name; a chart that cannot be drawn is left out."""
    # matplotlib takes a second to import, and only the charts need it.
    from distill.report.matplotlib_figures import FORMATS, render, shares_figure, trade_off_figure

    figures = {"shares": shares_figure(evaluations), "trade-off": trade_off_figure(evaluations)}
    return {f"{name}.{kind}": render(figure, kind) for name, figure in figures.items() if figure for kind in FORMATS}


def _check_directories(directories: list[Path]) -> None:
    if not directories:
        raise UserError("give at least one folder that `distill evaluate` wrote")
    seen: dict[Path, Path] = {}
    for directory in directories:
        first = seen.setdefault(directory.resolve(), directory)
        if first is not directory:
            raise UserError(f"{directory} is given twice; a model is compared with others, not with itself")
