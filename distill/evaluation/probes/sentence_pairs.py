"""Pairs of sentences that differ in a gender: from WinoBias, Winogender, CrowS-Pairs, StereoSet, or one's own.

None of these data sets is included.
"""

import logging
import math
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.errors import UserError
from distill.evaluation.probes.pair_files import Row, read_rows

logger = logging.getLogger(__name__)

LAYOUTS = (
    "columns more and less, and optionally group; CrowS-Pairs' sent_more and sent_less; Winogender's sentid and "
    "sentence; StereoSet's target, bias_type, context and sentences; or one of WinoBias' pro-stereotyped files, with "
    "the anti-stereotyped file next to it"
)

_CROWS_WARNING = (
    "%s: the authors of CrowS-Pairs warn that many of its pairs are invalid (Blodgett et al. 2021); rest no conclusion "
    "on them"
)

_STEREOSET_LABELS: dict[Any, str] = {1: "stereotype", 0: "anti-stereotype", 2: "unrelated"}
"""The labels of StereoSet's sentences, by their numbers on the hub."""


@dataclass(frozen=True)
class SentencePair:
    """Two sentences that differ in little but a gender.

    Attributes:
        more: The more stereotypical one; the male one for Winogender, which labels neither as a stereotype.
        less: The other one.
        group: What the pair is about: the kind of bias, or the occupation; None if the source does not say.
        context: What precedes both sentences, and is not scored.
        unrelated: A third sentence, which makes no sense there; StereoSet's.
        term: The term that an item of StereoSet is about.
    """

    more: str
    less: str
    group: str | None = None
    context: str = ""
    unrelated: str | None = None
    term: str | None = None


def read_pairs(source: str) -> list[SentencePair]:
    """Read sentence pairs.

    Args:
        source: A file (.jsonl, .csv, .tsv, .parquet; StereoSet's own .json; .txt and WinoBias' own .dev and .test with
            one sentence per line), or a hub id, followed by `:configuration:split` if needed, such as
            `oskarvanderwal/winogender:all:test`, `uclanlp/wino_bias:type1_pro:test`,
            `jannalu/crows_pairs_multilingual:english:test` or `McGill-NLP/stereoset:intersentence:validation`.

    Returns:
        The pairs, those of two identical sentences included; of StereoSet, the part about gender.

    Raises:
        UserError: If the source does not exist or has another layout, a sentence is empty or not text, or all pairs
            are of two identical sentences.
    """
    rows = read_rows(source, LAYOUTS)
    if not rows:
        raise UserError(f"{source}: contains no pairs; expected {LAYOUTS}")
    columns = rows[0].keys()
    if {"more", "less"} <= columns:
        pairs = _two_columns(rows, source, "more", "less", "group")
    elif {"sent_more", "sent_less"} <= columns:
        logger.warning(_CROWS_WARNING, source)
        pairs = _two_columns(rows, source, "sent_more", "sent_less", "bias_type")
    elif {"target", "bias_type", "sentences"} <= columns:
        pairs = _stereoset(rows, source)
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
    if all(pair.more == pair.less for pair in pairs):
        raise UserError(f"{source}: contains only pairs of two identical sentences; give the two variants")
    return pairs


def _two_columns(rows: Sequence[Row], source: str, more: str, less: str, group: str) -> list[SentencePair]:
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


def _winogender(rows: Sequence[Row], source: str) -> list[SentencePair]:
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


def _winobias(rows: Sequence[Row], source: str) -> list[SentencePair]:
    """Pair the pro- and the anti-stereotyped files, which list the same sentences in the same order."""
    path = Path(source)
    other = re.sub(r"(?<![^\W_])pro(?![^\W_])", "anti", path.name)
    if other == path.name:
        raise UserError(f"{source}: contains single sentences; expected {LAYOUTS}")
    name = str(path.with_name(other))
    others = read_rows(name, LAYOUTS)
    if len(others) != len(rows):
        raise UserError(
            f"{source} contains {len(rows)} sentences, but {name} {len(others)}; both must list the same sentences"
        )
    return [
        SentencePair(_sentence(row, f"{source}, row {number}"), _sentence(other, f"{name}, row {number}"))
        for number, (row, other) in enumerate(zip(rows, others, strict=True), start=1)
    ]


def _sentence(row: Row, where: str) -> str:
    """Return a sentence without its leading number, the brackets around mentions, and spaces before punctuation."""
    tokens = row.get("tokens")
    if "sentence" not in row and isinstance(tokens, list) and all(isinstance(token, str) for token in tokens):
        written: Any = " ".join(tokens)
    else:
        written = row.get("sentence")
    text = re.sub(r"^\d+ ", "", _text(written, "sentence", where)).replace("[", "").replace("]", "")
    return _text(re.sub(r" ([.,;:!?]|n't\b|'\w)", r"\1", text).strip(), "sentence", where)


def _stereoset(rows: Sequence[Row], source: str) -> list[SentencePair]:
    pairs = [
        _stereoset_item(row, f"{source}, row {number}")
        for number, row in enumerate(rows, start=1)
        if row.get("bias_type") == "gender"
    ]
    if not pairs:
        raise UserError(f"{source}: contains no item of bias_type gender")
    return pairs


def _stereoset_item(row: Row, where: str) -> SentencePair:
    """Read three sentences that follow a context, or that fill the blank of a context and then stand alone."""
    sentences = row.get("sentences")
    labelled: list[tuple[Any, Any]] = []
    # On the hub an object of columns, elsewhere a list of objects.
    if isinstance(sentences, dict) and {"sentence", "gold_label"} <= sentences.keys():
        labelled = list(zip(sentences["gold_label"], sentences["sentence"], strict=False))
    elif isinstance(sentences, list) and all(isinstance(each, dict) for each in sentences):
        labelled = [(each.get("gold_label"), each.get("sentence")) for each in sentences]
    by_label: dict[Any, Any] = {
        _STEREOSET_LABELS.get(label, label): text for label, text in labelled if isinstance(label, Hashable)
    }
    more, less, unrelated = (
        _text(by_label.get(label), f"sentence labelled {label}", where) for label in _STEREOSET_LABELS.values()
    )
    context = _text(row.get("context"), "context", where)
    alone = "BLANK" in context
    return SentencePair(
        more,
        less,
        group="intrasentence" if alone else "intersentence",
        context="" if alone else context,
        unrelated=unrelated,
        term=_text(row.get("target"), "target", where),
    )
