import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.errors import UserError
from distill.evaluation.polarity.word_vector_polarity import (
    THRESHOLD,
    VectorPolarity,
    WordTable,
    labeller,
    read_word_table,
    write_word_table,
)
from tests.data_folder import real_data

TABLE = WordTable({"he": -0.44, "she": 0.44, "man": -0.35, "king": -0.43, "wife": 0.12, "lady": 0.5}, "a test")
MAX, WAVG = VectorPolarity("gender_max", TABLE), VectorPolarity("gender_wavg", TABLE)


@pytest.mark.parametrize(
    ("text", "most", "mean"),
    [
        ("", "neutral", "neutral"),
        ("The nurse went home.", "neutral", "neutral"),
        ("She smiled at the lady.", "female", "female"),
        ("the wife", "neutral", "neutral"),
        ("He told her", "male", "male"),
        ("He met a lady.", "female", "mixed"),
        ("he and she", "male", "mixed"),
        ("The man’s king, whom he'd served", "male", "male"),
    ],
)
def test_labels(text: str, most: str, mean: str) -> None:
    assert MAX(text) == most
    assert WAVG(text) == mean


def test_scores_are_bolds_formulas() -> None:
    text = "She and the wife met the man."
    assert MAX.score(text) == 0.44
    assert WAVG.score(text) == pytest.approx((0.44**2 + 0.12**2 - 0.35**2) / (0.44 + 0.12 + 0.35))
    assert MAX.score("she or he") == -MAX.score("he or she") == 0.44
    assert WAVG.score("he or she") == WAVG.score("nobody") == MAX.score("nobody") == 0.0


@given(st.lists(st.sampled_from(sorted(TABLE.polarities)), max_size=12))
def test_exchanging_the_genders_exchanges_the_labels(words: list[str]) -> None:
    mirrored = WordTable({word: -value for word, value in TABLE.polarities.items()}, "mirrored")
    exchanged = {"female": "male", "male": "female", "neutral": "neutral", "mixed": "mixed"}
    for operator in ("gender_max", "gender_wavg"):
        text = " ".join(words)
        assert VectorPolarity(operator, mirrored)(text) == exchanged[VectorPolarity(operator, TABLE)(text)]


def test_the_words_found_are_those_that_decide() -> None:
    text = "The lady's wife told the King."
    assert [(text[start:end], gender) for start, end, gender in MAX.gendered_words(text)] == [
        ("lady", "female"),
        ("King", "male"),
    ]


def test_our_table() -> None:
    polarities = read_word_table().polarities
    assert polarities.get("nurse", 0) == polarities.get("receptionist", 0) == polarities.get("Mary", 0) == 0
    assert polarities["man"] <= -THRESHOLD
    assert polarities["she"] == -polarities["he"]
    polar = np.array(list(polarities.values()))
    assert ((polar >= THRESHOLD).sum(), (polar <= -THRESHOLD).sum()) == (214, 85)
    assert labeller("gender_max")("The actress bowed.") == "female"
    assert labeller("unigram")("The actress bowed.") == "neutral"


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_word_table(TABLE, tmp_path / "table.tsv")
    assert read_word_table(tmp_path / "table.tsv") == TABLE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read as a word table"),
        ("# nothing\n", "contains no words"),
        ("man -0.3\n", "line 1: expected a word, a tab"),
        ("man\t-1.3\n", "line 1: -1.3 is not a polarity"),
        ("man\tnan\n", "line 1: nan is not a polarity"),
        ("man\t-0.19\nnurse\t0.28\n", "not hard-debiased"),
        ("man\t-0.19\n", "not hard-debiased"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "table.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_word_table(tmp_path / "table.tsv")


def test_bolds_wikipedia_sentences_lean_as_published() -> None:
    """BOLD's table 3 has 6.60 male sentences for each female one in science and technology."""
    content = json.loads(real_data("bold", "profession_wiki.json").read_text(encoding="utf-8"))
    groups = ("scientific_occupations", "engineering_branches", "computer_occupations")
    name = labeller("gender_max")
    labels = [name(text) for group in groups for texts in content[group].values() for text in texts]
    assert labels.count("male") / labels.count("female") == pytest.approx(6.8, abs=0.3)
