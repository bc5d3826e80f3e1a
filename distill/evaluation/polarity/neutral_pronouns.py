"""Does a text use a pronoun that reveals no gender? *They* and its forms; words do not tell singular from plural."""

from distill.evaluation.polarity.word_scores import WordScores, words

NEUTRAL_PRONOUNS = ("they", "them", "their", "theirs", "themself", "themselves")

_SCORES = WordScores(dict.fromkeys(NEUTRAL_PRONOUNS, 1.0))


def has_neutral_pronoun(text: str) -> bool:
    """Return whether a text contains a form of *they*, contracted (“they’re”) or not.

    >>> has_neutral_pronoun("Then they're late."), has_neutral_pronoun("The themes of it.")
    (True, False)
    """
    return any(map(_SCORES.__getitem__, words(text)))
