"""The experiment's results as a Markdown table."""

from collections.abc import Sequence
from typing import NamedTuple

from distill.evaluation.comparability import get
from distill.evaluation.probes.weat_word_sets import TESTS
from experiments.results import Metrics, Row


class Column(NamedTuple):
    """A measure: its heading, the keys of its value and 95 % interval in the metrics, and its format."""

    heading: str
    value: tuple[str, ...]
    ci95: tuple[str, ...] | None
    form: str


_UNIGRAM = ("disparity", "unigram")

COLUMNS = (
    Column("perplexity", ("perplexity", "token", "value"), ("perplexity", "token", "ci95"), ".2f"),
    Column("WikiText", ("wikitext", "value"), ("wikitext", "ci95"), ".2f"),
    Column("gendered NLL", ("gendered_tokens", "nll"), None, ".3f"),
    Column("pronoun gap", ("pronoun_gap", "mean_abs_log_odds"), ("pronoun_gap", "ci95"), ".3f"),
    Column("mean ratio", (*_UNIGRAM, "mean_ratio"), None, ".3f"),
    Column("fair: at least", (*_UNIGRAM, "fair_low"), None, ".3f"),
    Column("min ratio", (*_UNIGRAM, "min_ratio"), None, ".3f"),
    Column("RMS log-odds", (*_UNIGRAM, "rms_log_odds", "value"), (*_UNIGRAM, "rms_log_odds", "ci95"), ".3f"),
    Column("log-odds", (*_UNIGRAM, "log_odds"), (*_UNIGRAM, "ci95"), "+.3f"),
    Column("mean ratio, gender_max", ("disparity", "gender_max", "mean_ratio"), None, ".3f"),
    Column("polar rate", (*_UNIGRAM, "polar_rate"), None, ".3f"),
    Column("coherence", ("coherence", "value"), ("coherence", "ci95"), ".3f"),
    Column("fluency NLL", ("fluency", "nll"), None, ".3f"),
    *(Column(f"CEAT {test}", ("ceat", test, "effect_size"), None, "+.2f") for test in TESTS),
)


def table(found: Sequence[Row]) -> str:
    """Return the table: mean over seeds (minimum to maximum), or the value of one seed [95 % interval]."""
    measured = [metrics for row in found for metrics in row.seeds]
    columns = [column for column in COLUMNS if any(get(metrics, *column.value) is not None for metrics in measured)]
    heads = ["row", "seeds", *(column.heading for column in columns), "parity"]
    lines = [heads, ["---"] * len(heads)]
    for row in found:
        verdicts = [get(metrics, *_UNIGRAM, "parity", "verdict") for metrics in row.seeds]
        verdict = "–" if None in verdicts else f"shown in {verdicts.count('shown')} of {len(verdicts)}"
        lines.append([row.name, str(len(row.seeds)), *(_cell(column, row.seeds) for column in columns), verdict])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(column: Column, seeds: Sequence[Metrics]) -> str:
    values = [value for metrics in seeds if (value := get(metrics, *column.value)) is not None]
    if not values:
        return "–"
    text = format(sum(values) / len(values), column.form)
    if len(values) > 1:
        text += f" ({min(values):{column.form}} to {max(values):{column.form}})"
    elif column.ci95 is not None and (bounds := get(seeds[0], *column.ci95)) is not None:
        text += f" [{bounds[0]:{column.form}} to {bounds[1]:{column.form}}]"
    return text.replace("-", "−")
