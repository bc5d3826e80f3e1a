"""Which gender a text speaks of. Needs neither torch nor pandas."""

from distill.evaluation.polarity.bold_unigram import Polarity, unigram

__all__ = ["Polarity", "unigram"]
