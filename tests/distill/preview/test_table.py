from distill.config import PerturbationConfig
from distill.preview.table import preview_table


def target(setting: PerturbationConfig, configured: bool = False, nll: float | None = 3.0) -> dict:
    return {
        **vars(setting),
        "configured": configured,
        "perplexity": {"value": 20.5, "ratio": 1.0125, "ci95": [0.995, 1.03]},
        "gendered_tokens": {"nll": nll, "n": 7, "difference": None if nll is None else -0.25, "ci95": None},
        "pronoun_gap": {"mean_abs_log_odds": 0.7},
    }


def shown(*targets: dict) -> list[str]:
    scores = {
        "teacher": {"path": "gpt2"},
        "settings": {"text": ["a.txt"], "block_size": 32},
        "positions": {"scored": 1000, "blocks": 32, "gendered": 7, "after_ambiguous": 24, "rows_asked_twice": 0.5,
                      "prefixes": {"unaligned": 0.1, "neutral": 0.6, "reversed": 0.3}},
        "evaluated_occupations_named": 1234,
        "targets": targets,
    }  # fmt: skip
    return preview_table(scores).splitlines()


def test_changes_are_shown_and_the_recipe_is_marked():
    lines = shown(target(PerturbationConfig()), target(PerturbationConfig("max", "reversed", "all"), configured=True))
    assert (
        "1,000 positions in 32 blocks of 32 tokens, 7 of them gendered; 24 right after an ambiguous pronoun" in lines[1]
    )
    assert "10.0% unaligned, 60.0% neutral, 30.0% reversed; rows with a counterfactual pass: 50.0%" in lines[2]
    assert "named 1,234 times in data.train" in lines[3]
    factual, changed = lines[6:8]
    assert factual.split() == ["none", "20.500", "3.000", "0.700"]
    assert " ".join(changed.split()) == "→ max reversed all 1 20.500 +1.25 % [−0.50, +3.00] 3.000 −0.250 0.700"
    assert changed.index("3.000") == factual.index("3.000")


def test_a_limited_target_says_how_far_it_goes():
    lines = shown(target(PerturbationConfig("mean", "reversed", "all", 0.25, "gendered")))
    assert "mean reversed all 0.25 (gendered) 20.500" in " ".join(lines[6].split())


def test_a_text_without_gendered_tokens_has_a_dash():
    lines = shown(target(PerturbationConfig(), nll=None), target(PerturbationConfig("max"), nll=None))
    assert [line.split()[-2] for line in lines[6:8]] == ["–", "–"]
