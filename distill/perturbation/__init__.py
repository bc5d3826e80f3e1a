"""Combines two teacher predictions into one target: operators, role-reversed vocabulary, and kinds of prefixes."""

from distill.perturbation.operators import perturb, perturb_neutral
from distill.perturbation.reversed_vocabulary import ReversedVocabulary

__all__ = ["ReversedVocabulary", "perturb", "perturb_neutral"]
