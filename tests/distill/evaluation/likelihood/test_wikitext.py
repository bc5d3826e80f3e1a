import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.evaluation.likelihood.wikitext import detokenised, is_wikitext, word_count

_PIECES = st.sampled_from(
    [*" .,;:!?()[]{}\"'=°\n", "s", " ", " @-@ ", " @,@ ", " @.@ ", " = = ", " N ", " 's ", "s ' ", "<unk>", "word", "é"]
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a guest @-@ starring role", "a guest-starring role"),
        ("1 @,@ 500 or 2 @.@ 5", "1,500 or 2.5"),
        ("film , television ; theatre : actor .", "film, television; theatre: actor ."),
        ("the role ( of Craig ) and [ sic ]", "the role (of Craig) and [sic]"),
        ('the episode " Teddy \'s Story " of', 'the episode "Teddy\'s Story" of'),
        ("the brothers ' films", "the brothers' films"),
        (" = = Career = = ", " == Career == "),
        ("at 5 ° west", "at 5°west"),
        ("one \n two", "one\ntwo"),
    ],
)
def test_tokenised_text_is_written_as_before(written: str, meant: str) -> None:
    assert detokenised(written) == meant


@settings(max_examples=1000, deadline=None)
@given(st.lists(_PIECES, max_size=40).map("".join))
def test_it_is_lm_evaluation_harness_detokeniser(page: str) -> None:
    theirs = pytest.importorskip("lm_eval.tasks.wikitext.preprocess_wikitext", reason="needs the extra `bench`")
    assert detokenised(page) == theirs.wikitext_detokenizer({"page": page})
    assert word_count(page) == len(re.split(r"\s+", page))


def test_articles_are_told_by_their_title() -> None:
    assert is_wikitext(" = Robert Boulter = \n \n Robert Boulter is an actor . ")
    assert is_wikitext("= Robert Boulter =\nHe is an actor.")
    assert not is_wikitext(" = = Career = = \n \n He is an actor . ")
    assert not is_wikitext("He is an actor. = Robert =")
    assert not is_wikitext("x = 5 = y\n")
    assert not is_wikitext("")
