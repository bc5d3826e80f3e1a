"""From the folders of several evaluations to one page, and one table, that set them side by side. Needs no model."""

from pathlib import Path

from distill.errors import UserError
from distill.evaluation import load
from distill.evaluation.compare import compare, labelled
from distill.evaluation.report_measures import table
from distill.evaluation.report_page import page
from distill.evaluation.report_verdict import verdicts
from distill.evaluation.writing import write_whole
from distill.writable import check_writable

__all__ = ["report", "table"]


def report(directories: list[Path], output: Path = Path("report.html")) -> None:
    """Write a page that compares evaluations: the first against each other one.

    Args:
        directories: Folders that `distill evaluate` wrote; the first is the baseline.
        output: The page. Its folder is made where it does not exist.

    Raises:
        UserError: If no folder is given, one holds no finished evaluation, or the output is a folder or cannot be
            written.
    """
    if not directories:
        raise UserError("give at least one folder that `distill evaluate` wrote")
    if output.is_dir():
        raise UserError(f"{output} is a folder; name the file to write, such as {output / 'report.html'}")
    check_writable(output.parent)
    evaluations = [load(directory) for directory in directories]
    frames = [labelled(evaluation.generations) for evaluation in evaluations]
    comparisons = []
    for frame in frames[1:]:
        try:
            comparisons.append(compare(frames[0], frame))
        except UserError as error:
            # Models on different prompts can still be shown beside each other, without a test.
            comparisons.append(error)
    text = page(evaluations, verdicts(evaluations, comparisons), frames)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, lambda beside: beside.write_text(text, encoding="utf-8"))
