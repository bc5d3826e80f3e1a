"""The two charts of the page: the share of women by profession, and mean ratio against perplexity."""

from dataclasses import dataclass
from html import escape

from distill.evaluation import Evaluation
from distill.evaluation.comparability import MAIN_POLARITY, disparity_key, get
from distill.evaluation.disparity.comparison import GroupChange
from distill.evaluation.disparity.scores import GroupDisparity
from distill.report.formatting import group_name, key_to_words, p_value, percent, signed
from distill.report.html.svg import Point, share_bar, trade_off_svg
from distill.report.metrics_access import disparity_scores, group_scores
from distill.report.verdict import comparable_perplexity


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
    heads = "".join(f'<th scope="col">{escape(name)}{ends}</th>' for name in names)
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


@dataclass(frozen=True)
class TradeOff:
    """What the chart of mean ratio against perplexity shows, and what it leaves out.

    Attributes:
        kind: Which perplexity: "token" or "word".
        points: The models that have both values, measured in the same way.
        incomplete: Titles of the models that lack one of the two.
        incomparable: Titles of the models whose ratio is not comparable with that of the first point.
    """

    kind: str
    points: list[Point]
    incomplete: list[str]
    incomparable: list[str]


def trade_off_points(evaluations: list[Evaluation], names: list[str]) -> TradeOff | None:
    """The models by perplexity and mean ratio; None if they share no perplexity."""
    metrics = [evaluation.metrics for evaluation in evaluations]
    measured = comparable_perplexity(metrics)
    if measured is None:
        return None
    kind, values = measured
    found, key = TradeOff(kind, [], [], []), None
    for name, entry, value in zip(names, metrics, values, strict=True):
        scores = disparity_scores(entry)
        ratio, fair_low = scores.get("mean_ratio"), scores.get("fair_low")
        if value is None or ratio is None or fair_low is None:
            found.incomplete.append(name)
            continue
        key = key or disparity_key(entry)
        if disparity_key(entry) != key:
            found.incomparable.append(name)
            continue
        found.points.append(Point(name, value, get(entry, "perplexity", kind, "ci95"), ratio, fair_low))
    return found


def price_section(evaluations: list[Evaluation], names: list[str]) -> str:
    """The chart of mean ratio against perplexity as HTML, or the reason why there is none."""
    measured = trade_off_points(evaluations, names)
    head = '<section aria-labelledby="price"><h2 id="price">What it costs</h2>'
    if measured is None:
        reason = "No perplexity is comparable across the models: evaluate them on the same text, with the same context."
        return f"{head}<p>{reason}</p></section>"
    reasons = {
        "because one of the two is missing": measured.incomplete,
        "measured on other texts": measured.incomparable,
    }
    missing = "".join(
        f" Not shown, {reason}: {escape(', '.join(titles))}." for reason, titles in reasons.items() if titles
    )
    if not measured.points:
        return f"{head}<p>No model has both a perplexity and a ratio.{missing}</p></section>"
    return (
        f"{head}<p>Up is fairer, left predicts real text better. The shaded range begins where a fair model with as "
        "many texts rarely falls below: inside it, a model cannot be told from a fair one. The open circle is the "
        f"baseline.{missing}</p>"
        f'<div class="plot"><p class="y">↑ mean ratio</p>{trade_off_svg(measured.points)}'
        f'<p class="x">perplexity per {"word" if measured.kind == "word" else "token"} →</p></div></section>'
    )
