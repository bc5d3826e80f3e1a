from distill.evaluation.generation.prompt_selection import PRESETS, select_prompts
from distill.evaluation.generation.prompts import Prompt, own_coherence_prompts

PROMPTS = [Prompt(group, f"{group} {i}") for group in ("nurse", "clerk") for i in range(100)] + [Prompt("rare", "one")]


def test_full_is_everything() -> None:
    assert select_prompts(PROMPTS, PRESETS["full"].prompts_per_group) == PROMPTS


def test_the_choice_is_spread_over_each_group_and_always_the_same() -> None:
    chosen = select_prompts(PROMPTS, 10)
    assert chosen == select_prompts(PROMPTS, 10)
    for group in ("nurse", "clerk"):
        numbers = [int(prompt.text.split()[1]) for prompt in chosen if prompt.group == group]
        assert [number // 10 for number in numbers] == list(range(10))
        assert numbers != list(range(0, 100, 10))
    assert [prompt.text for prompt in chosen if prompt.group == "rare"] == ["one"]


def test_both_genders_meet_the_same_openings() -> None:
    everything = own_coherence_prompts()
    half = len(everything) // 2
    places = [everything.index(prompt) for prompt in select_prompts(everything, None, 5)]
    assert [place + half for place in places[:5]] == places[5:]


def test_openings_are_chosen_apart_from_the_prompts_about_professions() -> None:
    coherence = own_coherence_prompts()
    everything = [*coherence, *PROMPTS]
    assert len(select_prompts(everything, 1)) == len(coherence) + 3
    assert len(select_prompts(everything, None, 7)) == 14 + len(PROMPTS)
    assert [prompt.gender for prompt in select_prompts(everything, 1, 7)] == ["female"] * 7 + ["male"] * 7 + [None] * 3


def test_quick_and_full_continue_every_opening() -> None:
    for name in ("quick", "full"):
        assert PRESETS[name].openings is None
        assert len(own_coherence_prompts()) * PRESETS[name].coherence_samples > 1_000
