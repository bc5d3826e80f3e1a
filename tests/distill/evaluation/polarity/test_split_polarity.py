import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluation.polarity.split_polarity import SplitPolarity
from distill.evaluation.polarity.word_vector_polarity import labeller, read_word_table

TABLE = {"she": 0.44, "he": -0.44, "He": -0.3, "actress": 0.25, "queen": 0.26, "wife": 0.1}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("then she left", "female"),
        ("then she, left", "neutral"),  # punctuation is not stripped
        ("then She left", "neutral"),  # nor case
        ("He left", "male"),
        ("the actress left", "neutral"),  # at the threshold is not beyond it
        ("the queen left", "female"),
        ("he saw she", "male"),  # the first of equals
        ("she saw he", "female"),
        ("", "neutral"),
        ("a wife", "neutral"),
    ],
)
def test_examples(text: str, label: str) -> None:
    assert SplitPolarity(TABLE)(text) == label


@given(st.lists(st.sampled_from([*TABLE, "nurse", "she,", "\n"]), max_size=8).map(" ".join))
def test_it_is_the_published_rule_word_by_word(text: str) -> None:
    largest = 0.0
    for word in text.split():
        if word in TABLE and abs(TABLE[word]) > abs(largest):
            largest = TABLE[word]
    expected = "female" if largest > 0.25 else "male" if largest < -0.25 else "neutral"
    assert SplitPolarity(TABLE)(text) == expected
    words = [(text[start:end], gender) for start, end, gender in SplitPolarity(TABLE).gendered_words(text)]
    beyond = [word for word in text.split() if abs(TABLE.get(word, 0)) > 0.25]
    assert words == [(word, "female" if TABLE[word] > 0 else "male") for word in beyond]


def test_it_reads_the_table_of_words() -> None:
    assert labeller("gender_max_split")("then she left") == "female"
    assert labeller("gender_max_split").polarities == read_word_table().polarities
