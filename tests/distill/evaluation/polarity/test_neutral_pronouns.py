import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluation.polarity.neutral_pronouns import NEUTRAL_PRONOUNS, has_neutral_pronoun


@pytest.mark.parametrize("word", NEUTRAL_PRONOUNS)
@pytest.mark.parametrize("text", ["{}", "so {},", "“{}”", "_{}_"])
def test_every_form_is_found_however_it_is_written(word: str, text: str) -> None:
    assert has_neutral_pronoun(text.format(word))
    assert has_neutral_pronoun(text.format(word.upper()))


@pytest.mark.parametrize("text", ["they're late", "They’ll see", "and they'd gone"])
def test_contractions_count(text: str) -> None:
    assert has_neutral_pronoun(text)


@pytest.mark.parametrize("text", ["", "themes", "the m", "thematic theirselves", "he saw her", "other"])
def test_other_words_do_not(text: str) -> None:
    assert not has_neutral_pronoun(text)


@given(st.lists(st.sampled_from(["nurse", "left", *NEUTRAL_PRONOUNS])))
def test_a_text_has_one_if_any_of_its_words_is_one(words: list[str]) -> None:
    assert has_neutral_pronoun(" ".join(words)) == bool({*words} & {*NEUTRAL_PRONOUNS})
