"""The report as one HTML page: no network, no fonts, no script but its own, and readable without that one too.

Everything that comes from data passes through `escape`. Should that ever be forgotten, what a model has written still
cannot run: the content security policy allows only the style sheet and the script whose hashes it names.
"""

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files

import pandas as pd

from distill.evaluation import Evaluation
from distill.evaluation.comparability import MAIN_POLARITY, Metrics, get
from distill.evaluation.disparity.comparison import ENOUGH, PROMPT
from distill.evaluation.measures import MEASURES
from distill.evaluation.polarity.bold_unigram import gendered_words
from distill.report.formatting import clean, count
from distill.report.html.charts import price_section, shares_section
from distill.report.html.figures_table import figures_section
from distill.report.html.samples import samples_section
from distill.report.html.standing import standing_section
from distill.report.html.verdicts import verdict_section
from distill.report.metrics_access import includes_prompt
from distill.report.models import ReportedModel, runs_limit
from distill.report.verdict import Contrast, Verdict, changed

LIMITS = (
    "Gender is treated as binary, because the word lists are: the texts speak of women, of men, of both, or of "
    "neither. Singular “they” counts as neither.",
    "Less disparity in generated text does not mean fairer embeddings, or fairer classifiers trained on this model.",
    "Polarity counts words. It does not know who is meant, what is said about them, or whether it is sarcasm.",
    "“Parity shown” is a statement about these prompts and the average over professions: other prompts may show "
    "disparity, and single professions may lean farther than the margin.",
    "p values are not corrected for the number of models that are compared.",
)
VECTORS = (
    "Gender-Max goes by the word of a text that leans most, Gender-Wavg by the mean of all, in hard-debiased word "
    "vectors (Dhamala et al. 2021). Verdict, test and chart use unigram matching; the others are folded up below it."
)
JUDGED = {
    (False,): "Only the continuation is judged, not the prompt.",
    (True,): "The words of the prompt are judged along with those of the continuation; only the latter are marked.",
    (False, True): "Whether the words of the prompt are judged as well differs from model to model: see include_prompt "
    "among the settings.",
}
"""Key: the values of include_prompt that occur among the evaluations, sorted."""
METHODS = (
    "A text speaks of women or of men if most of its gendered words are of that gender (unigram matching with BOLD’s "
    "word lists, Dhamala et al. 2021); of both if it has as many of each, of neither if it has none.",
    "Two models are compared by the root mean square of the professions’ log-odds, less the noise of small samples. "
    "p values come from swapping the two models prompt by prompt (a permutation test), intervals from a "
    "paired bootstrap over prompts within professions: continuations of one prompt are not independent of each other. "
    "Where professions are tested one by one, p values are corrected for their number by Holm’s method. If one model "
    f"has fewer than {ENOUGH} texts that speak of women or of men in a profession, as many of the other’s are chosen "
    "at random for the comparison.",
    "Parity is an equivalence test against a margin that was fixed beforehand. It is shown if the 95 % upper bounds of "
    "disparity and lean lie below the margin, refuted if the lower bound of the disparity lies above it, and undecided "
    "otherwise: too few texts never show parity.",
    "Two models’ perplexity, coherence and other prices are compared document by document or prompt by prompt, each "
    "with a margin of its own. “At most 1 % worse: shown” means that the worse end of the 95 % interval lies within "
    "the margin, “refuted” that the whole interval lies beyond it.",
    "A ratio of two counts falls short of 1 even for a perfectly fair model, the more so the fewer the texts. It is "
    "therefore shown with what such a model would score on as many; intervals are given for log-odds, which have no "
    "such bias.",
)


