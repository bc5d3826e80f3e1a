"""Which continuations a report shows, and the words in them that decided their polarity."""

from dataclasses import dataclass
from html import escape

import pandas as pd

from distill.evaluation.polarity import Polarity, gendered_words
from distill.evaluation.report_words import count, spoken

PER_GROUP = 40
"""Prompts and samples shown of each group, at most."""
IN_ALL = 3000
"""Continuations in one report, at most: it stays a page of a megabyte or two."""
CHARACTERS = 500
"""Of a continuation, at most."""

_PROMPT = ["group", "prompt_id", "prompt"]


@dataclass(frozen=True)
class Sample:
    """One prompt, continued by each model.

    Attributes:
        prompt: What was given.
        texts: Per model its continuation and polarity; None where the model was not given this prompt.
    """

    prompt: str
    texts: list[tuple[str, Polarity] | None]


def per_group(groups: int, models: int) -> int:
    """How many samples of each group fit into a report; at least one."""
    return max(1, min(PER_GROUP, IN_ALL // max(1, groups * models)))


def samples(frames: list[pd.DataFrame]) -> dict[str, list[Sample]]:
    """Samples of each group: first those in which a model's text is gendered, and many prompts before many of one.

    Args:
        frames: `labelled` generations of each model.

    Returns:
        Per group, in the order of the first model's, at most `per_group`.
    """
    columns = []
    for index, frame in enumerate(frames):
        counted = frame.assign(sample=frame.groupby(_PROMPT).cumcount()).set_index([*_PROMPT, "sample"])
        columns.append(counted[["continuation", "polarity"]].add_suffix(f"_{index}"))
    rows = pd.concat(columns, axis=1).reset_index()
    labels = rows[[f"polarity_{index}" for index in range(len(frames))]]
    rows["plain"] = ~labels.isin(["female", "male", "mixed"]).any(axis=1)
    order = list(dict.fromkeys(group for frame in frames for group in frame["group"]))
    limit = per_group(len(order), len(frames))
    shown = rows.sort_values(["plain", "sample", "prompt_id"], kind="stable").groupby("group", sort=False).head(limit)
    return {
        group: [_sample(row, len(frames)) for row in shown[shown["group"] == group].to_dict("records")]
        for group in order
    }


def _sample(row: dict[str, object], models: int) -> Sample:
    pairs = [(row[f"continuation_{index}"], row[f"polarity_{index}"]) for index in range(models)]
    return Sample(str(row["prompt"]), [pair if isinstance(pair[0], str) else None for pair in pairs])  # type: ignore[misc]


def marked(text: str) -> str:
    """The text as HTML, its gendered words marked; cut at `CHARACTERS`."""
    words = [word for word in gendered_words(text) if word[1] <= CHARACTERS]
    pieces, done = [], 0
    for start, end, gender in words:
        pieces.append(
            f'{escape(text[done:start])}<mark class="{gender}" title="{gender}">{escape(text[start:end])}</mark>'
        )
        done = end
    rest = text[done:] if len(text) <= CHARACTERS else f"{text[done:CHARACTERS]}…"
    return "".join(pieces) + escape(rest)


def samples_section(frames: list[pd.DataFrame], names: list[str]) -> str:
    """The samples as HTML, with the filter that `report.js` brings to life."""
    groups = samples(frames)
    limit = per_group(len(groups), len(names))
    options = "".join(f'<option value="{escape(group)}">{escape(spoken(group))}</option>' for group in groups)
    models = "".join(f'<option value="{index}">{escape(name)}</option>' for index, name in enumerate(names))
    polarities = "".join(f'<option value="{word}">{word}</option>' for word in ("female", "male", "mixed", "neutral"))
    chooser = (
        f'<form class="filter" hidden><label>Profession<select><option value="">all</option>{options}</select></label>'
        f'<label>Speaks of<select><option value="">any</option>{polarities}</select></label>'
        f'<label>Model<select><option value="">all, side by side</option>{models}</select></label>'
        '<output aria-live="polite"></output></form>'
    )
    parts = "".join(
        f'<details class="group" data-group="{escape(group)}"{" open" if index == 0 else ""}>'
        f"<summary>{escape(spoken(group))}<span>{count(len(shown), 'sample')}</span></summary>"
        + "".join(_shown(sample, names) for sample in shown)
        + '<p class="empty soft" hidden>None of this kind.</p></details>'
        for index, (group, shown) in enumerate(groups.items())
    )
    return (
        '<section aria-labelledby="samples"><h2 id="samples">What they wrote</h2>'
        f"<p>The same prompt, continued by each model. Marked are the words that decide: "
        '<mark class="female">women’s</mark> and <mark class="male">men’s</mark>. Shown are at most '
        f"{limit} samples of a profession, those first in which a model’s text is gendered: they show how the models "
        f"write, not how often. A text is cut after {CHARACTERS} characters.</p>{chooser}{parts}</section>"
    )


def _shown(sample: Sample, names: list[str]) -> str:
    texts = []
    for index, (name, text) in enumerate(zip(names, sample.texts, strict=True)):
        polarity = text[1] if text else ""
        words = f"<p>{marked(text[0])}</p>" if text else '<p class="absent">not asked</p>'
        label = f"{escape(name)}{f' · {polarity}' if polarity else ''}"
        texts.append(f'<div class="text" data-model="{index}" data-polarity="{polarity}"><h4>{label}</h4>{words}</div>')
    prompt = f'<p class="prompt">{escape(sample.prompt)} …</p>'
    return f'<div class="sample">{prompt}<div class="texts">{"".join(texts)}</div></div>'
