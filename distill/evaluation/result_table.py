"""The numbers of an evaluation on a few lines, for the terminal: the lines of a report's table."""

from typing import Any

from distill.report.formatting import clean
from distill.report.summary_lines import MISSING, measures


def result_table(metrics: dict[str, Any]) -> str:
    """Lines of measure, value, and its 95 % interval or what else the value must be read beside.

    Polarities other than the main one are left to metrics.json and to reports.
    """
    cells = [(each.name, *each.read(metrics)) for each in measures([metrics]) if not each.by_another_polarity]
    rows = [row for row in cells if row[1:] != MISSING]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:<{widths[0]}}  {value:>{widths[1]}}  {beside}".rstrip() for name, value, beside in rows]
    return "\n".join([clean(metrics["model"]["name"]), *lines])
