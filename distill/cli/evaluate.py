"""`distill evaluate`: measures one model."""

from distill.cli.function_command import call_function
from distill.errors import Stopped
from distill.evaluation.evaluate import evaluate
from distill.report.table_formats import result_table
from distill.runtime.signals import stopped_by_signals


def run(command: str, arguments: list[str]) -> None:
    """Evaluate, and print a table of the results."""
    try:
        with stopped_by_signals():
            metrics = call_function(evaluate, command, arguments)
    except Stopped as stopped:
        stopped.message = "before the evaluation was complete; the same command continues"
        raise
    print(result_table(metrics))