def page(
    models: list[ReportedModel],
    contrasts: list[Contrast],
    verdicts: list[Verdict],
    frames: list[pd.DataFrame],
) -> str:
    """The whole page.

    Args:
        models: The baseline first.
        contrasts: Of every other model with the baseline.
        verdicts: One per model, and one for each further contrast.
        frames: The labelled continuations of each model's first run, as `label_generations` returns them.

    Returns:
        The HTML document.
    """
    evaluations, names = [model.first for model in models], [model.name for model in models]
    sections = [
        verdict_section(verdicts),
        standing_section(models),
        price_section(models, contrasts),
        shares_section(evaluations, names, [{}, *map(changed, contrasts)]),
        figures_section(models, contrasts),
        samples_section(evaluations, frames, names),
    ]
    lead = escape(_lead(evaluations, names, frames))
    head = f'<header><h1>Disparity and its price</h1><p class="lead">{lead}</p></header>'
    body = "".join([head, "<main>", *sections, "</main>"])
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
        f"<style>{style}</style>\n</head>\n<body>\n{body}\n{_footer(models, frames)}\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return files("distill.report.html").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _lead(evaluations: list[Evaluation], names: list[str], frames: list[pd.DataFrame]) -> str:
    """A sentence about what was measured; model by model if their prompts or numbers of texts differ."""
    given = [_given(frame) for frame in frames]
    samples = [frame.groupby(PROMPT).size() for frame in frames]
    if len(frames) == 1:
        scope = f", given {given[0]}"
    elif all(each.equals(samples[0]) for each in samples):
        scope = f", each given the same {given[0]}"
    else:
        scope = f" ({'; '.join(f'{name}: {what}' for name, what in zip(names, given, strict=True))})"
    predict = "it predicts" if len(frames) == 1 else "they predict"
    price = f", and how well {predict} real text" if all(_has_perplexity(each.metrics) for each in evaluations) else ""
    return f"Whom {count(len(frames), 'model')} wrote about{scope}{price}."


def _given(frame: pd.DataFrame) -> str:
    prompts, professions = (
        count(frame[key].nunique(), thing) for key, thing in (("prompt_id", "prompt"), ("group", "profession"))
    )
    return f"{prompts} about {professions}, {count(len(frame), 'text')}"


def _has_perplexity(metrics: Metrics) -> bool:
    """Whether any perplexity was measured."""
    return any(get(metrics, "perplexity", kind, "value") is not None for kind in metrics.get("perplexity") or {})


def _footer(models: list[ReportedModel], frames: list[pd.DataFrame]) -> str:
    evaluations, names = [model.first for model in models], [model.name for model in models]
    settings = [evaluation.metrics.get("settings") or {} for evaluation in evaluations]
    entries = []
    for key in dict.fromkeys(key for each in settings for key in each):
        values = [_value(each[key]) if key in each else "–" for each in settings]
        shown = (
            values[0] if len(set(values)) == 1 else "; ".join(f"{n}: {v}" for n, v in zip(names, values, strict=True))
        )
        entries.append(f"<dt>{escape(clean(key))}</dt><dd>{escape(shown)}</dd>")
    for name, evaluation in zip(names, evaluations, strict=True):
        digest = get(evaluation.metrics, "model", "sha256")
        entries.append(f"<dt>SHA-256 of {escape(name)}</dt><dd>{escape(clean(digest or '–'))}</dd>")
    return (
        f"<footer><h2>How it was measured</h2><ul>{_items(_methods(evaluations, frames))}</ul>"
        f"<details><summary>Settings</summary><dl>{''.join(entries)}</dl></details>"
        f"<h2>What this does not say</h2><ul>{_items((*LIMITS, runs_limit(models)))}</ul></footer>"
    )


def _methods(evaluations: list[Evaluation], frames: list[pd.DataFrame]) -> tuple[str, ...]:
    """How things were measured: what holds for every report, and what these measures add."""
    metrics = [evaluation.metrics for evaluation in evaluations]
    others = any(set(each.get("disparity") or {}) - {MAIN_POLARITY} for each in metrics)
    judged = JUDGED[tuple(sorted({includes_prompt(each) for each in metrics}))]
    return (
        f"{_prompts(frames)} {judged}",
        *METHODS,
        *((VECTORS,) if others else ()),
        *(measure.method for measure in MEASURES if measure.method and any(each.get(measure.key) for each in metrics)),
    )


def _prompts(frames: list[pd.DataFrame]) -> str:
    """Whether all models continued the same prompts, and how many prompts contain a gendered word."""
    given = [set(zip(frame["group"], frame["prompt"], strict=True)) for frame in frames]
    distinct = set().union(*given)
    gendered = sum(bool(gendered_words(prompt)) for _, prompt in distinct)
    if len(given) == 1:
        continued = ""
    elif all(prompts == given[0] for prompts in given):
        continued = "Each model continued the same prompts. "
    else:
        continued = "The models did not all continue the same prompts. "
    some = f"{gendered:,} of the {count(len(distinct), 'prompt')} contain{'s' if gendered == 1 else ''}"
    return f"{continued}{some if gendered else 'None of the prompts contains'} a gendered word of BOLD’s lists."


def _items(sentences: tuple[str, ...]) -> str:
    return "".join(f"<li>{sentence}</li>" for sentence in sentences)


def _value(setting: object) -> str:
    return clean(setting if isinstance(setting, str) else json.dumps(setting, ensure_ascii=False), limit=400)
