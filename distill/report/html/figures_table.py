"""The table of all figures, folded up below the charts, with the changes that are certain."""

from collections.abc import Sequence
from html import escape

from distill.errors import UserError
from distill.evaluation.comparability import MAIN_POLARITY
from distill.report.html.svg import breakable
from distill.report.models import ReportedModel
from distill.report.summary_lines import Cell, SummaryLine, summary
from distill.report.verdict import Contrast
from distill.report.verdict.seeds import Outcome, outcome

DISPARITY = ("disparity", MAIN_POLARITY, "rms_log_odds", "value")
PRICES = {
    ("perplexity", "token", "value"): "perplexity",
    ("gendered_tokens", "nll"): "gendered_nll",
    ("fluency", "nll"): "fluency",
    ("coherence", "value"): "coherence",
    ("pronoun_gap", "mean_abs_log_odds"): "pronoun_gap",
    ("neutral_pronouns", "mixed_rate", "value"): "mixed",
}
"""The paired price that tells whether a line of the table changed for certain."""
HIGHER_IS_BETTER = ("coherence",)

Row = tuple[SummaryLine, list[Cell]]


def figures_section(models: Sequence[ReportedModel], contrasts: Sequence[Contrast]) -> str:
    """The section as HTML.

    Args:
        models: The baseline first.
        contrasts: Of every other model with the baseline, in order.
    """
    names = [model.name for model in models]
    outcomes = [None, *map(outcome, contrasts)]
    rows = summary(models)
    folded = dict.fromkeys(line.section for line, _ in rows if line.folded)
    shown = [row for row in rows if row[0].section not in folded]
    others = "".join(
        f"<details><summary>{escape(section)}</summary>"
        f"{_table([row for row in rows if row[0].section == section], names, outcomes)}</details>"
        for section in folded
    )
    explanations = {line.title: line.explanation for line, _ in shown if line.explanation}
    explained = "".join(f"<dt>{escape(name)}</dt><dd>{escape(meaning)}</dd>" for name, meaning in explanations.items())
    arrows = " An arrow marks a certain change against the first model: its interval excludes 0." if contrasts else ""
    return (
        '<section aria-labelledby="figures"><h2 id="figures">The figures</h2>'
        f"<p>With 95 % intervals.{arrows} Choose the name of a figure to read what it means.</p>"
        f"<details><summary>All {len(shown)} figures</summary>{_table(shown, names, outcomes)}</details>{others}"
        f'<details class="meanings"><summary>What they mean</summary><dl>{explained}</dl></details></section>'
    )


def _table(rows: list[Row], names: list[str], outcomes: Sequence[Outcome | None]) -> str:
    tags = ["baseline" if index == 0 and len(names) > 1 else "" for index in range(len(names))]
    heads = "".join(
        f'<th scope="col">{breakable(name)}<span class="tag">{tag}</span></th>'
        for name, tag in zip(names, tags, strict=True)
    )
    bodies = []
    for section in dict.fromkeys(line.section for line, _ in rows):
        lines = "".join(_row(line, cells, outcomes) for line, cells in rows if line.section == section)
        head = (
            f'<tr class="part"><th scope="rowgroup" colspan="{1 + len(names)}">{escape(section)}</th></tr>'
            if section
            else ""
        )
        bodies.append(f"<tbody>{head}{lines}</tbody>")
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Table of figures"><table class="summary">'
        f"<thead><tr><td></td>{heads}</tr></thead>{''.join(bodies)}</table></div>"
    )


def _row(line: SummaryLine, cells: list[Cell], outcomes: Sequence[Outcome | None]) -> str:
    return (
        f'<tr><th scope="row">{_titled(line)}</th>'
        + "".join(
            f"<td>{escape(value)}{_arrow(line, found)}<small>{escape(note)}</small></td>"
            for (value, note), found in zip(cells, outcomes, strict=True)
        )
        + "</tr>"
    )


def _titled(line: SummaryLine) -> str:
    """A line's title, which unfolds what it means: by mouse, keyboard or touch."""
    title = escape(line.title)
    if not line.explanation:
        return title
    return (
        f'<details class="term"><summary>{title}</summary><p class="meaning">{escape(line.explanation)}</p></details>'
    )


def _arrow(line: SummaryLine, found: Outcome | None) -> str:
    """Whether a figure is better or worse than the baseline's; empty if that is not certain."""
    if found is None or not (change := _certain_change(line, found)):
        return ""
    better = (change > 0) == (PRICES.get(line.path) in HIGHER_IS_BETTER)
    word = "better" if better else "worse"
    return f' <span class="{word}">{"▲" if change > 0 else "▼"}&nbsp;{word}</span>'


def _certain_change(line: SummaryLine, found: Outcome) -> float:
    """The change against the baseline if its interval excludes none, else 0."""
    if line.path == DISPARITY:
        shift = found.disparity
        return 0.0 if isinstance(shift, UserError) or not shift.clear else shift.difference
    price = found.prices.get(PRICES.get(line.path, ""))
    interval = price and price.ci95
    return price.change if price and interval and not interval[0] <= 0 <= interval[1] else 0.0
