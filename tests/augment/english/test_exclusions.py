"""Phrases in which a gendered word stays: which of them covers it, wherever in the phrase it stands."""

import pytest

from augment.english.exclusions import Exclusions, exclusions_of_words
from augment.english.lexicon import Exclusion, Lexicon


def phrases(*entries: str | Exclusion) -> dict[str, Exclusions]:
    """By word; a string is a phrase in any case that reveals no gender."""
    return exclusions_of_words(
        entry if isinstance(entry, Exclusion) else Exclusion(entry, False, False, "because") for entry in entries
    )


@pytest.mark.parametrize(
    ("phrase", "text", "covered"),
    [
        ("king size", "a King-Size bed", True),
        ("king size", "a king  size bed", True),
        ("king size", "the king sized it up", False),
        ("queen of the king", "queen of the king", True),
        ("king's land", "the king’s land", True),
        ("to the king", "to the king", True),
        ("to the king", "to a king", False),
        ("king*", "the kings", True),
        ("king", "any king at all", True),
        ("sea king bird", "a sea king bird", True),
        ("a phrase of a user's own that is far longer than any of ours king", None, True),
        ("sea king bird", "a sea king", False),
    ],
)
def test_a_phrase(phrase: str, text: str | None, covered: bool) -> None:
    text = text or phrase
    start = text.lower().index("king")
    end = start + (5 if text.endswith("kings") else 4)
    found = phrases(phrase)
    cover = found[text[start:end].lower()].cover(text, start, end)
    assert cover == (False if covered else None)


def test_the_first_kind_of_phrase_decides() -> None:
    revealing = Exclusion("God", True, True, "the one god")
    god = phrases("my god", revealing)["god"]
    assert god.cover("My God!", 3, 6) is False
    assert god.cover("Thank God!", 6, 9) is True
    assert god.cover("my god", 3, 6) is False
    assert god.cover("a god", 2, 5) is None


def test_every_phrase_of_the_package_covers_its_words() -> None:
    lexicon = Lexicon.load()
    by_word = exclusions_of_words(lexicon.exclusions)
    for exclusion in lexicon.exclusions:
        phrase = exclusion.phrase.replace("*", "")
        for word in lexicon.counterparts:
            position = f" {phrase.lower()} ".find(f" {word} ")
            if position >= 0:
                text = f"so {phrase}."
                start = position + 3
                assert by_word[word].cover(text, start, start + len(word)) is not None, exclusion.phrase
