"""A README keeps everything that is not ours, to the last character."""

import copy

import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st

from distill.report.card.model_index import TASK
from distill.report.card.readme import BEGIN, END, ReadmeError, updated


def result(value: float, task: str = TASK) -> dict:
    return {
        "task": {"type": "text-generation", "name": task},
        "dataset": {"name": "a text", "type": "text"},
        "metrics": [{"type": "perplexity", "value": value}],
    }


def write(text: str, value: float = 3.0, section: str = "## Evaluation\n\nFair.") -> str:
    return updated(text, section, "student", [result(value)])


def values(text: str) -> dict[tuple[str, str], float]:
    return {(each.task_name, each.metric_type): each.metric_value for each in ModelCard(text).data.eval_results}


CARD = """---
# what it is
license: mit  # of the teacher
tags: [a,   b]

model-index:   # of another program
- name: mine
  results:
  - task: {type: text-generation, name: theirs}
    dataset: {type: x, name: x}
    metrics: [{type: accuracy, value: 0.5}]
# after it
language: en
---
# A card

Text of its own, with a “quotation”.
"""


def test_a_card_keeps_its_comments_and_the_results_of_others() -> None:
    card = write(CARD)
    for line in CARD.splitlines():
        if line.lstrip().startswith(("#", "license", "tags", "language", "Text")):
            assert f"{line}\n" in card
    assert values(card) == {("theirs", "accuracy"): 0.5, (TASK, "perplexity"): 3.0}
    assert ModelCard(card).data.model_name == "mine"
    assert write(card) == card


def test_an_evaluation_replaces_the_one_before() -> None:
    once, twice = write(CARD, 3.0, "Old."), write(write(CARD, 3.0, "Old."), 4.0, "New.")
    assert twice == once.replace("value: 3.0", "value: 4.0").replace("Old.", "New.")


def test_text_behind_the_section_stays_behind_it() -> None:
    card = f"# A\n\n{BEGIN}\nold\n{END} and\n\n## Citation\n"
    assert write(card).endswith(f"# A\n\n{BEGIN}\n## Evaluation\n\nFair.\n{END} and\n\n## Citation\n")


def test_no_results_leave_no_model_index() -> None:
    before = "---\nlicense: mit\n---\n# A\n"
    assert yaml.safe_load(updated(write(before), "x", "student", []).split("---")[1]) == {"license": "mit"}


LINES = st.lists(st.sampled_from(["# A", "", "text", "- item", "---", "```", "| a |", "é“„"]), max_size=6)
METADATA = st.dictionaries(
    st.text("abcdefgh-_", min_size=1).filter(lambda key: key != "model-index"),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(METADATA, LINES, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.data())
def test_what_is_not_ours_stays(
    metadata: dict, lines: list[str], flow: bool, newline: str, data: st.DataObject
) -> None:
    keys = list(metadata)
    if data.draw(st.booleans()):
        theirs = [{"name": "mine", "results": [result(1.0, "theirs")]}]
        keys.insert(data.draw(st.integers(0, len(keys))), "model-index")
        metadata = {key: theirs if key == "model-index" else metadata[key] for key in keys}
    block = "".join(
        f"k{key}: {yaml.safe_dump([value], default_flow_style=True, width=float('inf'))}"
        if flow and key != "model-index"
        else yaml.safe_dump({key: copy.deepcopy(value)}, allow_unicode=True, default_flow_style=False)
        for key, value in metadata.items()
    )
    body = "# Title\n" + "\n".join(lines)
    text = (f"---\n{block}---\n" if metadata else "").replace("\n", newline) + body.replace("\n", newline)
    card = write(text)
    assert write(card) == card
    assert (f"{newline}" == "\r\n") == ("\r\n" in card)
    assert card.replace("\r\n", "").count("\r") == text.replace("\r\n", "").count("\r")
    if "model-index" not in metadata:
        assert card.startswith("---" + newline + block.replace("\n", newline))
    head, _, rest = card.partition(BEGIN)
    assert head.rstrip().endswith(body.replace("\n", newline).rstrip())
    assert rest.partition(END)[2].strip() == ""
    read = yaml.safe_load(ModelCard(card)._content.split("---", 1)[1].split(f"{newline}---{newline}")[0])
    ours = read.pop("model-index")
    assert [each["task"]["name"] for each in ours[0]["results"]][-1] == TASK
    assert read == {key: value for key, value in yaml.safe_load(block or "{}").items() if key != "model-index"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("---\nlicense: [mit\n---\n", "not YAML"),
        ("---\n- a\n---\n", "no keys"),
        ("---\nmodel-index: {name: a}\n---\n", "not one that the hub reads"),
        ("---\nmodel-index: [3]\n---\n", "not one that the hub reads"),
        ("---\n{license: mit}\n---\n", "in braces"),
        (f"# A\n{BEGIN}\n", "not exactly once"),
        (f"{END}\n{BEGIN}\n", "not exactly once"),
        (f"{BEGIN}{END}{BEGIN}{END}", "not exactly once"),
    ],
)
def test_a_readme_that_cannot_be_changed_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ReadmeError, match=problem):
        write(text)


def test_anchors_in_an_index_of_others_are_not_broken() -> None:
    text = "---\nmodel-index:\n- name: &n mine\n  results: []\ntitle: *n\n---\n"
    with pytest.raises(ReadmeError):
        write(text)
