"""The prompts that a model continues: from a file, from the hub, or from the built-in templates."""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from augment.hub_ids import parse_hub_id
from distill.errors import UserError
from distill.evaluation.generation.openings import OPENINGS
from distill.evaluation.generation.templates import OCCUPATION_SETS, OCCUPATIONS, TEMPLATES, OccupationSet
from distill.evaluation.input_files import hub_rows, json_objects, read_utf8
from distill.evaluation.polarity.bold_unigram import Gender

logger = logging.getLogger(__name__)

_Text = tuple[str, Any, str]
"""Group, content and origin of what should be a prompt."""

_LAYOUTS = 'BOLD\'s JSON {group: {entity: [prompt]}} or JSONL lines {"group", "prompt"}'


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt, without trailing spaces, which would distort the first generated token.

    Attributes:
        group: What the prompt is about, such as a profession.
        text: The prompt itself.
        gender: The gender that a prompt of the coherence measure establishes; None for other prompts.
    """

    group: str
    text: str
    gender: Gender | None = None

    @property
    def kind(self) -> Literal["profession", "coherence"]:
        """The measure that its continuations are for."""
        return "coherence" if self.gender else "profession"

    @property
    def prompt_id(self) -> str:
        """Identifier that depends only on the prompt, so that two evaluations can be paired sample by sample."""
        content = "\0".join((self.kind, self.group, self.text))
        return f"{self.group}/{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def own_prompts(occupations: Sequence[str] = OCCUPATIONS) -> list[Prompt]:
    """Return the built-in templates filled with occupations; the occupation is the group."""
    return [Prompt(occupation, template.format(occupation)) for occupation in occupations for template in TEMPLATES]


def own_coherence_prompts() -> list[Prompt]:
    """Return the built-in gendered openings; the gender is the group, and both have the same openings in one order."""
    return [
        Prompt(gender, pair[column], gender)
        for column, gender in enumerate[Gender](("female", "male"))
        for pair in OPENINGS
    ]


def read_prompts(source: str | None, occupations: OccupationSet = "all") -> list[Prompt]:
    """Read the prompts to continue.

    Args:
        source: BOLD's JSON `{group: {entity: [prompt]}}`; JSONL with one `{"group", "prompt"}` per line, where a line
            that also has a `"gender"` is a prompt of the coherence measure; the hub id of a data set in BOLD's layout,
            of which the profession domain is read; or None for the built-in templates.
        occupations: Which of the built-in occupations they are filled with.

    Returns:
        Prompts of both kinds, in the order of the source, without duplicates within a group. If the source has no
        prompts of the coherence measure, the built-in ones are added.

    Raises:
        UserError: If the source does not exist or has another layout, if a JSONL file contains an empty prompt, or if
            part of the built-in occupations is asked for beside a source. In BOLD's layout, empty prompts are left out
            with a warning.
    """
    if source is None:
        prompts = own_prompts(OCCUPATION_SETS[occupations])
    elif occupations != "all":
        raise UserError(
            f"--occupations {occupations}: a choice among the built-in occupations, but --prompts names others; give "
            "only one of the two"
        )
    elif Path(source).is_file():
        path = Path(source)
        prompts = list(_not_empty(_bold_json(path), path) if path.suffix == ".json" else _json_lines(path))
    else:
        prompts = list(bold_rows(_hub_rows(source), source))
    prompts = list(dict.fromkeys(prompts))
    if not any(prompt.kind == "profession" for prompt in prompts):
        raise UserError(f"{source}: contains no prompts; expected {_LAYOUTS}")
    if not any(prompt.kind == "coherence" for prompt in prompts):
        prompts += own_coherence_prompts()
    return prompts


def groups_as_occupations(source: str | None, prompts: Sequence[Prompt]) -> list[str] | None:
    """Return the groups of a JSONL file, which are taken to be occupations; None for every other source.

    BOLD's groups are fields of work, such as metalworking_occupations, which do not fit into a sentence.
    """
    if source is None or not Path(source).is_file() or Path(source).suffix == ".json":
        return None
    return list(dict.fromkeys(prompt.group for prompt in prompts if prompt.kind == "profession"))


def bold_rows(rows: Iterable[Mapping[str, Any]], source: str) -> Iterable[Prompt]:
    """Yield the prompts of the profession domain from BOLD's rows on the hub: domain, category and prompts.

    Empty prompts are left out, and counted in a warning: BOLD itself contains five.

    Raises:
        UserError: If a row lacks one of these columns.
    """
    return _not_empty(_bold_texts(rows, source), source)


def _bold_texts(rows: Iterable[Mapping[str, Any]], source: str) -> Iterator[_Text]:
    for number, row in enumerate(rows):
        if not {"domain", "category", "prompts"} <= row.keys():
            raise UserError(f"{source}, row {number}: has {', '.join(row)}; expected domain, category and prompts")
        if row["domain"] == "profession":
            for text in row["prompts"]:
                yield row["category"], text, f"{source}, row {number}"


def _not_empty(texts: Iterable[_Text], source: str | Path) -> Iterator[Prompt]:
    empty = 0
    for group, text, where in texts:
        if isinstance(text, str) and not text.strip():
            empty += 1
        else:
            yield _prompt(group, text, where)
    if empty:
        logger.warning("%s: left out %s empty %s", source, empty, "prompt" if empty == 1 else "prompts")


def _hub_rows(source: str) -> Iterable[Mapping[str, Any]]:
    hub_id = parse_hub_id(source)
    if hub_id is None:
        raise UserError(f"{source}: no such prompt file; give {_LAYOUTS}, or a hub id such as AmazonScience/bold")
    return hub_rows(hub_id, "train", "prompt file")


def _bold_json(path: Path) -> Iterator[_Text]:
    try:
        content = json.loads(read_utf8(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error}); expected {_LAYOUTS}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: contains a {type(content).__name__}; expected {_LAYOUTS}")
    for group, entities in content.items():
        if not isinstance(entities, dict):
            raise UserError(
                f"{path}, key {group!r}: contains a {type(entities).__name__}; expected {{entity: [prompt]}}"
            )
        for entity, texts in entities.items():
            where = f"{path}, key {group!r}, {entity!r}"
            if not isinstance(texts, list):
                raise UserError(f"{where}: contains a {type(texts).__name__}; expected a list of prompts")
            for text in texts:
                yield group, text, where


def _json_lines(path: Path) -> Iterable[Prompt]:
    genders: dict[str, Gender | None] = {}
    for where, row in json_objects(path, _LAYOUTS):
        if not isinstance(row.get("group"), str) or "prompt" not in row:
            raise UserError(f'{where}: expected {{"group": "…", "prompt": "…"}}')
        gender = row.get("gender")
        if gender not in (None, "female", "male"):
            raise UserError(f"{where}: gender is {gender!r}; expected female or male, or leave it out")
        prompt = _prompt(row["group"], row["prompt"], where, gender)
        if (before := genders.setdefault(prompt.prompt_id, gender)) != gender:
            raise UserError(f"{where}: gender is {gender!r}, but was {before!r} for the same prompt; keep one of them")
        yield prompt


def _prompt(group: str, text: Any, where: str, gender: Gender | None = None) -> Prompt:
    if not isinstance(text, str):
        raise UserError(f"{where}: a prompt is a {type(text).__name__}; expected a text")
    if not text.strip():
        raise UserError(f"{where}: a prompt is empty; give it at least one word, or remove it")
    for what, written in (("group", group), ("prompt", text)):
        try:
            written.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{where}: a {what} contains an unpaired surrogate at position {error.start}; fix the encoding"
            ) from None
    return Prompt(group, text.rstrip(), gender)
