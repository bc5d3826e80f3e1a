"""Counterfactual role reversal of English text: “she lost her keys” → “he lost his keys”, and the map between them."""

from augment.alignment import align
from augment.english.lexicon import Lexicon
from augment.records import Reversal, Swap
from augment.reversal import RoleReverser

__all__ = ["Lexicon", "Reversal", "RoleReverser", "Swap", "align"]
