import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluation.polarity.word_scores import WordScores, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gave it to her, as usual", ["gave", "it", "to", "her", "as", "usual"]),
        ("“She’s here,” HE said.", ["She’s", "here", "HE", "said"]),
        ("'She' was _first_", ["She", "was", "first"]),
        ("man-made, it--he, well-", ["it", "he", "well"]),
        ("s/he or (s)he; he/she", ["s", "or", "s", "he", "she"]),
        ("it's-a ma'am", ["ma'am"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_readings_prefer_the_form_as_written() -> None:
    readings = WordScores({"he": -0.4, "He": -0.3, "ma'am": 0.2, "she's": 0.5, "she": 0.6})
    forms = ("he", "He", "HE", "he'll", "HE’S", "ma’am", "She’s", "she'd", "heather", "ma")
    assert [readings[form] for form in forms] == [-0.4, -0.3, -0.4, -0.4, -0.4, 0.2, 0.5, 0.6, 0.0, 0.0]


def test_found_marks_the_part_that_counts() -> None:
    text = "He’ll ask ma'am, and the man's dog."
    found = WordScores({"he": -1.0, "ma'am": 1.0, "man": -1.0}).found(text)
    assert [(text[start:end], value) for start, end, value in found] == [("He", -1.0), ("ma'am", 1.0), ("man", -1.0)]


@given(st.text(alphabet="he s'’-_/()A1.\n", max_size=40))
def test_found_agrees_with_the_words(text: str) -> None:
    readings = WordScores({"he": -1.0, "she": 1.0, "Ah": 0.5})
    found = readings.found(text)
    assert [value for _, _, value in found] == [value for value in map(readings.__getitem__, words(text)) if value]
    assert all(WordScores(readings.table)[text[start:end]] == value for start, end, value in found)
