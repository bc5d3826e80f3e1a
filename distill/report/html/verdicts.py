"""The verdict on each model: what must not be missed, the finding, five lines for a reader in a hurry, and the rest."""

from collections.abc import Sequence
from html import escape

from distill.report.html.svg import breakable
from distill.report.verdict import Verdict


def verdict_section(verdicts: Sequence[Verdict]) -> str:
    """The section as HTML, one entry per verdict."""
    return (
        '<section class="verdicts" aria-labelledby="verdict"><h2 id="verdict">The verdict</h2>'
        f"{''.join(map(_entry, verdicts))}</section>"
    )


def _entry(verdict: Verdict) -> str:
    facts = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{_phrase(sentence)}</dd></div>" for label, sentence in verdict.key_facts
    )
    if facts:
        facts = f'<dl class="facts">{facts}</dl>'
    return (
        f'<article class="verdict"><h3>{breakable(verdict.model)}</h3><div>{_cautions(verdict.cautions)}'
        f'<p class="finding">{_phrase(verdict.headline[:1].upper() + verdict.headline[1:])}</p>'
        f"{facts}"
        f'<details><summary>In detail<span class="unseen"> about {escape(verdict.model)}</span></summary>'
        f'<p class="detail">{_phrase(verdict.detail)}</p></details></div></article>'
    )


def _cautions(cautions: Sequence[str]) -> str:
    if not cautions:
        return ""
    sentences = "".join(f"<p>{_phrase(caution)}</p>" for caution in cautions)
    return f'<div class="caution" role="note"><p class="sign">Caution</p>{sentences}</div>'


def _phrase(text: str) -> str:
    """A text as HTML in which no line breaks before a per cent sign."""
    return escape(text).replace(" %", "&nbsp;%")
