"""Pairs of sentences that differ in a gender, from a file or the hub: WinoBias, Winogender, CrowS-Pairs, or one's own.

None of these data sets is included. CrowS-Pairs' own authors warn that its pairs are unreliable (Blodgett et al. 2021).
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from augment.hub_ids import HubId, parse_hub_id
from augment.runtime.error_text import first_line
from distill.errors import UserError
from distill.evaluation.input_files import hub_rows, json_objects

LAYOUTS = (
    "columns more and less, and optionally group; CrowS-Pairs' sent_more and sent_less; Winogender's sentid and "
    "sentence; or one of WinoBias' pro-stereotyped files, with the anti-stereotyped file next to it"
)


@dataclass(frozen=True)
class SentencePair:
    """Two sentences that differ in little but a gender.

    Attributes:
        more: The more stereotypical one; the male one for Winogender, which labels neither as a stereotype.
        less: The other one.
        group: What the pair is about: the kind of bias, or the occupation; None if the source does not say.
    """

    more: str
    less: str
    group: str | None = None


def read_pairs(source: str) -> list[SentencePair]:
    """Read sentence pairs.

    Args:
        source: A file (.jsonl, .csv, .tsv, .parquet; .txt and WinoBias' own .dev and .test with one sentence per line),
            or a hub id, followed by `:configuration:split` if needed, such as `oskarvanderwal/winogender:all:test`,
            `uclanlp/wino_bias:type1_pro:test` or `jannalu/crows_pairs_multilingual:english:test`.

    Raises:
        UserError: If the source does not exist or has another layout, or if a sentence is empty or not text.
    """
    rows = _rows(source)
    if not rows:
        raise UserError(f"{source}: contains no pairs; expected {LAYOUTS}")
    columns = rows[0].keys()
    if {"more", "less"} <= columns:
        pairs = _two_columns(rows, source, "more", "less", "group")
    elif {"sent_more", "sent_less"} <= columns:
        pairs = _two_columns(rows, source, "sent_more", "sent_less", "bias_type")
    elif {"sentid", "sentence"} <= columns:
        pairs = _winogender(rows, source)
    elif "sentence" in columns or "tokens" in columns:
        pairs = _winobias(rows, source)
    else:
        # The name of a column may contain a line break.
        named = " ".join(", ".join(columns).split())[:200]
        raise UserError(f"{source}: has the columns {named}; expected {LAYOUTS}")
    if not pairs:
        raise UserError(f"{source}: contains no sentence in a male and a female variant")
    return pairs


def _two_columns(
    rows: Sequence[Mapping[str, Any]], source: str, more: str, less: str, group: str
) -> list[SentencePair]:
    pairs = []
    for number, row in enumerate(rows, start=1):
        where = f"{source}, row {number}"
        about = row.get(group)
        # pandas reads a null of Parquet as NaN
        missing = about is None or (isinstance(about, float) and math.isnan(about))
        named = None if missing else _text(about, group, where)
        pairs.append(SentencePair(_text(row.get(more), more, where), _text(row.get(less), less, where), named))
    return pairs


def _text(value: Any, name: str, where: str) -> str:
    if value is None:
        raise UserError(f"{where}: has no {name}; give a text")
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where}: {name} is {repr(value)[:60]}; give a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"{where}: {name} contains an unpaired surrogate at position {error.start}; fix the encoding"
        ) from None
    return value


def _winogender(rows: Sequence[Mapping[str, Any]], source: str) -> list[SentencePair]:
    """Pair sentences by their ids, `occupation.participant.answer.gender.txt`; neutral ones are left out."""
    sentences: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{source}, row {number}"
        occupation, *rest = _text(row.get("sentid"), "sentid", where).removesuffix(".txt").split(".")
        sentence = _text(row.get("sentence"), "sentence", where)
        sentences.setdefault(".".join([occupation, *rest[:-1]]), {})[rest[-1] if rest else ""] = sentence
    return [
        SentencePair(variants["male"], variants["female"], name.partition(".")[0])
        for name, variants in sentences.items()
        if {"male", "female"} <= variants.keys()
    ]


def _winobias(rows: Sequence[Mapping[str, Any]], source: str) -> list[SentencePair]:
    """Pair the pro- and the anti-stereotyped files, which list the same sentences in the same order."""
    path = Path(source)
    other = re.sub(r"(?<![^\W_])pro(?![^\W_])", "anti", path.name)
    if other == path.name:
        raise UserError(f"{source}: contains single sentences; expected {LAYOUTS}")
    name = str(path.with_name(other))
    others = _rows(name)
    if len(others) != len(rows):
        raise UserError(
            f"{source} contains {len(rows)} sentences, but {name} {len(others)}; both must list the same sentences"
        )
    return [
        SentencePair(_sentence(row, f"{source}, row {number}"), _sentence(other, f"{name}, row {number}"))
        for number, (row, other) in enumerate(zip(rows, others, strict=True), start=1)
    ]


def _sentence(row: Mapping[str, Any], where: str) -> str:
    """Return a sentence without its leading number, the brackets around mentions, and spaces before punctuation."""
    tokens = row.get("tokens")
    if "sentence" not in row and isinstance(tokens, list) and all(isinstance(token, str) for token in tokens):
        written: Any = " ".join(tokens)
    else:
        written = row.get("sentence")
    text = re.sub(r"^\d+ ", "", _text(written, "sentence", where)).replace("[", "").replace("]", "")
    return _text(re.sub(r" ([.,;:!?]|n't\b|'\w)", r"\1", text).strip(), "sentence", where)


def _rows(source: str) -> list[Mapping[str, Any]]:
    path = Path(source)
    if not path.is_file():
        return _hub_rows(source)
    if path.suffix == ".jsonl":
        return [row for _, row in json_objects(path, LAYOUTS)]
    try:
        if path.suffix == ".parquet":
            return _records(pd.read_parquet(path))
        if path.suffix in (".csv", ".tsv"):
            separator = "," if path.suffix == ".csv" else "\t"
            return _records(pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False))
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return [{"sentence": line} for line in lines if line.strip()]
    except (ValueError, OSError) as error:  # also of UTF-8, pandas and pyarrow
        reason = first_line(error)
        raise UserError(f"{source}: not readable ({reason}); expected {LAYOUTS}") from error


def _records(table: pd.DataFrame) -> list[Mapping[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _hub_rows(source: str) -> list[Mapping[str, Any]]:
    # `datasets` loads a folder in the same way as a data set on the hub.
    hub_id = HubId(source) if Path(source).exists() else parse_hub_id(source)
    if hub_id is None:
        raise UserError(f"{source}: no such file of sentence pairs; give a file or a hub id")
    return list(hub_rows(hub_id, "test", "file of sentence pairs"))
