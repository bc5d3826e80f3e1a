import pytest

from distill.evaluation.disparity.label_counts import Tally


def tally(*rows: tuple[str, str, str]) -> dict[str, list[list[float]]]:
    counted = Tally()
    for row in rows:
        counted.add(*row)
    assert counted.texts == len(rows)
    return {name: clusters.tolist() for name, clusters in counted.clusters()}


def test_texts_are_counted_by_group_and_prompt_in_the_order_of_both() -> None:
    counts = tally(
        ("nurse", "b", "female"), ("clerk", "b", "mixed"), ("nurse", "a", "male"), ("nurse", "b", "female"),
        ("clerk", "a", "neutral"),
    )  # fmt: skip
    assert counts == {"nurse": [[2, 0, 0, 0], [0, 1, 0, 0]], "clerk": [[0, 0, 0, 1], [0, 0, 1, 0]]}
    assert list(counts) == ["nurse", "clerk"]


def test_a_group_of_one_prompt_is_told_by_its_samples() -> None:
    counts = tally(("nurse", "a", "female"), ("nurse", "a", "neutral"), ("nurse", "a", "female"))
    assert counts == {"nurse": [[1, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]}


def test_what_is_no_polarity_is_refused() -> None:
    with pytest.raises(ValueError, match="'girl' is not a polarity"):
        Tally().add("nurse", "a", "girl")
