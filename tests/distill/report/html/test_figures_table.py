"""Arrows in the table of figures."""

import pytest

from distill.evaluation.measures import MEASURES
from distill.report.html.figures_table import DISPARITY, PRICES

PATHS = {(measure.key, *line.path) for measure in MEASURES for line in measure.lines}


@pytest.mark.parametrize("path", [DISPARITY, *PRICES])
def test_every_figure_that_may_have_an_arrow_is_a_line_of_the_table(path: tuple[str, ...]) -> None:
    """Otherwise its arrow would never be shown. The kinds of perplexity share a line."""
    assert path in PATHS or (path[0], "*", path[-1]) in PATHS
