"""Arguments and recipes: what is wrong in them is said in one line, with the nearest key for one that isn't there."""

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
    """A parser without the usage of a hundred options before its one line about an error; exit status 2."""

    _arguments: Sequence[str] = ()

    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        """As jsonargparse, also where an interpolation leads nowhere or a value is beyond all bounds."""
        try:
            arguments = (args[0] if args else sys.argv[1:]) or ()
            self._arguments = self._asked(arguments)._arguments = arguments
            self._check_encoding(arguments)
            self._check_recipes(arguments)
            return super().parse_args(*args, **kwargs)
        except OmegaConfBaseException as error:
            key = str(getattr(error, "full_key", None) or "").partition(".")[2]
            # It tells where it looked from inside the subcommand, which is not how a recipe writes it.
            problem = re.sub(r"key '\.*([^']*)' not found.*", r"key '\1' not found", first_line(error))
            self.error(f"{key}: {problem}" if key else problem)
        except (OverflowError, ValueError) as error:  # numbers beyond all bounds, paths with a NUL
            self.error(f"a value cannot be taken: {error}")
        except RecursionError:  # jsonargparse's YAML reads some files that ours does not, so that they were not checked
            self.error("a recipe contains itself, or nests without end")

    def _asked(self, arguments: Sequence[str]) -> ArgumentParser:
        """The parser of the subcommand, if there is one."""
        if self._subcommands_action is None or not arguments:
            return self
        return self._subcommands_action._name_parser_map.get(arguments[0], self)

    def _check_encoding(self, arguments: Sequence[str]) -> None:
        """Refuse bytes that are no UTF-8, mostly in the name of a file: results that tell it could not be written."""
        for argument in arguments:
            if any("\ud800" <= letter <= "\udfff" for letter in argument):
                self._asked(arguments).error(f"{argument!a}: not UTF-8; rename the file, or link to it by another name")

    def _check_recipes(self, arguments: Sequence[str]) -> None:
        """Refuse a recipe's settings that jsonargparse would drop: 3 for a group of settings, and groups of nothing."""
        parser = self._asked(arguments)
        actions = {action.dest: action for action in _actions(parser)}
        keys = set(actions)
        groups = {key[: dot.start()] for key in keys for dot in re.finditer(r"\.", key)}
        for recipe in _recipes(arguments):
            if not _is_utf8(recipe):
                parser.error(f"{recipe}: not UTF-8, so no recipe; save it as UTF-8")
            for key, value in _settings(recipe, groups):
                if key in groups and not _holds_settings(value, recipe.parent):
                    shown = "null" if value is None else repr(value)
                    parser.error(f"{recipe}: {key} holds {shown}, and settings are expected there")
                if key not in keys | groups:
                    parser.error(f"{recipe}: does not accept option '{key}'")
                if value is None and key in keys and not _may_be_null(actions[key]):
                    parser.error(f"{recipe}: {key} is null, and a value is expected; leave it out for the default")
                if _contains_itself(value):
                    parser.error(f"{recipe}: {key} contains itself")

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Say what is wrong, and which key may have been meant, on one line; leave."""
        parser = getattr(ex, "subcommand_parser", None) or self
        line = _one_line(message).replace("required: fit.", "required: ")
        unknown = _UNKNOWN.search(line)
        if unknown is not None:
            nearest = difflib.get_close_matches(
                unknown["key"], sorted({action.dest for action in _actions(parser)}), n=1
            )
            line += f"; did you mean {nearest[0]!r}?" if nearest else "; --help lists all of them"
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
    """Which recipe an error is about: one that can't be read, or one that gives the key the value that is told of."""
    contents = {recipe: _content(recipe) for recipe in _recipes(arguments)}
    if line.startswith(("Problems parsing config", "Unexpected config")):
        return next((recipe for recipe, content in contents.items() if not isinstance(content, Mapping)), None)
    key, _, problem = line.partition(": ")
    if any(argument.partition("=")[0] == f"--{key}" for argument in arguments):
        return None
    given = {recipe: values[0] for recipe, content in contents.items() if (values := _values(content, key))}
    return next((recipe for recipe, value in given.items() if str(value) in problem), next(reversed(given), None))


def _content(recipe: Path) -> Any:
    """None of what is no YAML."""
    try:
        return yaml.safe_load(recipe.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None


def _values(content: Any, key: str) -> list[Any]:
    """The value of a key, if a recipe gives it one."""
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
    """Key and value of each setting and group; nothing of what is no YAML, which the parser tells better."""
    left = [("", _content(recipe))]
    while left:
        prefix, mapping = left.pop()
        if not isinstance(mapping, Mapping):
            continue
        for name, value in mapping.items():
            key = f"{prefix}{name}".removesuffix("+")
            yield key, value
            if key in groups:
                left.append((f"{key}.", value))


def _one_line(message: str) -> str:
    lines = (line.strip() for line in message.splitlines())
    told = [line.removeprefix("- ") for line in lines if line and not _NOISE.match(line)]
    text = " ".join(told).replace("Parser key ", "").replace('":', ":").replace('"', "'").lstrip("'")
    text = re.sub(r"<class '([\w.]+)'>", r"\1", _LINK.sub(r"\1", text))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"


def _holds_settings(value: Any, folder: Path) -> bool:
    """A mapping, an interpolation of one, or a file of one."""
    if isinstance(value, str):
        return "${" in value or any(os.path.isfile(place / value) for place in (folder, Path()))
    return isinstance(value, Mapping)


def _actions(parser: ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action._name_parser_map.values():
                yield from _actions(below)
        elif not action.dest.endswith(".help"):
            yield action


def _may_be_null(action: argparse.Action) -> bool:
    return action.default is None or type(None) in get_args(getattr(action, "_typehint", None))


def _contains_itself(value: Any, around: tuple[int, ...] = ()) -> bool:
    if id(value) in around:
        return True
    below = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(_contains_itself(item, (*around, id(value))) for item in below)
