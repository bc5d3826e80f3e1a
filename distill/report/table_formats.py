"""The tables of a report as Markdown, LaTeX or plain text, with special characters escaped."""

import re
from typing import Any

from distill.evaluation.disparity.scores import GroupDisparity
from distill.report.formatting import clean, group_name, signed, span
from distill.report.metrics_access import group_scores
from distill.report.models import ReportedModel, runs_limit
from distill.report.summary_lines import MISSING, summary, summary_lines
from distill.report.verdict import Contrast, Verdict, changed
from distill.runtime.markdown import escape_markdown

Grid = list[list[str]]
"""Rows of cells; the first row holds the headings."""

LIMITS = (
    "Intervals are 95 %. An asterisk: the profession’s log-odds differ from the baseline’s, corrected for all "
    "professions (Holm, p < 0.05). Read a mean ratio with what a fair model scores on as many texts. Parity is a "
    "statement about the average over professions: single ones may lean farther than the margin. Gender is treated as "
    "binary; less disparity in generated text does not mean fairer embeddings or classifiers."
)


def summary_grid(models: list[ReportedModel], main_only: bool = False) -> Grid:
    """The summary as a grid: a row per measure, a column per model.

    Args:
        models: The baseline first.
        main_only: Leave out details and the polarities other than the main one.
    """
    rows = [
        [line.title, *(f"{value} ({note})" if note else value for value, note in cells)]
        for line, cells in summary(models)
        if not (main_only and line.folded)
    ]
    return [["", *(model.name for model in models)], *rows]


def professions_grid(models: list[ReportedModel], contrasts: list[Contrast]) -> Grid:
    """A row per profession: numbers of texts about women and about men, and their log-odds, a column per model.

    The texts are those of each model's first run. An asterisk marks a profession in which the model differs from the
    baseline.
    """
    changes = [{}, *map(changed, contrasts)]
    scores = [group_scores(model.first.metrics) for model in models]
    rows = [
        [
            group_name(group),
            *(_profession(groups.get(group), group in change) for groups, change in zip(scores, changes, strict=True)),
        ]
        for group in dict.fromkeys(group for groups in scores for group in groups)
    ]
    return [["Women : men, log-odds", *(model.name for model in models)], *rows]


def _profession(score: GroupDisparity | None, changed: bool) -> str:
    if score is None:
        return "–"
    counts, log_odds = f"{score['female']} : {score['male']}", score.get("log_odds")
    if log_odds is None:
        return counts
    interval = span(score.get("ci95"), signed)
    return f"{counts}, {signed(log_odds)}" + ("*" if changed else "") + (f" ({interval})" if interval else "")


def facts_grid(verdicts: list[Verdict]) -> Grid:
    """The lines for a reader in a hurry: a row per fact, a column per model."""
    models = [verdict for verdict in verdicts if verdict.key_facts]
    columns = [dict(verdict.key_facts) for verdict in models]
    rows = [[label, *(facts.get(label, "–") for facts in columns)] for label in columns[0]]
    return [["", *(verdict.model for verdict in models)], *rows]


def table(models: list[ReportedModel]) -> str:
    """The summary by the main polarity, as a Markdown table that also reads well in a terminal."""
    return markdown_table(summary_grid(models, main_only=True))


def markdown(models: list[ReportedModel], contrasts: list[Contrast], verdicts: list[Verdict]) -> str:
    """The verdicts and the tables as a Markdown document."""
    found = "\n".join(map(_finding, verdicts))
    parts = [
        "# Disparity and its price",
        found,
        markdown_table(facts_grid(verdicts)),
        markdown_table(summary_grid(models)),
        markdown_table(professions_grid(models, contrasts)),
        f"{LIMITS} {runs_limit(models)}",
    ]
    return "\n\n".join(parts) + "\n"


def _finding(verdict: Verdict) -> str:
    """A verdict as an item of a list, its cautions before the figures."""
    stops = "".join(f" **Caution**: {escape_markdown(caution)}" for caution in verdict.cautions)
    detail = f" {escape_markdown(verdict.detail)}" if verdict.detail else ""
    return f"- **{escape_markdown(verdict.model)}**: {escape_markdown(f'{verdict.headline}.')}{stops}{detail}"


def markdown_table(grid: Grid) -> str:
    """A grid as a Markdown table, its columns padded to their widest cell."""
    escaped = [[escape_markdown(cell) for cell in row] for row in grid]
    widths = [max(len(cell) for cell in column) for column in zip(*escaped, strict=True)]
    heads, *rows = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in escaped
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([heads, rule, *rows])


_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "−": "$-$", "≥": r"$\geq$", "`": r"\textasciigrave{}",
    "→": r"$\rightarrow$", "·": r"$\cdot$", "[": "{[}", "]": "{]}", "*": "{*}",
}  # fmt: skip


def escape_latex(text: str) -> str:
    """Escape a text so that LaTeX prints it literally: no command, mathematics, comment or ligature of hyphens."""
    return re.sub("-(?=-)", "-{}", "".join(_LATEX.get(letter, letter) for letter in text))


def latex(models: list[ReportedModel], contrasts: list[Contrast], verdicts: list[Verdict]) -> str:
    """The tables, each a `tabular` to put into a `table`, with the verdicts as comments above them."""
    # Each on one line: a second one would not be a comment.
    comments = [f"% {' '.join(str(verdict).split())}" for verdict in verdicts]
    parts = [
        "% \\usepackage{booktabs}, and \\usepackage[T1]{fontenc} with pdfLaTeX",
        *comments,
        latex_table(facts_grid(verdicts)),
        latex_table(summary_grid(models)),
        latex_table(professions_grid(models, contrasts)),
        f"% {LIMITS} {runs_limit(models)}",
    ]
    return "\n".join(parts) + "\n"


def latex_table(grid: Grid) -> str:
    """A grid as a `tabular` with the rules of booktabs."""
    heads, *rows = [" & ".join(map(escape_latex, row)) + r" \\" for row in grid]
    body = "\n".join(rows)
    return (
        f"\\begin{{tabular}}{{l{'r' * (len(grid[0]) - 1)}}}\n\\toprule\n{heads}\n\\midrule\n{body}\n"
        "\\bottomrule\n\\end{tabular}"
    )


def result_table(metrics: dict[str, Any]) -> str:
    """The measures of one model for a terminal: title, value, and its 95 % interval or what else it must be read with.

    Polarities other than the main one are shown in reports only.
    """
    cells = [(line.title, *line.read([metrics])) for line in summary_lines([metrics]) if not line.folded]
    rows = [row for row in cells if row[1:] != MISSING]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:<{widths[0]}}  {value:>{widths[1]}}  {note}".rstrip() for name, value, note in rows]
    return "\n".join([clean(metrics["model"]["name"]), *lines])
