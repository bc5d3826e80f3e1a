"""`distill plan`: what an evaluation will be able to tell."""

from distill.cli.function_command import call_function
from distill.evaluation.planning.plan_command import plan


def run(command: str, arguments: list[str]) -> None:
    """Print the plan."""
    call_function(plan, command, arguments)
