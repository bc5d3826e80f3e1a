"""Turns a function into a command: its signature and docstring become the options and their help."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from jsonargparse import ActionConfigFile

from distill.cli.parser import OneLineErrors

Result = TypeVar("Result")


def call_function(
    function: Callable[..., Result], command: str, arguments: list[str], positional: str | None = None
) -> Result:
    """Parse a function's arguments from the command line and call it.

    Args:
        function: Its signature and docstring become the options and their help.
        command: Its name on the command line.
        arguments: The command-line arguments after that name.
        positional: The parameter, a list of paths, that is given without an option.

    Returns:
        What the function returns.
    """
    description = (function.__doc__ or "").split("\n\n")[0]
    parser = OneLineErrors(prog=f"distill {command}", description=description, allow_abbrev=False)
    parser.add_argument("--config", action=ActionConfigFile, help="YAML file with these options")
    if positional is not None:
        parser.add_argument(
            positional,
            nargs="+",
            type=Path,
            help="folders that `distill evaluate` wrote, the baseline first; or NAME=FOLDER,FOLDER for several runs",
        )
    parser.add_function_arguments(function, as_group=False, skip={positional} if positional else set())
    options = parser.instantiate(parser.parse_args(arguments))
    options.pop("config", None)
    return function(**options.as_dict())
