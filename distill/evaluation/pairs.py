"""Pairs of sentences that differ in a gender, from a file or the hub: WinoBias, Winogender, CrowS-Pairs, or one's own.

None of them comes with us. CrowS-Pairs' own authors warn that its pairs are unreliable (Blodgett et al. 2021).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from distill.errors import UserError

LAYOUTS = (
    "columns more and less, and group if you like; CrowS-Pairs' sent_more and sent_less; Winogender's sentid and "
    "sentence; or one of WinoBias' pro-stereotyped files, its anti-stereotyped twin beside it"
)


@dataclass(frozen=True)
class Pair:
    """Two sentences that differ in little but a gender.

    Attributes:
        more: The more stereotypical one; the male one for Winogender, which says of none that it is a stereotype.
        less: The other.
        group: What the pair is about: the kind of bias, or the occupation; None if the source does not say.
    """

    more: str
    less: str
    group: str | None = None


def read_pairs(source: str) -> list[Pair]:
    """Read pairs.

    Args:
        source: A file (.jsonl, .csv, .tsv, .parquet; .txt and WinoBias' own .dev and .test hold a sentence a line), or
            a hub id with `:configuration:split` behind it where needed, such as `oskarvanderwal/winogender:all:test`,
            `uclanlp/wino_bias:type1_pro:test` or `jannalu/crows_pairs_multilingual:english:test`.

    Raises:
        UserError: If there is no such source, it has another layout, or a sentence is empty.
    """
    rows = _rows(source)
    if not rows:
        raise UserError(f"{source}: holds no pair; expected {LAYOUTS}")
    columns = rows[0].keys()
    if {"more", "less"} <= columns:
        pairs = [Pair(row.get("more"), row.get("less"), row.get("group")) for row in rows]
    elif {"sent_more", "sent_less"} <= columns:
        pairs = [Pair(row.get("sent_more"), row.get("sent_less"), row.get("bias_type")) for row in rows]
    elif {"sentid", "sentence"} <= columns:
        pairs = _winogender(rows)
    elif "sentence" in columns or "tokens" in columns:
        pairs = _winobias(rows, source)
    else:
        raise UserError(f"{source}: has {', '.join(columns)}; expected {LAYOUTS}")
    if not pairs:
        raise UserError(f"{source}: holds no sentence in a male and a female variant")
    for number, pair in enumerate(pairs, start=1):
        for text in (pair.more, pair.less):
            if not isinstance(text, str) or not text.strip():
                raise UserError(f"{source}, pair {number}: a sentence is {text!r}; give a text")
    return pairs


def _winogender(rows: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """Sentence identifiers are `occupation.participant.answer.gender.txt`; neutral ones are left out."""
    sentences: dict[str, dict[str, str]] = {}
    for row in rows:
        occupation, *rest = row["sentid"].removesuffix(".txt").split(".")
        sentences.setdefault(".".join([occupation, *rest[:-1]]), {})[rest[-1] if rest else ""] = row["sentence"]
    return [
        Pair(variants["male"], variants["female"], name.partition(".")[0])
        for name, variants in sentences.items()
        if {"male", "female"} <= variants.keys()
    ]


def _winobias(rows: Sequence[Mapping[str, Any]], source: str) -> list[Pair]:
    """The same sentences stand in the same order in the pro- and in the anti-stereotyped set."""
    path = Path(source)
    name = str(path.with_name(re.sub(r"(?<![^\W_])pro(?![^\W_])", "anti", path.name)))
    if name == source:
        raise UserError(f"{source}: holds single sentences; expected {LAYOUTS}")
    others = _rows(name)
    if len(others) != len(rows):
        raise UserError(f"{source} holds {len(rows)} sentences, {name} {len(others)}; they must be the same sentences")
    return [Pair(_sentence(row), _sentence(other)) for row, other in zip(rows, others, strict=True)]


def _sentence(row: Mapping[str, Any]) -> str:
    """Without the number at its beginning, the brackets around its mentions, and spaces before punctuation."""
    text = row["sentence"] if "sentence" in row else " ".join(row["tokens"])
    text = re.sub(r"^\d+ ", "", text).replace("[", "").replace("]", "")
    return re.sub(r" ([.,;:!?]|n't\b|'\w)", r"\1", text).strip()


def _rows(source: str) -> list[Mapping[str, Any]]:
    path = Path(source)
    if not path.is_file():
        return _hub_rows(source)
    try:
        if path.suffix == ".jsonl":
            lines = path.read_text(encoding="utf-8-sig").splitlines()
            rows = [json.loads(line) for line in lines if line.strip()]
            if not all(isinstance(row, dict) for row in rows):
                raise UserError(f"{source}: a line is no JSON object; expected {LAYOUTS}")
            return rows
        if path.suffix == ".parquet":
            return pd.read_parquet(path).to_dict("records")
        if path.suffix in (".csv", ".tsv"):
            separator = "," if path.suffix == ".csv" else "\t"
            return pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False).to_dict("records")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return [{"sentence": line} for line in lines if line.strip()]
    except (ValueError, OSError) as error:  # also of JSON, UTF-8, pandas and pyarrow
        raise UserError(f"{source}: not readable ({str(error).splitlines()[0]}); expected {LAYOUTS}") from error


def _hub_rows(source: str) -> list[Mapping[str, Any]]:
    if Path(source).suffix in (".jsonl", ".csv", ".tsv", ".parquet", ".txt") or source.startswith((".", "/", "~")):
        raise UserError(f"{source}: no such file of pairs; give a file or a hub id")
    from datasets import load_dataset

    name, *rest = source.split(":")
    configuration, split = rest if len(rest) == 2 else (None, rest[0] if rest else "test")
    try:
        return list(load_dataset(name, configuration, split=split))
    except (OSError, ValueError) as error:  # datasets' own errors derive from these two
        reason = str(error).splitlines()[0]
        raise UserError(f"{source}: neither a file of pairs nor a data set that could be loaded ({reason})") from error
