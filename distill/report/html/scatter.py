"""The two charts of prices as SVG: see `trade_off` for what they show."""

from html import escape

from distill.report.formatting import signed
from distill.report.html.label_places import Mark, Place, label_places
from distill.report.html.svg import pc, svg, ticks
from distill.report.html.trade_off import Panel, named_marks

SIZES = ((270, 250), (410, 250))
"""Widths and heights in pixels between which the chart is drawn: on a phone or on paper, and on a desktop."""


def panel_svg(panel: Panel) -> str:
    """A panel as SVG; the first model is the baseline."""
    left, right = panel.prices

    def across(price: float) -> str:
        return pc((price - left) / (right - left))

    def down(height: float) -> str:
        return pc(1 - (height - panel.low) / (panel.high - panel.low))

    low, high = panel.good
    height = pc((high - low) / (panel.high - panel.low))
    shapes = [
        f'<rect class="fair" x="0" width="100%" y="{down(high)}" height="{height}"/>',
        *(
            f'<line class="edge" x1="0" x2="100%" y1="{down(end)}" y2="{down(end)}"/>'
            for end in panel.good
            if panel.low < end < panel.high
        ),
    ]
    for tick in ticks(panel.low, panel.high):
        shapes.append(f'<line class="grid" x1="0" x2="100%" y1="{down(tick)}" y2="{down(tick)}"/>')
        shapes.append(f'<text class="tick" x="-8" y="{down(tick)}" dy="4" text-anchor="end">{tick:g}</text>')
    for tick in ticks(100 * left, 100 * right):
        x = across(tick / 100)
        shapes.append(f'<line class="grid" x1="{x}" x2="{x}" y1="100%" y2="101.5%"/>')
        shapes.append(f'<text class="tick" x="{x}" y="100%" dy="20" text-anchor="middle">{percent_tick(tick)}</text>')
    names, marks = named_marks(panel)
    for index, ((_, centre), runs) in enumerate(zip(names, panel.points.values(), strict=True)):
        shapes += _runs(index == 0, centre, [panel.mark(run) for run in runs])
    for (name, mark), place in zip(names, label_places(names, marks, SIZES), strict=True):
        shapes += _name(name, mark, place)
    return svg("scatter", f"{panel.title} against the change in perplexity. {described(panel)}", shapes)


def _name(name: str, mark: Mark, place: Place) -> list[str]:
    """A model's name, with a line to its point if it is far from it."""
    x, y = pc(mark.x), pc(mark.y)
    text = (
        f'<text class="name" x="{x}" y="{y}" dx="{place.dx:.0f}" dy="{place.dy:.0f}" '
        f'text-anchor="{place.anchor}">{escape(name)}</text>'
    )
    if not place.far:
        return [text]
    top, height = (place.dy + 3, -place.dy - 10) if place.dy < 0 else (8, place.dy - 20)
    line = f'x="{x}" y="{y}" width="1" height="{height:.0f}" transform="translate(0 {top:.0f})"'
    return [f'<rect class="leader" {line}/>', text]


def _runs(baseline: bool, centre: Mark, runs: list[Mark]) -> list[str]:
    """The points of a model's runs; those of several runs are tied to their mean, where the name stands."""
    shapes = []
    for mark in runs:
        x, y = pc(mark.x), pc(mark.y)
        if len(runs) > 1:
            shapes.append(f'<line class="path" x1="{pc(centre.x)}" y1="{pc(centre.y)}" x2="{x}" y2="{y}"/>')
        if mark.across:
            shapes.append(
                f'<line class="whisker" x1="{pc(mark.across[0])}" x2="{pc(mark.across[1])}" y1="{y}" y2="{y}"/>'
            )
        if mark.down:
            shapes.append(f'<line class="whisker" x1="{x}" x2="{x}" y1="{pc(mark.down[0])}" y2="{pc(mark.down[1])}"/>')
        radius = 6 if len(runs) == 1 else 4
        shapes.append(f'<circle class="{"baseline" if baseline else "model"}" cx="{x}" cy="{y}" r="{radius}"/>')
    return shapes


def percent_tick(percent: float) -> str:
    """A change in per cent as a short label: “+0.5 %”, “0 %”."""
    return f"{'+' if percent > 0 else ''}{percent:g} %".replace("-", "−")


def described(panel: Panel) -> str:
    """The figures of a panel in words."""
    return "; ".join(
        f"{name}{f', run {number}' if len(runs) > 1 else ''}: perplexity {signed(100 * run.price.value, 1)} %, "
        f"{panel.title.partition(',')[0]} {run.height.value:.2f}"
        for name, runs in panel.points.items()
        for number, run in enumerate(runs, 1)
    )
