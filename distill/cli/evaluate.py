"""`distill evaluate`: measures one model."""

from distill.cli.function_command import call_function
from distill.evaluation.evaluate import evaluate
from distill.report.table_formats import result_table


def run(command: str, arguments: list[str]) -> None:
    """Evaluate, and print a table of the results."""
    print(result_table(call_function(evaluate, command, arguments)))
