"""The two charts of a report as figures for a paper, drawn by matplotlib."""

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from distill.evaluation.disparity.scores import GroupDisparity
from distill.report.formatting import group_name
from distill.report.html.charts import by_lean
from distill.report.html.label_places import label_places
from distill.report.html.scatter import percent_tick
from distill.report.html.svg import fair_share, share, short, ticks
from distill.report.html.trade_off import Panel, named_marks, trade_off
from distill.report.metrics_access import group_scores
from distill.report.models import ReportedModel
from distill.report.verdict import Contrast

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


def trade_off_figure(models: Sequence[ReportedModel], contrasts: Sequence[Contrast]) -> Figure | None:
    """Disparity, and coherence, each against the change in perplexity.

    Args:
        models: The baseline first.
        contrasts: Of every other model with the baseline, in order.

    Returns:
        The figure; None if the models share no perplexity, or none has both a perplexity and a disparity.
    """
    measured = trade_off(models, contrasts)
    if measured is None or not measured.panels:
        return None
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(0.4 + 3.8 * len(measured.panels), 3.2))
        drawn = figure.subplots(1, len(measured.panels), squeeze=False)[0]
        figure.subplots_adjust(left=0.09, right=0.98, bottom=0.15, top=0.97, wspace=0.25)
        for axes, panel in zip(drawn, measured.panels, strict=True):
            box, (width, height) = axes.get_position(), figure.get_size_inches()
            points = 72 * box.width * width, 72 * box.height * height
            _draw_panel(axes, panel, f"change in perplexity per {measured.kind}", points)
    return figure


def _draw_panel(axes: Axes, panel: Panel, xlabel: str, points: tuple[float, float]) -> None:
    """Draw a panel into axes of this width and height in points."""
    left, right = panel.prices
    axes.axhspan(*panel.good, color=FAIR, linewidth=0, zorder=0)
    for end in panel.good:
        axes.axhline(end, color=SOFT, linewidth=0.6, zorder=1)
    axes.set(xlim=(100 * left, 100 * right), ylim=(panel.low, panel.high), ylabel=panel.title, xlabel=xlabel)
    axes.set_xticks(places := ticks(100 * left, 100 * right), list(map(percent_tick, places)))
    for index, runs in enumerate(panel.points.values()):
        mean = [
            sum(values) / len(runs)
            for values in zip(*((run.price.value, run.height.value) for run in runs), strict=True)
        ]
        for run in runs:
            x, y = 100 * run.price.value, run.height.value
            axes.plot([100 * mean[0], x], [mean[1], y], ":", color=SOFT, linewidth=0.8, zorder=2)
            if run.price.ci95:
                axes.plot([100 * end for end in run.price.ci95], [y, y], color=INK, linewidth=0.9, zorder=2)
            if run.height.ci95:
                axes.plot([x, x], run.height.ci95, color=INK, linewidth=0.9, zorder=2)
            face = "white" if index == 0 else INK
            axes.plot(x, y, "o", markersize=5, markerfacecolor=face, markeredgecolor=INK, zorder=3)
    names, marks = named_marks(panel)
    # Places are chosen in points, for letters of 9: a little smaller than the pixels of the page.
    for (name, mark), place in zip(names, label_places(names, marks, [points], letter=6), strict=True):
        axes.annotate(
            name,
            (mark.x, 1 - mark.y),
            xycoords="axes fraction",
            xytext=(place.dx, -place.dy),
            textcoords="offset points",
            ha={"start": "left", "middle": "center", "end": "right"}[place.anchor],
            va="baseline",
            fontweight="bold",
            color=INK,
            zorder=4,
            arrowprops={"arrowstyle": "-", "color": SOFT, "linewidth": 0.6} if place.far else None,
        )


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
