"""Word classes: words in the same places are alike, and unknown words are like rare ones with their ending."""

import random

import pytest

from augment.pronouns import word_classes
from augment.pronouns.train import examples

NOUNS = ["house", "dog", "garden", "letter", "father", "coat", "window", "sister"]
RARE_NOUNS = [f"{start}{vowel}cket" for start in "bdfghjklmnprstvw" for vowel in "aeiou"]
ADVERBS = ["there", "today", "again", "twice", "once", "soon", "often", "gladly"]


@pytest.fixture
def classes(monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, str], dict[str, str]]:
    monkeypatch.setattr(word_classes, "CLASSES", 6)
    chance = random.Random(0)
    lines = []
    for _ in range(600):
        lines.append(
            f"They saw {chance.choice(['his', 'the', 'a', 'my'])} {chance.choice(NOUNS)} {chance.choice(ADVERBS)}."
        )
        lines.append(f"They saw {chance.choice(['him', 'me'])} {chance.choice(ADVERBS)}.")
    # Never behind a pronoun that labels itself.
    lines += [f"They saw the {noun} {chance.choice(ADVERBS)}." for noun in RARE_NOUNS]
    text = "\n".join(lines)
    return word_classes.word_classes([text], examples(text))


def test_words_of_the_same_places_have_one_class(classes: tuple[dict[str, str], dict[str, str]]) -> None:
    of_word, _ = classes
    assert {of_word[noun][0] for noun in NOUNS}.isdisjoint({of_word[adverb][0] for adverb in ADVERBS})
    assert max(of_word[adverb][1] for adverb in ADVERBS) < min(of_word[noun][1] for noun in NOUNS)


def test_an_ending_is_what_its_rare_words_are(classes: tuple[dict[str, str], dict[str, str]]) -> None:
    of_word, of_ending = classes
    assert not set(RARE_NOUNS) & set(of_word)
    assert set(of_ending) == {"cket", "ket", "et", "t"}
    assert of_ending["cket"][1] > max(of_word[adverb][1] for adverb in ADVERBS)
