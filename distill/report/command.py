"""The `distill report` command: evaluations side by side, as a page, tables and figures. It needs no model."""

from collections.abc import Sequence
from operator import methodcaller
from pathlib import Path

import pandas as pd

from augment.runtime.atomic_write import atomic_write
from distill.errors import UserError
from distill.evaluation import Evaluation
from distill.evaluation.disparity.comparison import label_generations
from distill.report.html.page import page
from distill.report.lm_eval_results import with_harness_results
from distill.report.metrics_access import includes_prompt
from distill.report.models import ReportedModel, load_models
from distill.report.table_formats import latex, markdown
from distill.report.verdict import Contrast, contrasts, verdicts
from distill.runtime.paths import check_writable

TEXTS = {"report.html": ".html", "tables.md": ".md", "tables.tex": ".tex"}
"""The files written into a folder besides the charts, and the suffix that asks for each on its own."""


def report(
    directories: list[Path],
    output: Path = Path("report.html"),
    baseline: str | None = None,
    card: Path | None = None,
    lm_eval: str | Sequence[str] = (),
) -> None:
    """Compare evaluations side by side: disparity and its price for each model, with paired tests against the first.

    With three or more models, those after the second are also compared with the second, so that a student is compared
    with a plainly distilled one as well as with their teacher.

    Args:
        directories: Folders that `distill evaluate` wrote; the first is the baseline. NAME=FOLDER gives a model a name,
            and NAME=FOLDER,FOLDER,… several training runs: their means are reported, with intervals over runs. The runs
            of two models are paired by place if there are equally many.
        output: What to write, chosen by suffix. .html: one self-contained page with verdicts, figures, charts and
            continuations to browse. .md, .tex: the tables as Markdown or LaTeX. A folder (one that exists, or a name
            without suffix): all of these, and the charts shares and trade-off as SVG, PNG and PDF.
        baseline: Name of the model with which the others are compared, instead of the first; it is shown first.
        card: Folder of an evaluated model, or its README.md: the evaluation of this model is put into its card, as a
            section and as a model-index that the Hugging Face hub reads. Everything else in the card stays as it is.
        lm_eval: Results of lm-evaluation-harness to show as well: its results_….json, or a folder of them. NAME=FILE
            says which model they are of, unless the path of the model does. Can be given several times.

    Raises:
        UserError: If no folder is given, one is given twice or holds no finished evaluation, if a name is empty, given
            twice or not that of a model, if the output has another suffix or cannot be written, if no evaluation is of
            the card's model, or if results of lm-evaluation-harness cannot be read. Nothing is written then.
    """
    folder = output.is_dir() or not output.suffix
    if not folder and output.suffix not in TEXTS.values():
        raise UserError(
            f"{output}: cannot write a report as {output.suffix}; use one of {', '.join(TEXTS.values())}, or name a "
            "folder for all of them and the charts"
        )
    check_writable(output if folder else output.parent)
    models = load_models(directories, baseline)
    models = with_harness_results(models, [lm_eval] if isinstance(lm_eval, str) else lm_eval)
    frames = [[_labelled(run) for run in model.runs] for model in models]
    compared = contrasts(models, frames)
    against_first = compared[: len(models) - 1]
    found = verdicts(models, compared)
    write = {
        ".html": lambda: page(models, against_first, found, [runs[0] for runs in frames]),
        ".md": lambda: markdown(models, against_first, found),
        ".tex": lambda: latex(models, against_first, found),
    }
    names = TEXTS if folder else {output.name: output.suffix}
    contents = {name: write[suffix]().encode("utf-8") for name, suffix in names.items()}
    if folder:
        contents |= charts(models, against_first)
    files = {(output if folder else output.parent) / name: content for name, content in contents.items()}
    if card is not None:
        # It imports the client of the hub, which only cards need.
        from distill.report.card.evaluated_card import evaluated_card

        files |= [evaluated_card(card, [run for model in models for run in model.runs])]
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, methodcaller("write_bytes", content))
    print("wrote", ", ".join(map(str, files)))
    if folder and not any(name.startswith("trade-off") for name in contents):
        print("no trade-off chart: no perplexity is comparable across the models")


def _labelled(run: Evaluation) -> pd.DataFrame:
    return label_generations(run.generations, include_prompt=includes_prompt(run.metrics))


def charts(models: list[ReportedModel], contrasts: list[Contrast]) -> dict[str, bytes]:
    """The charts as file contents, by file name; a chart that cannot be drawn is left out."""
    # matplotlib takes a second to import, and only the charts need it.
    from distill.report.matplotlib_figures import FORMATS, render, shares_figure, trade_off_figure

    figures = {"shares": shares_figure(models), "trade-off": trade_off_figure(models, contrasts)}
    return {f"{name}.{kind}": render(figure, kind) for name, figure in figures.items() if figure for kind in FORMATS}
