"""Validation of metrics.json and generations.parquet, which may have been edited by hand or by another program.

Each measure's TypedDict describes its entry. Unknown keys are accepted, because a later version may measure more.
"""

import sys
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, TypedDict, get_args, get_origin, get_type_hints, is_typeddict

import pyarrow as pa
import pyarrow.compute as pc

from distill.evaluation.measures import MEASURES
from distill.evaluation.measures.record import Interval

SCHEMA = 2
READABLE = (1, 2)
"""Schemas that can be read; `schema_upgrade` turns older ones into the current one."""

_EXPECTED = {
    float: "a number",
    int: "a whole number, 0 or more",
    str: "a text",
    Interval: "a list of two numbers",
    list[str]: "a list of texts",
}
"""How an error describes the types that are checked; values of all other types are accepted."""


class ModelEntry(TypedDict, total=False):
    """What metrics.json says about the model.

    Attributes:
        name: A short name for tables.
        path: Path or hub id.
        parameters: Number of parameters; tied parameters count once.
        sha256: Digest of the weights.
    """

    name: str
    path: str
    parameters: int
    sha256: str


class SettingsEntry(TypedDict, total=False):
    """Which settings are checked: those that a report computes with.

    Attributes:
        margins: Differences that count as none, by their names in `Margins`.
    """

    margins: dict[str, float]


METRICS: dict[str, Any] = {
    "model": ModelEntry,
    "settings": SettingsEntry,
    **{measure.key: measure.entry for measure in MEASURES},
}
"""Keys of metrics.json and the types of their values. All but required keys may be null."""

TEXTS = ("kind", "group", "prompt_id", "prompt", "continuation")
NUMBERS = ("sample", "max_new_tokens", "temperature", "top_p", "top_k")
"""Required columns of generations.parquet."""


def find_metrics_error(metrics: Any) -> str | None:
    """Check the content of a metrics.json.

    Returns:
        The first error found, or None.
    """
    if not isinstance(metrics, dict):
        return "is not a JSON object"
    if metrics.get("schema") not in READABLE:
        return f"has schema {metrics.get('schema')!r}; this version reads {' and '.join(map(str, READABLE))}"
    return next((error for key, entry in METRICS.items() for error in _errors(metrics.get(key), entry, key)), None)


def _errors(value: Any, expected: Any, where: str) -> Iterator[str]:
    """Yield the errors in a value of an expected type, which may be a TypedDict or a dict; null is not an error."""
    if value is None:
        return
    if expected in _EXPECTED:
        if not _fits(value, expected):
            yield f"{where} is {value!r:.40}, not {_EXPECTED[expected]}"
    elif get_origin(expected) is Literal:
        if value not in get_args(expected):
            yield f"{where} is {value!r:.40}, not {_description(expected)}"
    elif is_typeddict(expected) or get_origin(expected) is dict:
        if not isinstance(value, dict):
            yield f"{where} is {value!r:.40}, not an object"
            return
        types, required = _types(expected), sorted(getattr(expected, "__required_keys__", ()))
        for key, entry in value.items():
            if entry is None and key in required:
                yield f"{where}.{key} is null, not {_description(types[key])}"
            yield from _errors(entry, types.get(key, types.get("*")), f"{where}.{key}")
        yield from (f"{where} lacks {key}" for key in required if key not in value)


def _description(expected: Any) -> str:
    """Describe a type as an error does."""
    if get_origin(expected) is Literal:
        return f"one of {', '.join(map(repr, get_args(expected)))}"
    return _EXPECTED.get(expected, "a value")


@cache
def _types(expected: Any) -> dict[str, Any]:
    """Return the types of a TypedDict's keys, or under `*` the type of a dict's values, without None."""
    hints = get_type_hints(expected) if is_typeddict(expected) else {"*": get_args(expected)[1]}
    return {key: _without_none(hint) for key, hint in hints.items()}


def _without_none(hint: Any) -> Any:
    others = [each for each in get_args(hint) if each is not type(None)]
    return others[0] if type(None) in get_args(hint) else hint


def _fits(value: Any, expected: Any) -> bool:
    if expected == Interval:
        return isinstance(value, list) and len(value) == 2 and all(_fits(end, float) for end in value)
    if expected is str:
        return isinstance(value, str)
    if expected == list[str]:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    # JSON allows integers that overflow a float; nothing can be computed from those.
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    return number and (expected is float or (isinstance(value, int) and value >= 0))


def find_generations_error(table: pa.Table) -> str | None:
    """Check the columns of a generations.parquet.

    Returns:
        The first error found, or None.
    """
    if duplicates := [name for name in table.column_names if table.column_names.count(name) > 1]:
        return f"has the column {duplicates[0]!r:.40} twice"
    for name in (*TEXTS, *NUMBERS):
        if name not in table.column_names:
            return f"lacks the column {name}"
        kind, column = table.schema.field(name).type, table.column(name)
        text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if name in TEXTS and not text:
            return f"its column {name} contains {kind}, not text"
        if name in NUMBERS and not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            return f"its column {name} contains {kind}, not numbers"
        if column.null_count:
            row = next(index for index, value in enumerate(column) if not value.is_valid)
            return f"its column {name} is null in row {row}"
        if name in NUMBERS and not (finite := pc.is_finite(column.cast(pa.float64(), safe=False))).to_numpy().all():
            return f"its column {name} is not finite in row {finite.index(False).as_py()}"
    if not table.num_rows or "profession" not in table.column("kind").unique().to_pylist():
        return "contains no continuation of a profession prompt"
    return None
