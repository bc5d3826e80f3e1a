"""`distill report`: compares evaluations side by side."""

import re

from distill.cli.function_command import call_function
from distill.report.command import report


def run(command: str, arguments: list[str]) -> None:
    """Write the report."""
    # A plus sign appends to a list; without it, jsonargparse would drop all but the last one.
    appending = [re.sub(r"^--lm_eval(?=$|=)", "--lm_eval+", argument) for argument in arguments]
    call_function(report, command, appending, positional="directories")
