"""The two charts of a report as figures for a paper, drawn by matplotlib."""

import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from distill.evaluation.disparity.scores import GroupDisparity
from distill.report.formatting import group_name
from distill.report.html.charts import by_lean, trade_off_points
from distill.report.html.svg import fair_share, label_shifts, share, short
from distill.report.metrics_access import group_scores
from distill.report.models import ReportedModel

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

FORMATS = ("svg", "png", "pdf")
FEMALE, MALE, FAIR, INK, SOFT = "#6f4bb0", "#b65c08", "#e7ecdf", "#24211d", "#675f56"
_STYLE: "dict[RcKeyType, Any]" = {
    "font.size": 9,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "text.parse_math": False,
    "svg.hashsalt": "distill",
}


def shares_figure(models: list[ReportedModel]) -> Figure:
    """A panel per model: the share of women among each profession's gendered texts, with its interval."""
    evaluations = [model.first for model in models]
    groups = [group_scores(evaluation.metrics) for evaluation in evaluations]
    order = by_lean(groups)[::-1]
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(1.6 + 1.9 * len(evaluations), 1 + 0.19 * max(len(order), 4)), layout="constrained")
        panels = figure.subplots(1, len(evaluations), sharey=True, sharex=True, squeeze=False)[0]
        for axes, title, scores in zip(panels, [model.name for model in models], groups, strict=True):
            for row, group in enumerate(order):
                score = scores.get(group)
                if score and score["female"] + score["male"]:
                    _draw_share(axes, row, score)
            axes.axvline(0.5, color=SOFT, linewidth=0.8, zorder=1)
            axes.set_title(short(title), fontsize=9, fontweight="bold", color=INK)
            axes.set(xlim=(0, 1), ylim=(-0.7, len(order) - 0.3), xticks=[0, 0.5, 1], xticklabels=["0", "50", "100 %"])
            axes.set_yticks(range(len(order)), [short(group_name(group), 28) for group in order], color=INK)
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
        figure.supxlabel("share of women among the texts that speak of one gender", fontsize=9, color=INK)
    return figure


def _draw_share(axes: Axes, row: int, score: GroupDisparity) -> None:
    low, high = fair_share(score["female"] + score["male"])
    axes.fill_betweenx([row - 0.5, row + 0.5], low, high, color=FAIR, linewidth=0, zorder=0)
    value = score["female"] / (score["female"] + score["male"])
    axes.barh(row, value - 0.5, left=0.5, height=0.5, color=FEMALE if value > 0.5 else MALE, zorder=2)
    if ci95 := score.get("ci95"):
        ends = [min(share(ci95[0]), value), max(share(ci95[1]), value)]
        axes.plot(ends, [row, row], color=INK, linewidth=0.9, marker="|", markersize=4, zorder=3)


def trade_off_figure(models: list[ReportedModel]) -> Figure | None:
    """Mean ratio against perplexity; None if the models share no perplexity, or none has both values."""
    measured = trade_off_points([model.first for model in models], [model.name for model in models])
    if measured is None or not measured.points:
        return None
    points = measured.points
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(5.4, 3.4), layout="constrained")
        axes = figure.subplots()
        lows = [point.fair_low for point in points]
        axes.axhspan(max(lows), 1, color=FAIR, linewidth=0, zorder=0)
        axes.axhspan(min(lows), max(lows), color=FAIR, alpha=0.5, linewidth=0, zorder=0)
        axes.annotate("fair", (0, 1), xycoords="axes fraction", xytext=(5, -13), textcoords="offset points", color=SOFT)
        ratios = np.array([point.ratio for point in points])
        shifts = label_shifts(list(ratios), height=200, line=11)
        for index, (point, shift) in enumerate(zip(points, shifts, strict=True)):
            if index:
                axes.plot(
                    [points[0].perplexity, point.perplexity], [points[0].ratio, point.ratio], ":", color=SOFT, zorder=1
                )
            if point.ci95:
                axes.plot(point.ci95, [point.ratio] * 2, color=INK, linewidth=1, zorder=2)
            face = "white" if index == 0 else INK
            axes.plot(point.perplexity, point.ratio, "o", markerfacecolor=face, markeredgecolor=INK, zorder=3)
            axes.annotate(
                short(point.name),
                (point.perplexity, point.ratio),
                xytext=(0, 7 - shift),
                textcoords="offset points",
                ha="center",
                fontweight="bold",
                color=INK,
                zorder=4,
            )
        axes.margins(x=0.2)
        axes.grid(axis="y", color="#e4dfd6", zorder=0)
        axes.set(
            ylim=(0, 1), ylabel="mean ratio", xlabel=f"perplexity per {'word' if measured.kind == 'word' else 'token'}"
        )
    return figure


def render(figure: Figure, kind: str) -> bytes:
    """A figure as the content of a file: the same bytes each time."""
    # Without these keys, matplotlib writes the current date.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
    content = BytesIO()
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A name in letters that the font lacks is drawn as boxes; the warning helps nobody.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*")
        figure.savefig(content, format=kind, dpi=200, metadata=metadata)
    return content.getvalue()
