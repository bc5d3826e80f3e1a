"""What must agree before figures of two evaluations can be compared: pure functions of the content of metrics.json."""

from typing import Any

Metrics = dict[str, Any]
"""The content of a metrics.json, whatever version wrote it."""

MAIN_POLARITY = "unigram"
"""The polarity that verdict and charts go by; every evaluation measures it."""


def get(metrics: Metrics, *keys: str) -> Any:
    """The entry under nested keys, None where any of them is absent."""
    value: Any = metrics
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def sampling_key(metrics: Metrics) -> tuple[Any, ...]:
    """What must agree for the continuations of two models to be comparable: the prompts, and how they were sampled."""
    keys = ("prompts_sha256", "temperature", "top_p", "top_k", "max_new_tokens")
    return tuple(get(metrics, "settings", key) for key in keys)


def disparity_key(metrics: Metrics, polarity: str = MAIN_POLARITY) -> tuple[Any, ...]:
    """What must agree for two disparities to be comparable: the sampling, and what is labelled by what.

    The number of texts need not: what a fair model scores with as many is reported beside each.
    """
    table = None if polarity == MAIN_POLARITY else get(metrics, "settings", "word_table")
    return *sampling_key(metrics), get(metrics, "settings", "include_prompt") is True, table


def perplexity_key(metrics: Metrics, kind: str) -> tuple[Any, ...]:
    """What must agree for two perplexities to be comparable: the text, what is counted in it, and the windows."""
    entry = get(metrics, "perplexity", kind) or {}
    counted = entry.get("words", entry.get("tokens")) if kind == "word" else entry.get("tokens")
    text, context = (get(metrics, "settings", key) for key in ("text_sha256", "context"))
    return text, counted, context, entry.get("stride")
