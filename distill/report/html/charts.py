"""The charts of the page: the share of women by profession, and what fairness costs."""

from collections.abc import Sequence
from html import escape

from distill.evaluation import Evaluation
from distill.evaluation.comparability import MAIN_POLARITY
from distill.evaluation.disparity.comparison import GroupChange
from distill.evaluation.disparity.scores import GroupDisparity
from distill.report.formatting import group_name, key_to_words, p_value, percent, signed
from distill.report.html.scatter import panel_svg
from distill.report.html.svg import breakable, share_bar
from distill.report.html.trade_off import trade_off
from distill.report.metrics_access import group_scores
from distill.report.models import ReportedModel
from distill.report.verdict import Contrast


def shares_section(evaluations: list[Evaluation], names: list[str], changes: list[dict[str, GroupChange]]) -> str:
    """The chart of shares: a bar per profession and model, for each polarity that was measured.

    Args:
        evaluations: The baseline first.
        names: Their titles.
        changes: For each evaluation, the groups in which it differs from the baseline.

    Returns:
        The section as HTML.
    """
    polarities = dict.fromkeys(
        polarity for evaluation in evaluations for polarity in evaluation.metrics.get("disparity") or {}
    )
    others = "".join(
        f"<details><summary>The same chart by {escape(key_to_words(polarity))} polarity</summary>"
        f"{_shares(evaluations, names, polarity, [{} for _ in names])}</details>"
        for polarity in polarities
        if polarity != MAIN_POLARITY
    )
    return (
        '<section aria-labelledby="shares"><h2 id="shares">Women or men, profession by profession</h2>'
        "<p>The share of women among the texts that speak more of one gender than of the other, sorted by the first "
        "model. A bar that ends inside the shaded range is what a fair model may show with as many texts.</p>"
        '<ul class="legend"><li class="female"><i></i>more women</li><li class="male"><i></i>more men</li>'
        '<li class="fair"><i></i>fair, in 95 % of cases</li><li class="interval"><i></i>95 % interval</li>'
        f"{_CHANGED if any(changes) else ''}</ul>"
        f"{_shares(evaluations, names, MAIN_POLARITY, changes)}{others}</section>"
    )


_CHANGED = "<li><b>*</b> differs from the baseline, corrected for all professions (Holm, p < 0.05)</li>"


def _shares(
    evaluations: list[Evaluation], names: list[str], polarity: str, changes: list[dict[str, GroupChange]]
) -> str:
    scores = [group_scores(evaluation.metrics, polarity) for evaluation in evaluations]
    ends = '<span class="ends"><span>men</span><span>women</span></span>'
    heads = "".join(f'<th scope="col">{breakable(name)}{ends}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{_link_to_texts(group_name(group))}</th>'
        + "".join(
            f"<td>{_share(groups.get(group), f'{group_name(group)}, {name}', changed.get(group))}</td>"
            for groups, name, changed in zip(scores, names, changes, strict=True)
        )
        + "</tr>"
        for group in by_lean(scores)
    )
    columns = "<col>" * (1 + len(names))
    return (
        f'<table class="shares"><colgroup>{columns}</colgroup>'
        f'<thead><tr><th scope="col"><span class="tag">profession</span></th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _link_to_texts(profession: str) -> str:
    name = escape(profession)
    return f'<a href="#samples" data-group="{name}">{name}</a>'


def by_lean(scores: list[dict[str, GroupDisparity]]) -> list[str]:
    """All groups sorted by the baseline's log-odds, women first; those without a gendered text come last."""
    order = list(dict.fromkeys(group for groups in scores for group in groups))
    return sorted(order, key=lambda group: -_lean(scores[0].get(group)))


def _lean(score: GroupDisparity | None) -> float:
    odds = None if score is None else score.get("log_odds")
    return float("-inf") if score is None or odds is None or not score["female"] + score["male"] else odds


def _share(score: GroupDisparity | None, what: str, change: GroupChange | None) -> str:
    if score is None:
        return '<div class="cell none">no prompt</div>'
    female, male = score["female"], score["male"]
    if not female + male:
        return '<div class="cell none">no gendered text</div>'
    share = percent(female / (female + male))
    counts = f"{female} of women, {male} of men, {score['mixed']} of both, {score['neutral']} of neither"
    label = f"{what}: {counts}; {share} of the gendered texts speak of women"
    if change:
        label += f"; differs from the baseline ({p_value(change.p_holm)} after Holm, Cohen’s h {signed(change.h)})"
    mark = "<b>*</b>" if change else ""
    return f'<div class="cell">{share_bar(female, male, score.get("ci95"), label)}<span>{share}{mark}</span></div>'


def price_section(models: Sequence[ReportedModel], contrasts: Sequence[Contrast]) -> str:
    """The two charts of prices as HTML, or the reason why there are none."""
    measured = trade_off(models, contrasts)
    head = '<section class="price" aria-labelledby="price"><h2 id="price">What it costs</h2>'
    if measured is None:
        reason = "No perplexity is comparable across the models: evaluate them on the same text, with the same context."
        return f"{head}<p>{reason}</p></section>"
    reasons = {
        "because something is missing": measured.incomplete,
        "measured on other texts": measured.incomparable,
    }
    missing = "".join(
        f" Not shown, {reason}: {escape(', '.join(names))}." for reason, names in reasons.items() if names
    )
    if not measured.panels:
        return f"{head}<p>No model has both a perplexity and a disparity or coherence.{missing}</p></section>"
    runs = " A model’s runs are tied to their mean." if any(len(model.runs) > 1 for model in models) else ""
    plots = "".join(
        f'<div class="plot"><p class="y">↑ {panel.title}</p>{panel_svg(panel)}'
        f'<p class="x">change in perplexity per {measured.kind} →</p></div>'
        for panel in measured.panels
    )
    return (
        f"{head}<p>The farther left, the better a model predicts real text. The lower in the first chart, the fairer "
        "its texts; the higher in the second, the more texts keep the gender of their opening. A model that looks fair "
        "because it is broken is low in both. Whiskers are 95 % intervals, those of the perplexity paired by document. "
        "The shaded range lies within the margins. The open circle is the baseline."
        f'{runs}{missing}</p><div class="plots">{plots}</div></section>'
    )
