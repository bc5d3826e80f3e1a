"""Parses arguments and recipes; an error is one line, which suggests the nearest key for an unknown one."""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

import yaml
from jsonargparse import ArgumentParser
from omegaconf.errors import OmegaConfBaseException

from augment.runtime.error_text import first_line

_UNKNOWN = re.compile(r"(?:does not accept option '|unrecognized arguments: --)(?P<key>[\w.]+)")
_NOISE = re.compile(r"Does not validate against|Subtypes:|Errors:|Given value type:|- Expected a <class 'NoneType'>")
_LINK = re.compile(r"Call to compute_fn of link '\w+\(([\w.]+)\)[^']*' with args \([^)]*\) failed")
_LONGEST = 400


class OneLineErrors(ArgumentParser):
    """A parser whose errors are one line, without the usage of a hundred options before it; exit status 2."""

    _arguments: Sequence[str] = ()

    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        """Parse as jsonargparse does; broken interpolations and values out of range are errors on one line, too."""
        try:
            arguments = (args[0] if args else sys.argv[1:]) or ()
            self._arguments = self._command_parser(arguments)._arguments = arguments
            self._check_encoding(arguments)
            self._check_recipes(arguments)
            return super().parse_args(*args, **kwargs)
        except OmegaConfBaseException as error:
            key = str(getattr(error, "full_key", None) or "").partition(".")[2]
            # The message names the key relative to the subcommand, with dots that a recipe does not have.
            problem = re.sub(r"key '\.*([^']*)' not found.*", r"key '\1' not found", first_line(error))
            self.error(f"{key}: {problem}" if key else problem)
        except (OverflowError, ValueError) as error:  # numbers out of range, paths with a NUL character
            self.error(f"invalid value: {error}")
        except RecursionError:  # jsonargparse's YAML loader reads some files that `yaml.safe_load` refuses to check
            self.error("a recipe contains itself, or is nested too deeply")

    def _command_parser(self, arguments: Sequence[str]) -> "OneLineErrors":
        """The parser of the subcommand; this one if there is none."""
        if self._subcommands_action is None or not arguments:
            return self
        return self._subcommands_action._name_parser_map.get(arguments[0], self)

    def _check_encoding(self, arguments: Sequence[str]) -> None:
        """Refuse bytes that are not UTF-8, mostly in file names: results that contain them could not be written."""
        for argument in arguments:
            if any("\ud800" <= character <= "\udfff" for character in argument):
                self._command_parser(arguments).error(
                    f"{argument!a}: not UTF-8; rename the file, or link to it by another name"
                )

    def _check_recipes(self, arguments: Sequence[str]) -> None:
        """Refuse what jsonargparse would drop silently, such as a plain value or null for a group of settings."""
        parser = self._command_parser(arguments)
        actions = {action.dest: action for action in _actions(parser)}
        keys = set(actions)
        groups = {key[: dot.start()] for key in keys for dot in re.finditer(r"\.", key)}
        for recipe in _recipes(arguments):
            if not _is_utf8(recipe):
                parser.error(f"{recipe}: not UTF-8, so not a recipe; save it as UTF-8")
            for key, value in _settings(recipe, groups):
                if key in groups and not _holds_settings(value, recipe.parent):
                    shown = "null" if value is None else repr(value)
                    parser.error(f"{recipe}: {key} is {shown}, and a group of settings is expected there")
                if key not in keys | groups:
                    parser.error(f"{recipe}: does not accept option '{key}'")
                if value is None and key in keys and not _may_be_null(actions[key]):
                    parser.error(f"{recipe}: {key} is null, and a value is expected; omit it for the default")
                if _contains_itself(value):
                    parser.error(f"{recipe}: {key} contains itself")

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print what is wrong, and which key may have been meant, on one line; exit with status 2."""
        parser = getattr(ex, "subcommand_parser", None) or self
        line = _one_line(message).replace("required: fit.", "required: ")
        unknown = _UNKNOWN.search(line)
        if unknown is not None:
            nearest = difflib.get_close_matches(
                unknown["key"], sorted({action.dest for action in _actions(parser)}), n=1
            )
            line += f"; did you mean {nearest[0]!r}?" if nearest else "; --help lists all options"
        recipe = _recipe_of(line, self._arguments)
        if recipe is not None and str(recipe) not in line:
            line = f"{recipe}: {line}"
        print(f"{parser.prog.replace(' [options]', '')}: error: {line}", file=sys.stderr)
        sys.exit(2)


def _recipes(arguments: Sequence[str]) -> Iterator[Path]:
    for argument, following in zip(arguments, [*arguments, ""][1:], strict=True):
        name, _, value = argument.partition("=")
        path = Path(value or following)
        if name in ("-c", "--config") and path.is_file():
            yield path


def _recipe_of(line: str, arguments: Sequence[str]) -> Path | None:
    """The recipe that an error is about: one that cannot be read, or one that sets the key to the value in question."""
    contents = {recipe: _content(recipe) for recipe in _recipes(arguments)}
    if line.startswith(("Problems parsing config", "Unexpected config")):
        return next((recipe for recipe, content in contents.items() if not isinstance(content, Mapping)), None)
    key, _, problem = line.partition(": ")
    if any(argument.partition("=")[0] == f"--{key}" for argument in arguments):
        return None
    given = {recipe: values[0] for recipe, content in contents.items() if (values := _values(content, key))}
    return next((recipe for recipe, value in given.items() if str(value) in problem), next(reversed(given), None))


def _content(recipe: Path) -> Any:
    """The parsed file; None if it is not YAML."""
    try:
        return yaml.safe_load(recipe.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None


def _values(content: Any, key: str) -> list[Any]:
    """The value of a key in a list of one; empty if the recipe does not set it."""
    for name in key.split("."):
        if not isinstance(content, Mapping) or name not in content:
            return []
        content = content[name]
    return [content]


def _is_utf8(recipe: Path) -> bool:
    try:
        recipe.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _settings(recipe: Path, groups: set[str]) -> Iterator[tuple[str, Any]]:
    """Key and value of each setting and group; none of a file that is not YAML, for which the parser has an error."""
    remaining = [("", _content(recipe))]
    while remaining:
        prefix, mapping = remaining.pop()
        if not isinstance(mapping, Mapping):
            continue
        for name, value in mapping.items():
            key = f"{prefix}{name}".removesuffix("+")
            yield key, value
            if key in groups:
                remaining.append((f"{key}.", value))


def _one_line(message: str) -> str:
    lines = (line.strip() for line in message.splitlines())
    useful = [line.removeprefix("- ") for line in lines if line and not _NOISE.match(line)]
    text = " ".join(useful).replace("Parser key ", "").replace('":', ":").replace('"', "'").lstrip("'")
    text = re.sub(r"<class '([\w.]+)'>", r"\1", _LINK.sub(r"\1", text))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"


def _holds_settings(value: Any, folder: Path) -> bool:
    """Whether a value is a mapping, an interpolation, or the path of a file."""
    if isinstance(value, str):
        return "${" in value or any(os.path.isfile(place / value) for place in (folder, Path()))
    return isinstance(value, Mapping)


def _actions(parser: ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for subparser in action._name_parser_map.values():
                yield from _actions(subparser)
        elif not action.dest.endswith(".help"):
            yield action


def _may_be_null(action: argparse.Action) -> bool:
    return action.default is None or type(None) in get_args(getattr(action, "_typehint", None))


def _contains_itself(value: Any, parents: tuple[int, ...] = ()) -> bool:
    if id(value) in parents:
        return True
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(_contains_itself(child, (*parents, id(value))) for child in children)
