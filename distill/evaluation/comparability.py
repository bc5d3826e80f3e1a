"""What must match before results of two evaluations can be compared: pure functions of the content of metrics.json."""

from typing import Any, Final

Metrics = dict[str, Any]
"""The content of a metrics.json, whatever version wrote it."""

MAIN_POLARITY: Final = "unigram"
"""The polarity that the verdict and the charts are based on; every evaluation measures it."""


def get(metrics: Metrics, *keys: str) -> Any:
    """Return the entry under nested keys, or None if any of them is missing."""
    value: Any = metrics
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def sampling_key(metrics: Metrics) -> tuple[Any, ...]:
    """Return what must match for the continuations of two models to be comparable: the prompts and the sampling."""
    keys = ("prompts_sha256", "temperature", "top_p", "top_k", "max_new_tokens", "max_length")
    return tuple(get(metrics, "settings", key) for key in keys)


def disparity_key(metrics: Metrics, polarity: str = MAIN_POLARITY) -> tuple[Any, ...]:
    """Return what must match for two disparities to be comparable: the sampling, and how which text is labelled.

    The number of texts may differ: each disparity is reported with the score of a fair model on as many texts.
    """
    table = None if polarity == MAIN_POLARITY else get(metrics, "settings", "word_table")
    return *sampling_key(metrics), get(metrics, "settings", "include_prompt") is True, table


def perplexity_key(metrics: Metrics, kind: str) -> tuple[Any, ...]:
    """Return what must match for two perplexities to be comparable: the text, its number of units, and the windows."""
    entry = get(metrics, "perplexity", kind) or {}
    counted = entry.get("words", entry.get("tokens")) if kind == "word" else entry.get("tokens")
    text, context = (get(metrics, "settings", key) for key in ("text_sha256", "context"))
    return text, counted, context, entry.get("stride")


def gendered_key(metrics: Metrics) -> tuple[Any, ...]:
    """Return what must match for two NLLs of gendered tokens to be comparable: the text and its gendered tokens.

    They are scored in the disjoint windows of the perplexity `token`.
    """
    return *perplexity_key(metrics, "token"), get(metrics, "gendered_tokens", "n")


def fluency_key(metrics: Metrics) -> tuple[Any, ...]:
    """Return what must match for two fluencies to be comparable: the sampling, and the model that judges the texts."""
    reference = get(metrics, "settings", "reference_sha256") or get(metrics, "fluency", "reference")
    return *sampling_key(metrics), reference


def occupations_key(metrics: Metrics) -> frozenset[str]:
    """Return what must match for two pronoun gaps to be comparable: the occupations."""
    return frozenset(get(metrics, "pronoun_gap", "groups") or {})
