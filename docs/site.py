"""Hooks of mkdocs: pages that are generated from other files, so that nothing is written twice.

The home page is README's first screen; architecture, contributing, security and changelog are the files of the top
folder; the settings come from the parsers of the commands, and the list of recipes from configs/.
"""

import argparse
import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytorch_lightning as pl
from jsonargparse import ArgumentParser
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from augment.cli import command_parser
from distill.cli.quickstart import quickstart
from distill.cli.train import TrainingCLI
from distill.evaluation.evaluate import evaluate
from distill.evaluation.polarity.word_table_command import word_table
from distill.preview.run import PreviewOptions
from distill.report.command import report

ROOT = Path(__file__).parents[1]

TOP_FOLDER = {
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""File of the top folder → page of the site."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "evaluate": evaluate,
    "report": report,
    "word-table": word_table,
    "quickstart": quickstart,
}
"""Command of `distill` → the function whose parameters are its options."""

RECIPES = "<!-- recipes -->"
"""Where recipes.md gets its list of recipes."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    made = {page: site_page(ROOT / name) for name, page in TOP_FOLDER.items()}
    made["index.md"] = home()
    made["settings.md"] = settings()
    for page, content in made.items():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Insert the list of recipes."""
    return markdown.replace(RECIPES, "\n".join(recipes())) if RECIPES in markdown else markdown


def home() -> str:
    """README's first screen."""
    return site_page(ROOT / "README.md").partition("## Contents")[0]


def site_page(file: Path) -> str:
    """A file of the top folder, its links adapted to the site."""
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"(\]\(|src=\")docs/", r"\1", text)
    for name, page in TOP_FOLDER.items():
        text = text.replace(f"]({name}", f"]({page}")
    return text


def recipes() -> Iterator[str]:
    """Every recipe: its path as a heading, and the comment at its top."""
    for file in sorted((ROOT / "configs").rglob("*.yaml")):
        head = []
        for line in file.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                break
            head.append(line[1:].removeprefix(" "))
        # Commands are indented by two spaces there; Markdown needs four, after an empty line
        text = re.sub(r"^  ", "    ", "\n".join(head), flags=re.MULTILINE).replace("\n    ", "\n\n    ", 1)
        yield f"### `{file.relative_to(ROOT)}`\n\n{text}\n"


def settings() -> str:
    """Every setting and option of the commands, with type, default and meaning."""
    fit = list(_options(_fit_parser()))
    groups = {
        "model": "How teacher and student are made, and what the student learns.",
        "data": "The text, and how it becomes batches.",
        "checkpoint": "What a run that was stopped continues from.",
        "stop_when_fair": "When a run ends before its last step.",
    }
    lines = [
        "# Settings",
        "",
        "Generated from the commands themselves. A setting is a key of a recipe and an option of the command line:",
        "`model.loss.temperature` is `--model.loss.temperature 2`, or in YAML",
        "",
        "```yaml\nmodel:\n  loss:\n    temperature: 2\n```",
        "",
        "## distill fit, validate, test",
    ]
    for group, meaning in groups.items():
        chosen = [option for option in fit if option.dest.startswith(f"{group}.")]
        lines += ["", f"### {group}", "", meaning, "", *_table(chosen)]
    lightning = f"{inspect.getdoc(pl.Trainer.__init__)} {inspect.getdoc(pl.Trainer.fit)}"
    rest = [
        option
        for option in fit
        if option.dest.partition(".")[0] not in groups
        and not (option.dest.startswith("trainer.") and _is_part(option.help, lightning))
    ]
    lines += [
        "",
        "### The run",
        "",
        "Only the arguments of `trainer` that differ from Lightning's; all others are accepted, too.",
    ]
    lines += ["", *_table(rest)]
    preview = ArgumentParser()
    preview.add_class_arguments(PreviewOptions, as_group=False)
    lines += ["", "## distill preview", "", "A recipe of a fit, and:", "", *_table(_options(preview))]
    for command, function in FUNCTIONS.items():
        parser = ArgumentParser()
        parser.add_function_arguments(function, as_group=False, skip={"directories"})
        summary = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
        lines += ["", f"## distill {command}", "", summary, "", *_table(_options(parser))]
    for name, subparser in _subparsers(command_parser()):
        lines += ["", f"## augment {name}", "", _cell(subparser.description or ""), "", *_table(_options(subparser))]
    return "\n".join(lines) + "\n"


class _ParserMadeError(Exception):
    pass


class _FitParser(TrainingCLI):
    """Stops as soon as the parser of `distill fit` is complete."""

    def parse_arguments(self, parser: Any, args: Any) -> None:
        raise _ParserMadeError(parser)


def _fit_parser() -> argparse.ArgumentParser:
    try:
        _FitParser(["fit"])
    except _ParserMadeError as made:
        return dict(_subparsers(made.args[0]))["fit"]
    raise AssertionError("the command line was parsed without a parser")


def _subparsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action._name_parser_map.items()


def _options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The options that a user may set: no groups, no linked settings, no help."""
    for action in parser._actions:
        groups = action.default == argparse.SUPPRESS or action.help == argparse.SUPPRESS
        if not groups and action.dest not in ("config", "print_config", "debug") and not action.dest.endswith(".help"):
            yield action


def _table(options: Iterable[argparse.Action]) -> list[str]:
    rows = [
        f"| `{_name(option)}` | {_type(option)} | {_default(option)} | {_cell(option.help or '')} |"
        for option in options
    ]
    return ["| setting | type | default | meaning |", "|---|---|---|---|", *rows]


def _name(option: argparse.Action) -> str:
    if not option.option_strings:
        return str(option.metavar or option.dest)
    return option.dest if "." in option.dest else option.option_strings[0]


def _type(option: argparse.Action) -> str:
    if option.choices is not None:
        return f"`{' | '.join(option.choices)}`"
    if option.nargs == 0:
        return "flag"
    kind = getattr(option, "_typehint", None) or option.type or str
    if inspect.isfunction(kind):  # a check of the value, for argparse
        return f"`{option.metavar}`"
    return f"`{_shown(kind)}`"


def _shown(kind: Any) -> str:
    """A type as a user would write it."""
    origin, arguments = get_origin(kind), [_shown(argument) for argument in get_args(kind)]
    if origin in (Union, UnionType):
        return " | ".join(arguments)
    if origin is Literal:
        return " | ".join(map(str, get_args(kind)))
    if kind is NoneType:
        return "null"
    if arguments:
        return f"{origin.__name__}[{', '.join(arguments)}]"
    return str(getattr(kind, "__name__", kind))


def _default(option: argparse.Action) -> str:
    if option.required and option.nargs != "*":
        return "required"
    value = option.default
    if value is None or (value is False and option.nargs == 0):
        return ""
    if isinstance(value, (bool, int, float, str, os.PathLike, list, tuple, dict)):
        cores = option.dest == "num_proc" and isinstance(value, int)
        return "one per core" if cores else f"`{value}`"
    return ""


def _cell(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("%%", "%")
    # Stars in help texts are not Markdown
    return text.replace("*", "\\*")


def _is_part(text: str | None, whole: str) -> bool:
    """Whether a help text starts like one of Lightning's own."""
    return not text or " ".join(text.split())[:40] in " ".join(whole.split())
