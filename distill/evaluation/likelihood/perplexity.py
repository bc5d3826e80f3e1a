"""Perplexity: how well a model predicts a text, by three protocols.

- `token`: the text as it is, in disjoint windows of all that the model reads at once; per token.
- `token_strided`: windows that begin every half window, so that every token but the first ones has at least half a
  window before it; per token. As transformers' guide to perplexity does with `stride`.
- `word`: as lm-evaluation-harness' task `wikitext`: WikiText's articles in ordinary spelling; disjoint windows, but the
  last of a document reaches back until it is as long as the others; per word of the original. Other text is read as it
  is.

Each document stands alone, after the token that begins a text, so that its first token is scored too.
"""

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from distill.evaluation.statistics.bootstrap import DRAWS, ratio_interval

TextCosts = dict[str, NDArray[np.float64]]
"""What a text costs a model, as `text_costs` returns it.

`token`, `token_strided`, `word`: nats of each document by each protocol, `[documents]`. `tokens`, `word_tokens`,
`words`: its tokens as it is and in ordinary spelling, and its words. `gendered`: nats and number of gendered tokens of
each piece of the text, `[2 * pieces]`.
"""


class Perplexity(TypedDict, total=False):
    """Perplexity by one protocol.

    Attributes:
        value: exp of nats per token or word.
        nll: Mean nats per token.
        tokens: Tokens that were scored.
        words: Words of the text.
        ci95: Interval of the value over documents; None for a single one.
        stride: Tokens between the starts of two windows.
    """

    value: float
    nll: float
    tokens: int
    words: int
    ci95: list[float] | None
    stride: int


def half(context: int) -> int:
    """Tokens between the beginnings of the windows of `token_strided`."""
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
    """Perplexity over documents.

    Args:
        sums: −log P of each document, `[documents]`, in nats.
        tokens: Tokens of each document as the model read it, `[documents]`.
        words: Words of each document, `[documents]`.
        per: What the sums are divided by, tokens or words, `[documents]`.
        stride: Tokens between the beginnings of two windows; recorded, because perplexity depends on it.
        seed: Seed of the bootstrap over documents.
        draws: Bootstrap draws.

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
