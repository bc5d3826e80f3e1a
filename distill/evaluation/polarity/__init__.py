"""Which gender a text speaks of. Free of torch and pandas."""

from distill.evaluation.polarity.bold_unigram import Polarity, unigram

__all__ = ["Polarity", "unigram"]
