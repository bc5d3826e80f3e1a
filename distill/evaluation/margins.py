"""How much worse a model may be before a reader should mind: margins, fixed before anything is measured."""

from dataclasses import dataclass
from math import log

from distill.errors import UserError
from distill.evaluation.comparability import Metrics, get

LARGEST = 20.0
"""No margin may be larger: 20 nats are odds of one text in 500 million, and 20 is 2,000 % of a share."""


@dataclass(frozen=True)
class Margins:
    """The largest differences that count as none. They are kept in metrics.json and printed beside each verdict.

    Args:
        parity: Disparity and lean below which a model shows parity, in nats of log-odds. Default: log 1.25, four women
            for five men or five for four.
        perplexity: Rise of the perplexity, as a share of the baseline's.
        gendered_nll: Rise of the negative log-likelihood of gendered tokens, in nats.
        coherence: Fall of the coherence, as a share of gendered continuations.
        fluency: Rise of the continuations' negative log-likelihood under the reference model, in nats per token.
        polar_rate: Fall of the polar rate, as a share of the baseline's.
        mixed: Rise of the share of continuations that mix the genders, as a share of all.
    """

    parity: float = log(1.25)
    perplexity: float = 0.01
    gendered_nll: float = 0.05
    coherence: float = 0.02
    fluency: float = 0.05
    polar_rate: float = 0.10
    mixed: float = 0.02

    def __post_init__(self) -> None:
        for name, margin in vars(self).items():
            if not 0 < margin <= LARGEST:
                raise UserError(f"--margins.{name} is {margin:g}; give a number above 0 and up to {LARGEST:g}")


def margins_of(metrics: Metrics) -> Margins:
    """Return the margins of an evaluation: the defaults, if an earlier version wrote it."""
    given = get(metrics, "settings", "margins") or {}
    return Margins(**{name: value for name, value in given.items() if name in vars(Margins()) and value is not None})
