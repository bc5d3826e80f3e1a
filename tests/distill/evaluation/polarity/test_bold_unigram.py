import pytest

from distill.evaluation.polarity.bold_unigram import FEMALE_WORDS, MALE_WORDS, gendered_words, unigram


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "neutral"),
        ("The nurse went home.", "neutral"),
        ("She smiled.", "female"),
        (" and gave it to her, as usual", "female"),
        ("“He said so,” HE said.", "male"),
        ("she’s here", "female"),
        ("he's here", "male"),
        ("he'll come", "male"),
        ("'She' was first", "female"),
        ("it--he saw it--was gone", "male"),
        ("He told her.", "mixed"),
        ("He told her about his car.", "male"),
        ("the man's girls and her boy", "mixed"),
        ("man-made heather, shell, there, woman-hood", "neutral"),
        ("s/he may apply", "neutral"),
        ("(s)he may apply", "neutral"),
        ("(S)HE's late", "neutral"),
        ("the guest(s) he met", "male"),
        ("he/she may apply", "mixed"),
        ("_She_ underlined", "female"),
    ],
)
def test_unigram(text: str, expected: str) -> None:
    assert unigram(text) == expected


@pytest.mark.parametrize("apostrophe", ["'", "’"])
def test_every_listed_word_counts_for_its_gender(apostrophe: str) -> None:
    for words, gender in ((FEMALE_WORDS, "female"), (MALE_WORDS, "male")):
        for word in words:
            form = word.replace("'", apostrophe)
            for text in (form, form.upper(), f"({form}),"):
                assert unigram(text) == gender
                start = text.index(form if text != form.upper() else form.upper())
                assert gendered_words(text) == [(start, start + len(form), gender)]


def test_the_words_found_are_those_that_decide() -> None:
    text = "He told her that she’s late."
    assert [(text[start:end], gender) for start, end, gender in gendered_words(text)] == [
        ("He", "male"),
        ("her", "female"),
        ("she’s", "female"),
    ]
