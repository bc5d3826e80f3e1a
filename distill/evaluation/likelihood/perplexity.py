"""Perplexity: how well a model predicts a text, by three protocols.

- `token`: the text as it is, in disjoint windows as long as the model's context length; per token.
- `token_strided`: overlapping windows, half a window apart, so that all but the first tokens have at least half a
  window of context; per token. As in transformers' guide to perplexity with `stride`.
- `word`: as in lm-evaluation-harness' task `wikitext`: WikiText's articles are detokenised, other text is scored as it
  is; windows are disjoint, except that the last one of a document reaches back until it is as long as the others; per
  word of the original.

Documents are scored separately, each after the token that begins a text, so that its first token is scored, too.
"""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.statistics.bootstrap import DRAWS, ratio_interval

TextCosts = dict[str, NDArray[np.float64]]
"""Negative log-likelihoods of a text, as `text_costs` returns them.

`token`, `token_strided`, `word`: nats of each document by each protocol, `[documents]`. `tokens`, `word_tokens`,
`words`: number of tokens of the document as it is and detokenised, and number of words, `[documents]`. `gendered`,
`gendered_tokens`: nats and number of gendered tokens of each document, `[documents]`.
"""


class Perplexity(TypedDict, total=False):
    """Perplexity by one protocol.

    Attributes:
        value: exp of nats per token or word.
        nll: Mean nats per token.
        tokens: Number of tokens scored.
        words: Number of words in the text.
        ci95: 95 % interval of the value over documents; None for a single document.
        stride: Tokens between the starts of two windows.
    """

    value: float
    nll: float
    tokens: int
    words: int
    ci95: list[float] | None
    stride: int


def half(context: int) -> int:
    """Return the number of tokens between the starts of the windows of `token_strided`."""
    return max(1, context // 2)


def perplexity(
    sums: NDArray[np.float64],
    tokens: NDArray[np.float64],
    words: NDArray[np.float64],
    per: NDArray[np.float64],
    stride: int,
    seed: int = 0,
    draws: int = DRAWS,
) -> Perplexity:
    """Compute perplexity over documents.

    Args:
        sums: −log P of each document, `[documents]`, in nats.
        tokens: Number of tokens of each document as the model read it, `[documents]`.
        words: Number of words of each document, `[documents]`.
        per: What the sums are divided by, tokens or words, `[documents]`.
        stride: Tokens between the starts of two windows; recorded because perplexity depends on it.
        seed: Seed of the bootstrap over documents.
        draws: Number of bootstrap draws.

    Returns:
        `value`: exp(Σ sums / Σ per); `nll`: mean nats per token; `tokens`; `words`; `ci95` of the value, None for a
        single document; `stride`.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        value = float(np.exp(sums.sum() / per.sum()))
        ci95 = ratio_interval(sums, per, seed, transform=np.exp, draws=draws)
    return {
        "value": value,
        "nll": float(sums.sum() / tokens.sum()),
        "tokens": int(tokens.sum()),
        "words": int(words.sum()),
        "ci95": ci95,
        "stride": stride,
    }
