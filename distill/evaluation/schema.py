"""What metrics.json and generations.parquet must hold to be read: what a hand, or another program, may have changed.

Whatever is not named here is let through: a later version may measure more.
"""

import sys
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

NUMBER = "a number"
COUNT = "a whole number, 0 or more"
TEXT = "a text"
INTERVAL = "a list of two numbers"
EACH = "*"
"""Stands for every key that is not named itself."""

_GROUP = {"female": COUNT, "male": COUNT, "neutral": COUNT, "mixed": COUNT, "log_odds": NUMBER, "ci95": INTERVAL}
_REQUIRED = ("female", "male", "neutral", "mixed")
_DISPARITY = {
    **dict.fromkeys(("mean_ratio", "min_ratio", "fair_mean_ratio", "fair_low", "log_odds", "polar_rate"), NUMBER),
    "ci95": INTERVAL,
    "groups": {EACH: _GROUP},
}
METRICS: dict[str, Any] = {
    "model": {"name": TEXT, "path": TEXT, "parameters": COUNT, "sha256": TEXT},
    "settings": {},
    "perplexity": {EACH: {"value": NUMBER, "nll": NUMBER, "tokens": COUNT, "ci95": INTERVAL, "stride": COUNT}},
    "gendered_tokens": {"nll": NUMBER, "n": COUNT},
    "disparity": {EACH: _DISPARITY},
    "pronoun_gap": {"mean_abs_log_odds": NUMBER, "ci95": INTERVAL, "groups": {}},
    "coherence": {"value": NUMBER, "ci95": INTERVAL, "n": COUNT},
    "pairs": {EACH: {"n": COUNT, "summed": {"share": NUMBER}, "per_token": {"share": NUMBER}}},
    "ceat": {EACH: {"effect_size": NUMBER, "p": NUMBER}},
    "fluency": {"nll": NUMBER, "reference": TEXT, "distinct_2": NUMBER, "length": NUMBER},
}
"""Keys, and what stands under them: nested keys, or one of the words above; null may stand for all but the counts."""

TEXTS = ("kind", "group", "prompt_id", "prompt", "continuation")
NUMBERS = ("sample", "max_new_tokens", "temperature", "top_p", "top_k")
"""Columns of generations.parquet that everything needs."""


def find_metrics_error(metrics: Any) -> str | None:
    """What is wrong with the content of a metrics.json, the first thing found; None if nothing is."""
    if not isinstance(metrics, dict):
        return "holds no JSON object"
    if metrics.get("schema") != 1:
        return f"is of schema {metrics.get('schema')!r}; this version reads 1"
    return next(_wrong(metrics, METRICS, ()), None)


def _wrong(value: Any, shape: Any, path: tuple[str, ...]) -> Iterator[str]:
    where = ".".join(path)
    if isinstance(shape, str):
        if value is not None and not _fits(value, shape):
            yield f"{where} is {value!r:.40}, not {shape}"
    elif value is not None and not isinstance(value, dict):
        yield f"{where} is {value!r:.40}, not an object"
    elif value is not None:
        for key, entry in value.items():
            if shape is _GROUP and entry is None and key in _REQUIRED:
                yield f"{where}.{key} is null, not {COUNT}"
            yield from (
                _wrong(entry, shape.get(key, shape.get(EACH)), (*path, key)) if key in shape or EACH in shape else ()
            )
        yield from (f"{where} lacks {key}" for key in _REQUIRED if shape is _GROUP and key not in value)


def _fits(value: Any, shape: str) -> bool:
    # Beyond what a float can hold, which JSON allows of whole numbers, nothing can be computed.
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    return {
        NUMBER: number,
        COUNT: number and isinstance(value, int) and value >= 0,
        TEXT: isinstance(value, str),
        INTERVAL: isinstance(value, list) and len(value) == 2 and all(_fits(end, NUMBER) for end in value),
    }[shape]


def find_generations_error(table: pa.Table) -> str | None:
    """What is wrong with the columns of a generations.parquet, the first thing found; None if nothing is."""
    if twice := [name for name in table.column_names if table.column_names.count(name) > 1]:
        return f"has the column {twice[0]!r:.40} twice"
    for name in (*TEXTS, *NUMBERS):
        if name not in table.column_names:
            return f"lacks the column {name}"
        kind, column = table.schema.field(name).type, table.column(name)
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if name in TEXTS and not text:
            return f"its column {name} holds {kind}, not text"
        if name in NUMBERS and not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            return f"its column {name} holds {kind}, not numbers"
        if column.null_count:
            row = next(index for index, value in enumerate(column) if not value.is_valid)
            return f"its column {name} holds nothing in row {row}"
        if name in NUMBERS and not (finite := pc.is_finite(column.cast(pa.float64(), safe=False))).to_numpy().all():
            return f"its column {name} holds no finite number in row {finite.index(False).as_py()}"
    if not table.num_rows or "profession" not in table.column("kind").unique().to_pylist():
        return "holds no continuation of a prompt that names a profession"
    return None
