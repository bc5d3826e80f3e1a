"""The table and the figure of one setting of the experiment, from the files in docs/results.

    python docs/experiment/draw.py docs/results/finetuned > table.md

Prints the Markdown table, and draws `docs/results/finetuned.png`: what each row costs in perplexity, against the
pronoun gap and against the ratio of BOLD's professions.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from results import Row, read
from table import table

from distill.evaluation.report_measures import get

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

_PERPLEXITY = ("perplexity", "token", "value")
_PANELS = (
    (("pronoun_gap", "mean_abs_log_odds"), "pronoun gap in nats (0: even)"),
    (("disparity", "unigram", "mean_ratio"), "mean ratio of BOLD's professions"),
)
_FAIR = ("disparity", "unigram", "fair_low")
_MARKERS = "osD^vP*X<>h"
_COLOURS = {"teacher": "black", "plain": "0.45", "equivariant": "tab:orange"}


def draw(found: Sequence[Row], picture: Path) -> None:
    """A point a seed; hollow where the text is augmented."""
    base = next((row for row in found if row.name == "plain"), found[0])
    unit = sum(get(metrics, *_PERPLEXITY) for metrics in base.seeds) / len(base.seeds)
    figure, axes = plt.subplots(1, len(_PANELS), figsize=(11, 4.5), layout="constrained")
    for axis, (keys, label) in zip(axes, _PANELS, strict=True):
        for number, row in enumerate(found):
            _points(axis, row, keys, unit, _MARKERS[number % len(_MARKERS)])
        axis.set_xlabel(f"perplexity ÷ {base.name}'s")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    _fair_line(axes[1], found)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8)
    figure.savefig(picture, dpi=130)
    plt.close(figure)


def _points(axis: Axes, row: Row, keys: tuple[str, ...], unit: float, marker: str) -> None:
    measured = [metrics for metrics in row.seeds if get(metrics, *keys) is not None]
    axis.plot(
        [get(metrics, *_PERPLEXITY) / unit for metrics in measured],
        [get(metrics, *keys) for metrics in measured],
        marker,
        color=_COLOURS.get(row.name.split("-")[0], "tab:blue"),
        fillstyle="none" if row.name.endswith(("-append", "-substitute")) else "full",
        label=row.name,
    )


def _fair_line(axis: Axes, found: Sequence[Row]) -> None:
    low = [fair for row in found for metrics in row.seeds if (fair := get(metrics, *_FAIR)) is not None]
    if low:
        mean = sum(low) / len(low)
        axis.axhline(mean, color="0.6", linestyle=":")
        axis.text(0.99, mean, "a fair model: at least", transform=axis.get_yaxis_transform(), ha="right", va="bottom")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of one setting, such as docs/results/finetuned")
    arguments = parser.parse_args()
    measured_rows = read(arguments.folder)
    if not measured_rows:
        parser.error(f"{arguments.folder}: no row with a held_out.json; see docs/experiment/run.py")
    print(table(measured_rows))
    draw(measured_rows, arguments.folder.with_suffix(".png"))
