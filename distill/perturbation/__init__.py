"""How two teacher predictions become one target: operators, the role-reversed vocabulary, and the kinds of prefixes."""

from distill.perturbation.operators import perturb, perturb_neutral
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

__all__ = ["ReversedVocabulary", "perturb", "perturb_neutral"]
