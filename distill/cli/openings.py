"""`distill openings`: training text about occupations."""

from distill.cli.function_command import call_function
from distill.openings.command import openings


def run(command: str, arguments: list[str]) -> None:
    """Write the openings."""
    call_function(openings, command, arguments)
