"""Perplexity of real text."""

import math
from typing import TYPE_CHECKING

from distill.errors import UserError
from distill.evaluation.comparability import perplexity_key
from distill.evaluation.likelihood.perplexity import Perplexity, TextCosts, half, perplexity
from distill.evaluation.measures.record import EACH, Line, Measure, Section

if TYPE_CHECKING:
    from distill.evaluation.measure_context import MeasureContext


def perplexities(costs: TextCosts, path: str, context: int, seed: int = 0) -> dict[str, Perplexity]:
    """Compute perplexity by each protocol: `token`, `token_strided` and `word`.

    Args:
        costs: Negative log-likelihoods of the text.
        path: Path of the model, for error messages.
        context: Window size in tokens.
        seed: Seed of the bootstrap over documents.

    Raises:
        UserError: If a perplexity or a bound of its interval is not finite.
    """
    tokens, words = costs["tokens"], costs["words"]
    entries = {
        "token": perplexity(costs["token"], tokens, words, tokens, context, seed),
        "token_strided": perplexity(costs["token_strided"], tokens, words, tokens, half(context), seed),
        "word": perplexity(costs["word"], costs["word_tokens"], words, words, context, seed),
    }
    for name, entry in entries.items():
        if not all(map(math.isfinite, (entry["value"], *(entry["ci95"] or ())))):
            raise UserError(
                f"{path}: perplexity ({name}) overflowed, at {entry['nll']:.0f} nats per token; its weights are damaged"
            )
    return entries


def _compute(context: "MeasureContext") -> dict[str, Perplexity]:
    if context.text_costs is None:
        return {}
    return perplexities(context.text_costs, context.model.path, context.window, context.seed)


def _line(kind: str, title: str, explanation: str) -> Line:
    return Line(
        Section.REAL_TEXT, title, explanation, (kind, "value"), "perplexity", "ci95", comparability=perplexity_key
    )


PERPLEXITY = Measure(
    key="perplexity",
    compute=_compute,
    entry=dict[str, Perplexity],
    lines=(
        _line(
            "token",
            "Perplexity",
            "How surprised the model is by each token of a real text; lower is better. With its 95 % interval over "
            "documents. Only models with the same tokenizer can be compared by it.",
        ),
        _line(
            "token_strided",
            "Perplexity, overlapping",
            "The same with windows that overlap, so that every token has a context to be predicted from.",
        ),
        _line(
            "word",
            "Perplexity per word",
            "The same per word of the text, which compares models with different tokenizers, as long as all have the "
            "same context length.",
        ),
        _line(EACH, "Perplexity, {words}", "Perplexity by another protocol."),
    ),
)
