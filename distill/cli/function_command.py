"""Turns a function into a command: its signature and docstring become the options and their help."""

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

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
    parameters = inspect.signature(function).parameters.values()
    several = [parameter.name for parameter in parameters if _takes_several(parameter.annotation)]
    options = parser.instantiate(parser.parse_args(list(_appending(arguments, several))))
    options.pop("config", None)
    return function(**options.as_dict())


def _takes_several(annotation: Any) -> bool:
    return get_origin(annotation) in (Sequence, list) or any(map(_takes_several, get_args(annotation)))


def _appending(arguments: list[str], several: Collection[str]) -> Iterator[str]:
    """The arguments with a plus sign on every repetition of an option that takes several values.

    Without it, jsonargparse would silently drop all values but the last one.
    """
    seen = set()
    for argument in arguments:
        option = re.match(r"--(\w+)(?==|$)", argument)
        repeated = option is not None and option[1] in seen
        if option is not None and option[1] in several:
            seen.add(option[1])
        yield f"{option[0]}+{argument[option.end() :]}" if option and repeated else argument
