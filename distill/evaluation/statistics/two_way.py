"""Intervals of a mean over a table whose rows and columns are both samples, such as occupations and templates.

Two values in one row have something in common, and so have two in one column. Treating only the rows as clusters says
how far the mean would move with other rows, and is silent about other columns.

Source: the analysis of variance with two crossed random effects (Searle, Casella & McCulloch 1992, *Variance
Components*, chapter 4). Its variance is that of two-way clustering (Cameron, Gelbach & Miller 2011, *Robust Inference
With Multiway Clustering*): that by rows, plus that by columns, less that of the single values, which both contain.
Degrees of freedom: Satterthwaite 1946, *An Approximate Distribution of Estimates of Variance Components*.
"""

import math

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.statistics.bootstrap import student_quantile


def two_way_reach(values: NDArray[np.float64]) -> float:
    """Return half the width of the 95 % interval of the mean of a table.

    Args:
        values: `[rows, columns]`; at least two rows. With a single column, only rows are taken for samples.
    """
    rows, columns = values.shape
    by_row = values.mean(axis=1)
    row_variance, row_freedom = float(by_row.var(ddof=1)) / rows, rows - 1
    if columns == 1:
        return float(student_quantile(row_freedom) * math.sqrt(row_variance))
    by_column = values.mean(axis=0)
    column_variance, column_freedom = float(by_column.var(ddof=1)) / columns, columns - 1
    rest = values - by_row[:, None] - by_column + values.mean()
    rest_freedom = row_freedom * column_freedom
    rest_variance = float((rest**2).sum()) / rest_freedom / values.size
    # An estimate of the sum may fall below either part, which it cannot in truth.
    variance = max(row_variance + column_variance - rest_variance, row_variance, column_variance)
    if not variance:
        return 0.0
    parts = (row_variance, row_freedom), (column_variance, column_freedom), (rest_variance, rest_freedom)
    inverse = sum((part / variance) ** 2 / freedom for part, freedom in parts)
    # Subtracting the last part may leave less than one degree of freedom.
    return float(student_quantile(1 / min(inverse, 1.0)) * math.sqrt(variance))
