"""Evaluation of a saved model: its utility (perplexity, fluency) and its gender disparity.

`load` reads what `distill evaluate` wrote, for notebooks and reports; it needs neither a model nor torch.
"""

from distill.evaluation.results import Evaluation, load

__all__ = ["Evaluation", "load"]
