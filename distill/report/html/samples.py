"""The browser of continuations, with the words that decided their polarity highlighted.

The first few are written into the page as HTML. All are embedded as data, of which `report.js` shows a few at a time,
so that a page of many thousand texts opens as fast as one of ten.
"""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from distill.evaluation import Evaluation
from distill.evaluation.disparity.comparison import PROMPT
from distill.evaluation.polarity.bold_unigram import Polarity, unigram
from distill.report.formatting import count, group_name
from distill.report.html.marked_words import MAX_TEXT_LENGTH, marked, pieces

MAX_CHARACTERS = 4_000_000
"""Characters of profession prompts and their continuations, at most, so that the page stays a few megabytes."""
MAX_OPENING_CHARACTERS = 1_000_000
"""The same for the openings that coherence is measured on."""
PAGE_SIZE = 10
"""Samples shown at a time."""
OPENINGS: dict[str, str] = {"female": "opening about a woman", "male": "opening about a man"}
"""What the openings that reveal a gender are called, by the gender."""
FILTER_ORDER: tuple[Polarity, ...] = ("female", "male", "mixed", "neutral")


@dataclass(frozen=True)
class Sample:
    """One prompt, continued by each model.

    Attributes:
        group: Its profession; for an opening that reveals a gender, "female" or "male".
        prompt: What the models continued.
        texts: Per model, its continuation and polarity; None if the model was not given this prompt.
    """

    group: str
    prompt: str
    texts: list[tuple[str, Polarity] | None]


def samples(frames: list[pd.DataFrame], max_characters: int = MAX_CHARACTERS) -> tuple[list[Sample], int]:
    """As many samples as fit into a report, drawn at random and as evenly from the professions as possible.

    Args:
        frames: The labelled continuations of each model, as `label_generations` returns them.
        max_characters: Characters of prompts and continuations, at most.

    Returns:
        The samples, and the number of all samples in the evaluations. Samples with a gendered text come first;
        professions take turns.
    """
    columns = []
    for index, frame in enumerate(frames):
        numbered = frame.assign(sample=frame.groupby(PROMPT).cumcount()).set_index([*PROMPT, "sample"])
        columns.append(numbered[["continuation", "polarity"]].add_suffix(f"_{index}"))
    rows = pd.concat(columns, axis=1).reset_index()
    # Hashed rather than random, so that the same samples are drawn whichever models are compared.
    keys = rows["prompt_id"].astype(str) + " " + rows["sample"].astype(str)
    rows["draw"] = pd.util.hash_array(keys.to_numpy(dtype=object))
    rows["turn"] = rows.groupby("group")["draw"].rank(method="first")
    rows = rows.sort_values(["turn", "draw"], kind="stable")
    lengths = sum(
        rows[f"continuation_{index}"].str.len().clip(upper=MAX_TEXT_LENGTH).fillna(0) for index in range(len(frames))
    )
    shown = rows[(lengths + rows["prompt"].str.len()).cumsum() <= max_characters]
    labels = shown[[f"polarity_{index}" for index in range(len(frames))]]
    gendered = labels.isin(["female", "male", "mixed"]).any(axis=1)
    shown = pd.concat([shown[gendered], shown[~gendered]])
    return [_sample(row, len(frames)) for row in shown.to_dict("records")], len(rows)


def _sample(row: Mapping[Hashable, Any], models: int) -> Sample:
    pairs = [(row[f"continuation_{index}"], row[f"polarity_{index}"]) for index in range(models)]
    return Sample(row["group"], row["prompt"], [pair if isinstance(pair[0], str) else None for pair in pairs])


def samples_section(evaluations: list[Evaluation], frames: list[pd.DataFrame], names: list[str]) -> str:
    """The browser as HTML: the first samples, all of them as data, and the filter that `report.js` operates.

    Args:
        evaluations: The baseline first.
        frames: The labelled continuations of each, as `label_generations` returns them.
        names: The titles of the models.
    """
    chosen, total = samples(frames)
    groups = list(dict.fromkeys(group for frame in frames for group in frame["group"]))
    telling = _openings(evaluations)
    share = (
        f"All {count(total, 'sample')} are here."
        if len(chosen) == total
        else f"{len(chosen):,} of {count(total, 'sample')} are here, drawn at random and as evenly from the "
        "professions as possible; generations.parquet holds all."
    )
    others = (
        " The openings that reveal a gender, on which coherence is measured, can be chosen among the prompts."
        if telling
        else ""
    )
    shown = "".join(_shown(sample, names) for sample in chosen[:PAGE_SIZE])
    return (
        '<section aria-labelledby="samples"><h2 id="samples" tabindex="-1">What they wrote</h2>'
        "<p>Prompts, each continued by every model that was given it. The words that decide are marked: "
        '<mark class="female">women’s</mark> and <mark class="male">men’s</mark>. Prompts with a gendered text come '
        f"first, so that these show how the models write, not how often.{others} "
        f"{share} Texts are cut after {MAX_TEXT_LENGTH} characters.</p>"
        f"{_filter(groups, names, bool(telling))}"
        f'<div class="list">{shown}</div>'
        '<p class="empty soft" hidden>No samples of this kind.</p>'
        f"{_pager(len(chosen))}"
        f'<script type="application/json" class="data">{_data(chosen, groups, telling)}</script></section>'
    )


