"""The report as one HTML page: no network, no fonts, no scripts but its own, readable without that one too.

Everything that comes from data passes through `escape`; the content security policy lets nothing load and nothing run
but the style sheet and the script whose hashes it names, so that even a slip could not run what a model has written.
"""

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files

import pandas as pd

from distill.evaluation import Evaluation
from distill.evaluation.report_charts import price_section, shares_section
from distill.evaluation.report_measures import get, summary, titles
from distill.evaluation.report_samples import samples_section
from distill.evaluation.report_verdict import Verdict
from distill.evaluation.report_words import count

CAVEATS = (
    "Gender is treated as binary, because the word lists are: the texts speak of women, of men, of both, or of "
    "neither. Singular “they” counts as neither.",
    "Less disparity in generated text does not mean fairer embeddings, or fairer classifiers trained on this model.",
    "Polarity counts words. It knows nothing of who is meant, of sarcasm, or of what is said about whom.",
    "“No disparity found” is a statement about these prompts and this many texts. More of either may find one.",
    "p values are of each model against the first; they are not corrected for the number of models.",
)


def page(evaluations: list[Evaluation], verdicts: list[Verdict], frames: list[pd.DataFrame]) -> str:
    """The whole document.

    Args:
        evaluations: The baseline first.
        verdicts: One for each.
        frames: The `labelled` generations of each.
    """
    names = titles(evaluations)
    sections = [
        _summary(evaluations, names),
        shares_section(evaluations, names),
        price_section(evaluations, names),
        samples_section(frames, names),
    ]
    body = "".join([_header(evaluations, verdicts, frames), "<main>", *sections, "</main>"])
    style = f"{_asset('report.css')}\n:root {{ --models: {len(names)}; }}\n"
    script = _asset("report.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Disparity and its price: {escape(', '.join(names))}</title>\n"
        f"<style>{style}</style>\n</head>\n<body>\n{body}\n{_footer(evaluations, names)}\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return files("distill.evaluation").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _header(evaluations: list[Evaluation], verdicts: list[Verdict], frames: list[pd.DataFrame]) -> str:
    groups, prompts = frames[0]["group"].nunique(), frames[0]["prompt_id"].nunique()
    items = "".join(
        f"<li><h3>{escape(verdict.model)}</h3><div>"
        f'<p class="finding">{escape(verdict.headline[:1].upper() + verdict.headline[1:])}</p>'
        f'<p class="detail">{escape(verdict.detail).replace(" %", "&nbsp;%")}</p></div></li>'
        for verdict in verdicts
    )
    return (
        "<header><h1>Disparity and its price</h1>"
        f'<p class="lead">Whom {count(len(evaluations), "model")} wrote about, given {count(prompts, "prompt")} from '
        f"{count(groups, 'group')} that name a profession and no gender, {count(len(frames[0]), 'text')} each, and "
        f"how well {'it predicts' if len(evaluations) == 1 else 'they predict'} real text.</p>"
        f'<ul class="verdicts">{items}</ul></header>'
    )


def _summary(evaluations: list[Evaluation], names: list[str]) -> str:
    tags = ["baseline" if index == 0 and len(names) > 1 else "" for index in range(len(names))]
    heads = "".join(
        f'<th scope="col">{escape(name)}<span class="tag">{tag}</span></th>'
        for name, tag in zip(names, tags, strict=True)
    )
    lines = summary(evaluations)
    rows = "".join(
        f'<tr><th scope="row"><abbr title="{escape(measure.meaning)}">{measure.name}</abbr></th>'
        + "".join(f"<td>{escape(value)}<small>{escape(beside)}</small></td>" for value, beside in cells)
        + "</tr>"
        for measure, cells in lines
    )
    meanings = "".join(f"<dt>{measure.name}</dt><dd>{escape(measure.meaning)}</dd>" for measure, _ in lines)
    return (
        '<section aria-labelledby="figures"><h2 id="figures">The figures</h2><div class="scroll"><table '
        'class="summary">'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<details class="meanings"><summary>What they mean</summary><dl>{meanings}</dl></details></section>'
    )


def _footer(evaluations: list[Evaluation], names: list[str]) -> str:
    settings = [evaluation.metrics.get("settings") or {} for evaluation in evaluations]
    entries = []
    for key in dict.fromkeys(key for each in settings for key in each):
        values = [_value(each[key]) if key in each else "–" for each in settings]
        shown = (
            values[0] if len(set(values)) == 1 else "; ".join(f"{n}: {v}" for n, v in zip(names, values, strict=True))
        )
        entries.append(f"<dt>{escape(str(key))}</dt><dd>{escape(shown)}</dd>")
    for name, evaluation in zip(names, evaluations, strict=True):
        digest = get(evaluation.metrics, "model", "sha256")
        entries.append(f"<dt>SHA-256 of {escape(name)}</dt><dd>{escape(str(digest or '–'))}</dd>")
    return (
        "<footer><h2>What this does not say</h2><ul>"
        + "".join(f"<li>{caveat}</li>" for caveat in CAVEATS)
        + f"</ul><details><summary>Settings</summary><dl>{''.join(entries)}</dl></details></footer>"
    )


def _value(setting: object) -> str:
    return setting if isinstance(setting, str) else json.dumps(setting, ensure_ascii=False)
