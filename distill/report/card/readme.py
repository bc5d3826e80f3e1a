"""Changes to a README.md that touch only what is ours: a section between two marks, and results in its model-index."""

import re
from typing import Any

import yaml
from huggingface_hub.repocard import REGEX_YAML_BLOCK

from distill.report.card.model_index import TASK

BEGIN = "<!-- counterfactual-distill: evaluation, from here -->"
END = "<!-- counterfactual-distill: evaluation, to here -->"
_KEY = "model-index"


class ReadmeError(ValueError):
    """A README that cannot be changed: the message says what is wrong, and what to do."""


def updated(text: str, section: str, name: str, results: list[dict[str, Any]]) -> str:
    """Put an evaluation into a README; everything that is not ours stays as it is, to the last character.

    Args:
        text: The README.
        section: The evaluation in Markdown.
        name: Name of the model in the model-index, unless the README has a model-index already.
        results: The results for the model-index, each with the task `TASK`.

    Returns:
        The README with exactly this evaluation, whatever evaluation of ours it held before.

    Raises:
        ReadmeError: If the metadata or the marks of the section cannot be read.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    block = REGEX_YAML_BLOCK.search(text)
    metadata = block.group(2) if block else ""
    changed = _with_model_index(metadata, name, results, newline)
    head = (
        f"{text[: block.start(2)]}{changed}{text[block.end(2) : block.end()]}"
        if block
        else f"---{newline}{changed}{newline}---{newline}"
    )
    return head + _with_section(text[block.end() :] if block else text, section, newline)


def _with_section(body: str, section: str, newline: str) -> str:
    ours = f"{BEGIN}\n{section.strip()}\n{END}".replace("\n", newline)
    begins, ends = ([match.start() for match in re.finditer(re.escape(mark), body)] for mark in (BEGIN, END))
    if not begins and not ends:
        gap = "" if not body else newline if body.endswith(("\n", "\r")) else 2 * newline
        return f"{body}{gap}{ours}{newline}"
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise ReadmeError(f"holds {BEGIN} and {END} not exactly once each, in this order; delete these lines")
    return f"{body[: begins[0]]}{ours}{body[ends[0] + len(END) :]}"


def _with_model_index(metadata: str, name: str, results: list[dict[str, Any]], newline: str) -> str:
    before, root = _parsed(metadata)
    if root is not None and root.flow_style:
        raise ReadmeError("its metadata, between the lines ---, is in braces; write one key per line")
    index = _merged(before.get(_KEY), name, results)
    dumped = yaml.safe_dump({_KEY: index}, sort_keys=False, allow_unicode=True, width=float("inf"))
    entry = dumped.strip().replace("\n", newline) if index else ""
    place = next(((key, value) for key, value in root.value if key.value == _KEY), None) if root else None
    if place is None:
        gap = newline if metadata.strip() and entry else ""
        changed = f"{metadata}{gap}{entry}"
    else:
        start, end = place[0].start_mark.index, _end(place[1])
        # Up to the end of the line, unless the value ends there: a block scalar contains its line break.
        end = end - 1 if metadata[end - 1] == "\n" else _end_of_line(metadata, end)
        changed = f"{metadata[:start]}{entry}{metadata[end:]}"
    after, _ = _parsed(changed)
    if after.pop(_KEY, []) != index or after != {key: value for key, value in before.items() if key != _KEY}:
        raise ReadmeError(f"its {_KEY} cannot be changed without changing the rest of its metadata; remove it")
    return changed


def _parsed(metadata: str) -> tuple[dict[str, Any], yaml.MappingNode | None]:
    """The metadata, and its syntax tree, which knows where everything stands; None if there is no metadata."""
    try:
        content, root = yaml.safe_load(metadata), yaml.compose(metadata, yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = getattr(error, "problem", None) or type(error).__name__
        raise ReadmeError(f"its metadata, between the lines ---, is not YAML ({problem}); mend it") from error
    if root is None or content is None:
        return {}, None
    if not isinstance(content, dict) or not isinstance(root, yaml.MappingNode):
        raise ReadmeError("its metadata, between the lines ---, has no keys; mend it")
    return content, root


def _merged(index: Any, name: str, results: list[dict[str, Any]]) -> list[Any]:
    """The model-index with our results in its first model, after those of others."""
    if not index:
        return [{"name": name, "results": results}] if results else []
    try:
        (first, *others), theirs = index, [each for each in index[0]["results"] if each["task"].get("name") != TASK]
        merged = {**first, "results": [*theirs, *results]}
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ReadmeError(f"its {_KEY} is not one that the hub reads; remove it") from error
    return [merged, *others] if merged["results"] else others


def _end(node: yaml.Node) -> int:
    """Where the last character of a value stands; a block's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _end_of_line(text: str, start: int) -> int:
    found = re.compile(r"\r?\n|$").search(text, start)
    return found.start() if found else len(text)
