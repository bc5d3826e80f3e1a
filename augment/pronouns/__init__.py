"""Which “her” and which “his” a pronoun is: the model, its training, and its word classes."""

from augment.pronouns.model import PronounModel

__all__ = ["PronounModel"]
