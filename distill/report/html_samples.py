"""The browser of continuations: which a report holds, and the words in them that decided their polarity.

The first few stand in the page as they are. All others lie in it as data, out of which `report.js` shows a few at a
time, so that a page of many thousand texts opens as fast as one of ten.
"""

import json
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from distill.evaluation.disparity.comparison import PROMPT
from distill.evaluation.polarity.bold_unigram import Polarity, gendered_words
from distill.report.formatting import count, spoken

IN_ALL = 4_000_000
"""Characters of continuations in one report, at most: it stays a page of a few megabytes."""
CHARACTERS = 500
"""Of a continuation, at most."""
AT_ONCE = 10
"""Samples that are shown at a time."""
FILTER_ORDER: tuple[Polarity, ...] = ("female", "male", "mixed", "neutral")


@dataclass(frozen=True)
class Sample:
    """One prompt, continued by each model.

    Attributes:
        group: Its profession.
        prompt: What was given.
        texts: Per model its continuation and polarity; None where the model was not given this prompt.
    """

    group: str
    prompt: str
    texts: list[tuple[str, Polarity] | None]


def samples(frames: list[pd.DataFrame], in_all: int = IN_ALL) -> tuple[list[Sample], int]:
    """As many samples as fit into a report, drawn at random, as evenly from the professions as they allow.

    Args:
        frames: `label_generations` of the generations of each model.
        in_all: Characters of their texts, at most.

    Returns:
        The samples, first those in which a model's text is gendered, professions taking turns; and how many there are
        in the evaluations.
    """
    columns = []
    for index, frame in enumerate(frames):
        numbered = frame.assign(sample=frame.groupby(PROMPT).cumcount()).set_index([*PROMPT, "sample"])
        columns.append(numbered[["continuation", "polarity"]].add_suffix(f"_{index}"))
    rows = pd.concat(columns, axis=1).reset_index()
    # A hash in place of a generator: the same samples are shown whichever models they stand beside.
    keys = rows["prompt_id"].astype(str) + " " + rows["sample"].astype(str)
    rows["draw"] = pd.util.hash_array(keys.to_numpy(dtype=object))
    rows["turn"] = rows.groupby("group")["draw"].rank(method="first")
    rows = rows.sort_values(["turn", "draw"], kind="stable")
    lengths = sum(
        rows[f"continuation_{index}"].str.len().clip(upper=CHARACTERS).fillna(0) for index in range(len(frames))
    )
    shown = rows[(lengths + rows["prompt"].str.len()).cumsum() <= in_all]
    labels = shown[[f"polarity_{index}" for index in range(len(frames))]]
    gendered = labels.isin(["female", "male", "mixed"]).any(axis=1)
    shown = pd.concat([shown[gendered], shown[~gendered]])
    return [_sample(row, len(frames)) for row in shown.to_dict("records")], len(rows)


def _sample(row: dict[str, Any], models: int) -> Sample:
    pairs = [(row[f"continuation_{index}"], row[f"polarity_{index}"]) for index in range(models)]
    return Sample(row["group"], row["prompt"], [pair if isinstance(pair[0], str) else None for pair in pairs])


def pieces(text: str) -> tuple[list[str], list[str]]:
    """A text cut at the words that decide: plain, word, plain, …, plain; and the gender of each word.

    Of more than `CHARACTERS` characters the rest is left out.
    """
    words = [word for word in gendered_words(text) if word[1] <= CHARACTERS]
    parts, done = [], 0
    for start, end, _ in words:
        parts += [text[done:start], text[start:end]]
        done = end
    parts.append(text[done:] if len(text) <= CHARACTERS else f"{text[done:CHARACTERS]}…")
    return parts, [gender for *_, gender in words]


def marked(text: str) -> str:
    """The text as HTML, its gendered words marked; cut at `CHARACTERS`."""
    (first, *rest), genders = pieces(text)
    return escape(first) + "".join(
        f'<mark class="{gender}" title="{gender}">{escape(word)}</mark>{escape(plain)}'
        for word, plain, gender in zip(rest[::2], rest[1::2], genders, strict=True)
    )


