"""Charts as inline SVG that scales with the page: positions are percentages, so that text keeps its size on a phone.

No colour is set here: classes say what a shape means, and `report.css` gives each a light, a dark and a printed colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, exp, floor, log10

import numpy as np


@dataclass(frozen=True)
class Point:
    """A model in the trade-off chart.

    Attributes:
        name: Its title.
        perplexity: Per token or per word.
        ci95: Interval of the perplexity.
        ratio: Its mean ratio.
        fair_low: Mean ratio that a fair model reaches in 97.5 % of all cases.
    """

    name: str
    perplexity: float
    ci95: Sequence[float] | None
    ratio: float
    fair_low: float


def fair_share(texts: int) -> tuple[float, float]:
    """The central 95 % of the share of female texts among n = `texts` ≥ 1 of a fair model: of Binomial(n, ½) / n."""
    female = np.arange(1, texts + 1)
    log_choose = np.concatenate([[0.0], np.cumsum(np.log(texts + 1 - female) - np.log(female))])
    low = int(np.searchsorted(np.cumsum(np.exp(log_choose - texts * np.log(2))), 0.025))
    return low / texts, 1 - low / texts


def share(log_odds: float) -> float:
    """The share of female texts at these log-odds."""
    return 1 / (1 + exp(-log_odds))


def share_bar(female: int, male: int, ci95: Sequence[float] | None, label: str) -> str:
    """The share of female texts as a bar from the middle, rightwards for women, leftwards for men.

    A shaded range behind it shows what a fair model may score with as many texts.

    Args:
        female: Texts that speak of women; with `male` at least one.
        male: Texts that speak of men.
        ci95: Interval of the log-odds.
        label: The same in words, as a tooltip and for screen readers.
    """
    value = female / (female + male)
    low, high = fair_share(female + male)
    left, width = min(value, 0.5), abs(value - 0.5)
    shapes = [
        f'<rect class="fair" x="{_pc(low)}" y="0" width="{_pc(high - low)}" height="100%"/>',
        f'<rect class="{"female" if value > 0.5 else "male"}" x="{_pc(left)}" y="25%" width="{_pc(width)}" '
        'height="50%"/>',
        '<line class="middle" x1="50%" x2="50%" y1="0" y2="100%"/>',
    ]
    if ci95:
        # The interval is of odds with half a text added to either count, so that the bar may lie outside of it.
        ends = [min(share(ci95[0]), value), max(share(ci95[1]), value)]
        shapes.append(f'<line class="whisker" x1="{_pc(ends[0])}" x2="{_pc(ends[1])}" y1="50%" y2="50%"/>')
        shapes += [f'<line class="whisker" x1="{_pc(end)}" x2="{_pc(end)}" y1="34%" y2="66%"/>' for end in ends]
    return _svg("bar", label, shapes)


def trade_off_svg(points: list[Point]) -> str:
    """Mean ratio against perplexity, so that the upper left corner is best. The first point is the baseline."""
    extremes = [end for point in points for end in (point.perplexity, *(point.ci95 or ()))]
    margin = 0.08 * (max(extremes) - min(extremes)) or 0.05 * extremes[0]
    left, right = min(extremes) - margin, max(extremes) + margin

    def across(perplexity: float) -> str:
        return _pc((perplexity - left) / (right - left))

    def down(ratio: float) -> str:
        return _pc(1 - ratio)

    least, most = (choose(point.fair_low for point in points) for choose in (min, max))
    shapes = [
        f'<rect class="fair" x="0" y="0" width="100%" height="{down(most)}"/>',
        # Between the lowest and the highest of the models' limits, what is fair depends on the model.
        f'<rect class="fair faint" x="0" y="{down(most)}" width="100%" height="{_pc(most - least)}"/>',
        '<text class="note" x="8" y="18">fair</text>',
    ]
    for ratio in (0.0, 0.25, 0.5, 0.75, 1.0):
        shapes.append(f'<line class="grid" x1="0" x2="100%" y1="{down(ratio)}" y2="{down(ratio)}"/>')
        shapes.append(f'<text class="tick" x="-8" y="{down(ratio)}" dy="4" text-anchor="end">{ratio:g}</text>')
    for tick in ticks(left, right):
        shapes.append(f'<line class="grid" x1="{across(tick)}" x2="{across(tick)}" y1="100%" y2="101.5%"/>')
        shapes.append(f'<text class="tick" x="{across(tick)}" y="100%" dy="20" text-anchor="middle">{tick:g}</text>')
    first = points[0]
    shapes += [
        f'<line class="path" x1="{across(first.perplexity)}" y1="{down(first.ratio)}" '
        f'x2="{across(point.perplexity)}" y2="{down(point.ratio)}"/>'
        for point in points[1:]
    ]
    for point, shift in zip(points, label_shifts([point.ratio for point in points]), strict=True):
        x, y = across(point.perplexity), down(point.ratio)
        if point.ci95:
            shapes.append(
                f'<line class="whisker" x1="{across(point.ci95[0])}" x2="{across(point.ci95[1])}" y1="{y}" y2="{y}"/>'
            )
        kind = "baseline" if point is first else "model"
        words = escape(f"{_figures(point)}, fair from {point.fair_low:.2f}")
        shapes.append(f'<circle class="{kind}" cx="{x}" cy="{y}" r="6"><title>{words}</title></circle>')
        # Above its point, clear of the interval, and aligned inwards at the edges.
        place = (point.perplexity - left) / (right - left)
        anchor = "start" if place < 0.3 else "end" if place > 0.7 else "middle"
        shapes.append(
            f'<text class="name" x="{x}" y="{y}" dy="{shift - 13:.0f}" '
            f'text-anchor="{anchor}">{escape(short(point.name))}</text>'
        )
    return _svg("scatter", f"Mean ratio against perplexity. {'; '.join(map(_figures, points))}", shapes)


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """About as many round numbers between low and high: in steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** floor(log10(rough))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough)
    return [round(index * step, 10) for index in range(ceil(low / step), floor(high / step) + 1)]


def label_shifts(ratios: list[float], height: float = 300, line: float = 17) -> list[float]:
    """How far down each label moves, in pixels, so that no two overlap."""
    shifts = [0.0] * len(ratios)
    lowest = -line
    for index in sorted(range(len(ratios)), key=lambda index: -ratios[index]):
        place = (1 - ratios[index]) * height
        shifts[index] = max(0.0, lowest + line - place)
        lowest = place + shifts[index]
    return shifts


def _figures(point: Point) -> str:
    return f"{point.name}: perplexity {point.perplexity:.2f}, mean ratio {point.ratio:.2f}"


def short(name: str, limit: int = 22) -> str:
    """A name cut to fit into a chart."""
    return name if len(name) <= limit else f"{name[: limit - 1]}…"


def _pc(part: float) -> str:
    return f"{100 * part:.2f}%"


def _svg(kind: str, label: str, shapes: list[str]) -> str:
    words = escape(label)
    title = f"<title>{words}</title>" if kind == "bar" else ""
    return f'<svg class="{kind}" role="img" aria-label="{words}">{title}{"".join(shapes)}</svg>'
