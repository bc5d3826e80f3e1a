"""`distill report`: compares evaluations side by side."""

from distill.cli.function_command import call_function
from distill.report.command import report


def run(command: str, arguments: list[str]) -> None:
    """Write the report."""
    call_function(report, command, arguments, positional="directories")