def samples_section(frames: list[pd.DataFrame], names: list[str]) -> str:
    """The first samples as HTML, all of them as data, and the filter that `report.js` brings to life."""
    chosen, there_are = samples(frames)
    groups = list(dict.fromkeys(group for frame in frames for group in frame["group"]))
    share = (
        f"All {count(there_are, 'sample')} are here."
        if len(chosen) == there_are
        else f"{len(chosen):,} of {count(there_are, 'sample')} are here, drawn at random, as evenly from the "
        "professions as they allow; generations.parquet holds all."
    )
    shown = "".join(_shown(sample, names) for sample in chosen[:AT_ONCE])
    return (
        '<section aria-labelledby="samples"><h2 id="samples">What they wrote</h2>'
        "<p>A prompt, continued by each model that was given it. Marked are the words that decide: "
        '<mark class="female">women’s</mark> and <mark class="male">men’s</mark>. Those come first in which a model’s '
        "text is gendered: they show how the models write, not how often. "
        f"{share} A text is cut after {CHARACTERS} characters.</p>"
        f"{_filter(groups, names)}"
        f'<div class="list">{shown}</div>'
        '<p class="empty soft" hidden>None of this kind.</p>'
        f"{_pager(len(chosen))}"
        f'<script type="application/json" class="data">{_data(chosen, groups)}</script></section>'
    )


def _filter(groups: list[str], names: list[str]) -> str:
    professions = "".join(f'<option value="{escape(group)}">{escape(spoken(group))}</option>' for group in groups)
    models = "".join(f'<option value="{index}">{escape(name)}</option>' for index, name in enumerate(names))
    polarities = "".join(f'<option value="{index}">{word}</option>' for index, word in enumerate(FILTER_ORDER))
    return (
        '<form class="filter" hidden aria-label="Choose samples">'
        f'<label>Profession<select name="group"><option value="">all</option>{professions}</select></label>'
        f'<label>Speaks of<select name="polarity"><option value="">any</option>{polarities}</select></label>'
        f'<label>Model<select name="model"><option value="">all, side by side</option>{models}</select></label>'
        '<output aria-live="polite"></output></form>'
    )


def _pager(samples: int) -> str:
    more = f"Scripts are off: these are the first of {count(samples, 'sample')}." if samples > AT_ONCE else ""
    return (
        '<nav class="pager" hidden aria-label="More samples"><button type="button" class="back">← Back</button>'
        f'<button type="button" class="on">More →</button></nav><noscript><p class="soft">{more}</p></noscript>'
    )


def _shown(sample: Sample, names: list[str]) -> str:
    texts = []
    for index, (name, text) in enumerate(zip(names, sample.texts, strict=True)):
        content = marked(text[0]) if text else "not asked"
        kind = "" if text else ' class="absent"'
        texts.append(
            f'<div class="text" data-model="{index}"><h3>{escape(name)} <span>{text[1] if text else ""}</span></h3>'
            f"<p{kind}>{content}</p></div>"
        )
    heading = f'<p class="prompt"><span>{escape(spoken(sample.group))}</span> <q>{escape(sample.prompt)} …</q></p>'
    return f'<article class="sample">{heading}<div class="texts">{"".join(texts)}</div></article>'


def _data(chosen: list[Sample], groups: list[str]) -> str:
    """All samples as JSON that cannot end the element it lies in.

    A sample is [group, prompt, texts]; a text is [polarity, genders of its marked words, plain, word, …, plain].
    """
    number = {group: index for index, group in enumerate(groups)}
    rows = [
        [number[sample.group], sample.prompt, [_packed(*text) if text else None for text in sample.texts]]
        for sample in chosen
    ]
    data = {"polarities": FILTER_ORDER, "atOnce": AT_ONCE, "samples": rows}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _packed(text: str, polarity: Polarity) -> list[int | str]:
    parts, genders = pieces(text)
    return [FILTER_ORDER.index(polarity), "".join(gender[0] for gender in genders), *parts]
