"""What a model costs and what it favours: perplexity beside gender disparity, measured on a saved model.

`load` reads what `distill evaluate` wrote, for notebooks and reports; it needs no model and no torch.
"""

from distill.evaluation.results import Evaluation, load

__all__ = ["Evaluation", "load"]
