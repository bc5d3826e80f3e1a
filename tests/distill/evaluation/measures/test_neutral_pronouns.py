from distill.evaluation.measures.neutral_pronouns import neutral_pronouns
from distill.evaluation.statistics.proportions import wilson


def test_shares_are_of_the_profession_prompts_alone() -> None:
    rows = [
        ("profession", "a", " she said they left"),
        ("profession", "a", " he and she left"),
        ("profession", "b", " it rained"),
        ("profession", "b", " their car and their house"),
        ("coherence", "c", " they and he and she"),
    ]
    found = neutral_pronouns(iter(rows), draws=50)
    assert found["they_rate"]["value"] == 0.5
    assert found["mixed_rate"]["value"] == 0.25


def test_prompts_are_the_clusters() -> None:
    """Ten prompts that each decide for all their twenty texts say no more than ten texts do."""
    rows = [("profession", str(prompt), " they left" if prompt < 5 else " it fell") for prompt in range(10)] * 20
    low, high = neutral_pronouns(rows)["they_rate"]["ci95"]
    independent = wilson(100, 200)
    assert high - low > 3 * (independent[1] - independent[0])


def test_no_text_is_no_share_and_a_single_prompt_no_interval() -> None:
    assert neutral_pronouns([])["they_rate"] == {"value": None, "ci95": None}
    assert neutral_pronouns([("profession", "a", " they")])["they_rate"] == {"value": 1.0, "ci95": None}
