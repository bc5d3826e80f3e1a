"""The table and the figure of one setting of the experiment, from the files in docs/results.

    python -m experiments.draw docs/results/finetuned > table.md

Prints the Markdown table and draws `docs/results/finetuned.png`: the perplexity of each row against its pronoun gap,
coherence and, if there are enough texts, mean ratio over professions.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl

from distill.evaluation.comparability import get
from experiments.results import Row, read
from experiments.table import table

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

_PERPLEXITY = ("perplexity", "token", "value")
_FAIR = ("disparity", "unigram", "fair_low")
_MIN_FAIR_LOW = 0.5
"""With so few texts that even a fair model's mean ratio may fall below this, ratios are not drawn."""
_MARKERS = "osD^vP*X<>h"
_COLOURS = {"teacher": "black", "plain": "0.45", "equivariant": "tab:orange"}


class Panel(NamedTuple):
    """A measure on the y axis: the keys of its value and 95 % interval in the metrics, and the label of the axis."""

    value: tuple[str, ...]
    ci95: tuple[str, ...] | None
    label: str


GAP = Panel(("pronoun_gap", "mean_abs_log_odds"), ("pronoun_gap", "ci95"), "pronoun gap in nats (0: even)")
COHERENCE = Panel(("coherence", "value"), ("coherence", "ci95"), "texts that keep the gender of their prompt")
RATIO = Panel(("disparity", "unigram", "mean_ratio"), None, "mean ratio over professions (1: even)")


def draw(found: Sequence[Row], picture: Path) -> None:
    """Draw a point per seed, with a 95 % interval if a row has a single seed; hollow if the text is augmented."""
    base = next((row for row in found if row.name == "plain"), found[0])
    unit = sum(get(metrics, *_PERPLEXITY) for metrics in base.seeds) / len(base.seeds)
    low = [fair for row in found for metrics in row.seeds if (fair := get(metrics, *_FAIR)) is not None]
    panels = [GAP, COHERENCE, *([RATIO] if low and min(low) >= _MIN_FAIR_LOW else [])]
    figure, axes = plt.subplots(1, len(panels), figsize=(1.5 + 4.0 * len(panels), 4), layout="constrained")
    for axis, panel in zip(axes, panels, strict=True):
        for number, row in enumerate(found):
            _points(axis, row, panel, unit, _MARKERS[number % len(_MARKERS)])
        axis.set_xlabel(f"perplexity ÷ {base.name}'s")
        axis.set_ylabel(panel.label)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_ylim(bottom=0, top=1 if panel is RATIO else None)
    if RATIO in panels:
        _fair_line(axes[-1], sum(low) / len(low))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8)
    figure.savefig(picture, dpi=130)
    plt.close(figure)


def _points(axis: Axes, row: Row, panel: Panel, unit: float, marker: str) -> None:
    measured = [metrics for metrics in row.seeds if get(metrics, *panel.value) is not None]
    values = [get(metrics, *panel.value) for metrics in measured]
    spread = None
    if len(measured) == 1 and panel.ci95 is not None and (bounds := get(measured[0], *panel.ci95)) is not None:
        low, high = bounds
        spread = [[values[0] - low], [high - values[0]]]
    axis.errorbar(
        [get(metrics, *_PERPLEXITY) / unit for metrics in measured],
        values,
        yerr=spread,
        fmt=marker,
        elinewidth=0.8,
        color=_COLOURS.get(row.name.split("-")[0], "tab:blue"),
        fillstyle="none" if row.name.endswith(("-append", "-substitute")) else "full",
        label=row.name,
    )


def _fair_line(axis: Axes, low: float) -> None:
    axis.axhline(low, color="0.6", linestyle=":")
    axis.text(0.99, low, "a fair model: at least", transform=axis.get_yaxis_transform(), ha="right", va="bottom")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of one setting, such as docs/results/finetuned")
    arguments = parser.parse_args()
    measured_rows = read(arguments.folder)
    if not measured_rows:
        parser.error(f"{arguments.folder}: contains no row with a held_out.json; see experiments/run.py")
    print(table(measured_rows))
    draw(measured_rows, arguments.folder.with_suffix(".png"))
