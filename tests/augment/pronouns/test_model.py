"""Is this “her” or “his” a determiner? By example, and on gold text where there is some."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augment.pronouns.features import FeatureKey, token_window
from augment.pronouns.model import _model, is_determiner, stem_of
from tests.data_folder import real_data


@pytest.mark.parametrize(
    "text",
    [
        "She lost [her] keys.",
        "[HER] KEYS",
        "in [her]\nown words",
        "[her] “friend”",
        "[her] (former) boss",
        "[her] _own_ boss",
        "[his] keys",
        "[his] early life",
        "[her] family.",
        "[her] lovely house",
        "[her] first job",
        "with [his] or her keys",
        "with [her]/his keys",
        "“[her] ‘late’ uncle”",
        "**[his]** bag",
        "_[her]_ friend",
        "his/[her];",
        "[his]/her.",
        "a picture of [his] mother",
        "[her] better half",
        "[her] dead husband",
        "[her] waiting room",
        "[her] very own",
        "[her] happy and quiet life",
        "[her] Monday class",
        "in [her] last year.",
        "[her] last days",
        "[her] last year at school",
        "They left. [Her] last year was sad.",
        "made [her] mother happy",
        "me and [her] mother went",
        # words that novels hardly know, behind verbs that have many pronouns for objects
        "left [her] phone at home",
        "bought [her] ticket.",
        "made [her] debut on May 3",
        "took [her] helmet and left",
    ],
)
def test_determiners(text: str) -> None:
    assert decide(text)


@pytest.mark.parametrize(
    "text",
    [
        "I saw [her].",
        "I saw [her]",
        "I saw [HER] AGAIN",
        "I saw [her]\n\nKeys are things.",
        "I saw [her] and left",
        "give [her] the keys",
        "I told [her] it’s late",
        "I met [her] (twice)",
        "let [her] explore",
        "they praised [her] highly!",
        "I saw [her] first.",
        "it belongs to him or [her].",
        "this one is [his].",
        "[his] and hers",
        "the fault was [his], too",
        "'her' [her]'",
        "She uses she/[her].",
        "A friend of [his] came.",
        "an uncle of [his] who left",
        "I love [her] very much.",
        "loved [her] more than me",
        "knew [her] better.",
        "wish [her] well in it",
        "left [her] waiting for hours",
        "found [her] alive in it",
        "found [her] dead.",
        "I saw [her] Monday.",
        "married [her] last year.",
        "met [her] two years ago",
        "saw [her] one day and left",
        "made [her] happy",
        "makes [her] laugh",
        "Me and [her] went.",
    ],
)
def test_pronouns_by_themselves(text: str) -> None:
    assert not decide(text)


def decide(text: str) -> bool:
    start = text.index("[")
    end = text.index("]") - 1
    return is_determiner(text.replace("[", "").replace("]", ""), start, end)


def gold(path: Path) -> Iterator[tuple[str, int, int, bool]]:
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        if "targets" in row:
            tokens = [(target["start"], target["end"], target["xpos"]) for target in row["targets"]]
        else:
            tokens = [(start, end, xpos) for start, end, _, _, xpos in row["tokens"]]
        for start, end, xpos in tokens:
            if xpos in ("PRP", "PRP$"):
                yield row["text"], start, end, xpos == "PRP$"


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_score_is_the_sum_of_the_features(before: str, after: str) -> None:
    around = token_window(before + " her " + after, len(before) + 1, len(before) + 4)
    model = _model()
    whole = sum(model.weights.get(feature, 0) for feature in model.features(around))
    assert model.score(around) == whole or abs(model.score(around)) >= 64
    assert (model.score(around) > 0) == (whole > 0)
    assert len(model.features(around)) == len(set(model.features(around)))


def test_the_legend_is_that_of_the_weight_file() -> None:
    keys = [key for name, key in vars(FeatureKey).items() if name.isupper()]
    assert len(set(keys)) == len(keys)
    assert {feature[:1] for feature in _model().weights} | {FeatureKey.BIAS} == set(keys)
    assert {feature[:1] for feature in _model().features(("he", "gave", "the", "keys", "."))} == set(keys)


def test_a_window_passes_over_quotes_and_stops_at_paragraphs() -> None:
    text = "He gave “her” (the) $1,000.\n\nThen"
    assert token_window(text, 9, 12) == ("He", "gave", "the", "$1,000.", "\n\n")
    assert token_window("her", 0, 3) == ("\n\n",) * 5


@pytest.mark.parametrize(("word", "stem"), [("giving", "giv"), ("gives", "giv"), ("stopped", "stop"), ("told", "tell")])
def test_stems(word: str, stem: str) -> None:
    assert stem_of(word) == stem


@pytest.mark.parametrize("file", ["ud_dev.jsonl", "ewt_train_her_his.jsonl"])
@pytest.mark.parametrize(("word", "least"), [("her", 0.96), ("his", 0.99)])
def test_accuracy_on_gold_text(file: str, word: str, least: float) -> None:
    judged = [
        is_determiner(text, start, end) == determiner
        for text, start, end, determiner in gold(real_data("pronouns", file))
        if text[start:end].lower() == word
    ]
    assert sum(judged) / len(judged) >= least