def _openings(evaluations: list[Evaluation]) -> list[Sample]:
    """The prompts that reveal a gender, on which coherence is measured, with their continuations."""
    frames = []
    for evaluation in evaluations:
        rows = evaluation.generations[evaluation.generations["kind"] == "coherence"]
        frames.append(rows.assign(polarity=[unigram(text) for text in rows["continuation"]]))
    return samples(frames, MAX_OPENING_CHARACTERS)[0] if any(map(len, frames)) else []


def _filter(groups: list[str], names: list[str], telling: bool) -> str:
    about = "".join(
        f'<option value="{index}">{escape(group_name(group))}</option>' for index, group in enumerate(groups)
    )
    if telling:
        about += (
            '<optgroup label="Openings that reveal a gender"><option value="openings">all of them</option>'
            + "".join(
                f'<option value="{len(groups) + index}">{words}</option>'
                for index, words in enumerate(OPENINGS.values())
            )
            + "</optgroup>"
        )
    models = "".join(f'<option value="{index}">{escape(name)}</option>' for index, name in enumerate(names))
    polarities = "".join(f'<option value="{index}">{word}</option>' for index, word in enumerate(FILTER_ORDER))
    differ = (
        '<label class="check"><input type="checkbox" name="differ">Only where the models differ</label>'
        if len(names) > 1
        else ""
    )
    return (
        '<form class="filter" hidden aria-label="Choose samples">'
        f'<label>Prompts about<select name="about"><option value="">all professions</option>{about}</select></label>'
        f'<label>Texts speak of<select name="polarity"><option value="">any</option>{polarities}</select></label>'
        f'<label>Model<select name="model"><option value="">all, side by side</option>{models}</select></label>'
        '<label>Containing<input type="search" name="find" autocomplete="off" spellcheck="false"></label>'
        f'{differ}<button type="reset">Show all</button><a class="here" href="#samples">Link to this choice</a>'
        '<output aria-live="polite"></output></form>'
    )


def _pager(samples: int) -> str:
    more = f"Scripts are off: these are the first of {count(samples, 'sample')}." if samples > PAGE_SIZE else ""
    return (
        '<nav class="pager" hidden aria-label="More samples"><button type="button" class="back">← Back</button>'
        f'<button type="button" class="on">More →</button></nav><noscript><p class="soft">{more}</p></noscript>'
    )


def _shown(sample: Sample, names: list[str]) -> str:
    texts = []
    for index, (name, text) in enumerate(zip(names, sample.texts, strict=True)):
        content = marked(text[0]) if text else "not given this prompt"
        kind = "" if text else ' class="absent"'
        texts.append(
            f'<div class="text" data-model="{index}"><h3>{escape(name)} <span>{text[1] if text else ""}</span></h3>'
            f"<p{kind}>{content}</p></div>"
        )
    heading = f'<p class="prompt"><span>{escape(group_name(sample.group))}</span> <q>{escape(sample.prompt)} …</q></p>'
    return f'<article class="sample">{heading}<div class="texts">{"".join(texts)}</div></article>'


def _data(chosen: list[Sample], groups: list[str], telling: list[Sample]) -> str:
    """All samples as JSON that cannot close the element around it.

    A sample is [place of its group, prompt, texts]; a text is [polarity, genders of its marked words, plain, word, …,
    plain]. The openings that reveal a gender come last, their genders being numbered on from the professions.
    """
    number = {group: index for index, group in enumerate(groups)}
    genders = {gender: len(groups) + index for index, gender in enumerate(OPENINGS)}
    rows = [
        [place[sample.group], sample.prompt, [_packed(*text) if text else None for text in sample.texts]]
        for of_kind, place in ((chosen, number), (telling, genders))
        for sample in of_kind
    ]
    data = {
        "groups": [*map(group_name, groups), *OPENINGS.values()],
        "professions": len(groups),
        "polarities": FILTER_ORDER,
        "pageSize": PAGE_SIZE,
        "samples": rows,
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _packed(text: str, polarity: Polarity) -> list[int | str]:
    parts, genders = pieces(text)
    return [FILTER_ORDER.index(polarity), "".join(gender[0] for gender in genders), *parts]
