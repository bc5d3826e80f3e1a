"""The tables of a report for a paper or a terminal: Markdown and LaTeX, with whatever a name holds shown as it is."""

import re
from typing import Any

from distill.errors import UserError
from distill.evaluation import Evaluation
from distill.evaluation.disparity.comparison import Comparison
from distill.evaluation.disparity.measures import GroupDisparity
from distill.report.formatting import clean, signed, span, spoken
from distill.report.metrics_access import group_scores, titles
from distill.report.summary_lines import MISSING, summary, summary_lines
from distill.report.verdict import Verdict, changed
from distill.runtime.markdown import escape_markdown

Grid = list[list[str]]
"""Rows of cells, the heads first."""

LIMITS = (
    "Intervals hold 95 %. An asterisk: the profession’s log-odds differ from the baseline’s, for all professions at "
    "once (Holm, p < 0.05). A mean ratio is to be read beside what a fair model scores with as many texts. Gender is "
    "treated as binary; less disparity in generated text does not mean fairer embeddings or classifiers."
)


def summary_grid(evaluations: list[Evaluation], main_only: bool = False) -> Grid:
    """A line per measure, a column per model; without the lines of other polarities if asked."""
    rows = [
        [line.title, *(f"{value} ({beside})" if beside else value for value, beside in cells)]
        for line, cells in summary(evaluations)
        if not (main_only and line.folded)
    ]
    return [["", *titles(evaluations)], *rows]


def professions_grid(evaluations: list[Evaluation], comparisons: list[Comparison | UserError]) -> Grid:
    """A line per profession: texts of women and of men, and their log-odds, a column per model.

    An asterisk says that the model differs from the baseline there.
    """
    changes = [{}, *map(changed, comparisons)]
    scores = [group_scores(evaluation.metrics) for evaluation in evaluations]
    rows = [
        [
            spoken(group),
            *(_profession(groups.get(group), group in change) for groups, change in zip(scores, changes, strict=True)),
        ]
        for group in dict.fromkeys(group for groups in scores for group in groups)
    ]
    return [["Women : men, log-odds", *titles(evaluations)], *rows]


def _profession(score: GroupDisparity | None, changed: bool) -> str:
    if score is None:
        return "–"
    counts = f"{score['female']} : {score['male']}"
    if score.get("log_odds") is None:
        return counts
    interval = span(score.get("ci95"), signed)
    return f"{counts}, {signed(score['log_odds'])}" + ("*" if changed else "") + (f" ({interval})" if interval else "")


def table(evaluations: list[Evaluation]) -> str:
    """The summary by the main polarity, as a Markdown table that also reads well in a terminal."""
    return markdown_table(summary_grid(evaluations, main_only=True))


def markdown(evaluations: list[Evaluation], comparisons: list[Comparison | UserError], verdicts: list[Verdict]) -> str:
    """Verdicts and both tables as a Markdown document."""
    found = "\n".join(
        f"- **{escape_markdown(verdict.model)}**: {escape_markdown(f'{verdict.headline}. {verdict.detail}')}"
        for verdict in verdicts
    )
    parts = [
        "# Disparity and its price",
        found,
        markdown_table(summary_grid(evaluations)),
        markdown_table(professions_grid(evaluations, comparisons)),
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def markdown_table(grid: Grid) -> str:
    """A pipe table, its columns as wide as their widest cell."""
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
    """Text that LaTeX prints as it stands: no command, no mathematics, no comment, no ligature of hyphens."""
    return re.sub("-(?=-)", "-{}", "".join(_LATEX.get(letter, letter) for letter in text))


def latex(evaluations: list[Evaluation], comparisons: list[Comparison | UserError], verdicts: list[Verdict]) -> str:
    """Both tables, each a `tabular` to put into a `table`; the verdicts as comments above them."""
    # On one line each: the next would be text again.
    comments = [f"% {' '.join(str(verdict).split())}" for verdict in verdicts]
    parts = [
        "% \\usepackage{booktabs}, and \\usepackage[T1]{fontenc} with pdfLaTeX",
        *comments,
        latex_table(summary_grid(evaluations)),
        latex_table(professions_grid(evaluations, comparisons)),
        f"% {LIMITS}",
    ]
    return "\n".join(parts) + "\n"


def latex_table(grid: Grid) -> str:
    """A `tabular` with the rules of booktabs."""
    heads, *rows = [" & ".join(map(escape_latex, row)) + r" \\" for row in grid]
    body = "\n".join(rows)
    return (
        f"\\begin{{tabular}}{{l{'r' * (len(grid[0]) - 1)}}}\n\\toprule\n{heads}\n\\midrule\n{body}\n"
        "\\bottomrule\n\\end{tabular}"
    )


def result_table(metrics: dict[str, Any]) -> str:
    """Lines of measure, value, and its 95 % interval or what else the value must be read beside.

    Polarities other than the main one are left to metrics.json and to reports.
    """
    cells = [(line.title, *line.read(metrics)) for line in summary_lines([metrics]) if not line.folded]
    rows = [row for row in cells if row[1:] != MISSING]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:<{widths[0]}}  {value:>{widths[1]}}  {beside}".rstrip() for name, value, beside in rows]
    return "\n".join([clean(metrics["model"]["name"]), *lines])
