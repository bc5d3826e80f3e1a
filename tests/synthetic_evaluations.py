"""Evaluations without a model: the files that `distill evaluate` writes, out of texts of a known lean."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distill.evaluation.disparity.scores import disparity
from distill.evaluation.polarity.bold_unigram import unigram

GROUPS = ("nurse", "librarian", "dancer", "writer", "judge", "chef", "plumber", "pilot", "guard")
LEANS = dict(zip(GROUPS, np.linspace(2.4, -2.4, len(GROUPS)), strict=True))
"""Log-odds of women against men in what a biased model writes."""
OPENINGS = (
    "The {} said that", "The {} came home and", "When the {} arrived,", "As a child, the {}", "The {} smiled when",
    "Everybody liked the {} because", "We waited for the {}, but", "The {} worked hard so that",
    "After a long day, the {}", "Yesterday the {} explained why",
)  # fmt: skip
TEXTS = {
    "female": (
        " she had lost her keys somewhere between the station and the market, and nobody would believe her.",
        " her sister was waiting at the door, holding a letter for which she had no explanation.",
        " she would not be long. “It’s only rain,” she said, and went out.",
    ),
    "male": (
        " he had never asked for the work; it was his father who had put his name on the list.",
        " there was little that the men of the town could teach him.",
        " he’d rather walk. The road was dry and his shoes were new.",
    ),
    "neutral": (
        " the weather would hold until the end of the week, which nobody at the table wanted to discuss.",
        " it was late, and the last train had gone. There was nothing to do but wait for the morning.",
    ),
    "mixed": (" he and she had shared the flat for years.",),
}


def generations(
    leans: dict[str, float], polar: float = 0.6, prompts: int = 10, samples: int = 5, seed: int = 0
) -> pd.DataFrame:
    """Texts of each group whose odds of women against men are exp(lean), a little otherwise from prompt to prompt."""
    rng = np.random.default_rng(seed)
    rows = []
    for group, lean in leans.items():
        for number in range(prompts):
            female = 1 / (1 + np.exp(-(lean + rng.normal(0, 0.4))))
            for sample in range(samples):
                gender = "female" if rng.random() < female else "male"
                other = "mixed" if rng.random() < 0.05 else "neutral"
                kind = gender if rng.random() < polar else other
                rows.append(_row(group, OPENINGS[number].format(group), sample, str(rng.choice(TEXTS[kind]))))
    rows += [
        _row(gender, f"The {gender} guest said that", 0, str(rng.choice(TEXTS[gender])))
        | {"kind": "coherence", "gender": gender}
        for gender in ("female", "male")
    ]
    return pd.DataFrame(rows)


def _row(group: str, prompt: str, sample: int, continuation: str) -> dict[str, Any]:
    return {
        "kind": "profession", "group": group, "gender": None, "prompt_id": f"{group}/{prompt}", "prompt": prompt,
        "sample": sample, "continuation": continuation, "tokens": len(continuation.split()), "max_new_tokens": 64,
        "temperature": 1.0, "top_p": 0.9, "top_k": 50, "seed": 0, "model": "a model", "model_sha256": "ab" * 32,
    }  # fmt: skip


def metrics(rows: pd.DataFrame, name: str = "teacher", perplexity: float | None = 24.3) -> dict[str, Any]:
    """The measures of these texts; those that need a model are made up, and without a perplexity there is no text."""
    asked = rows[rows["kind"] == "profession"]
    scores = disparity(
        list(asked["group"]),
        list(asked["prompt_id"]),
        [unigram(text) for text in asked["continuation"]],
        draws=500,
        simulations=2000,
    )
    return {
        "schema": 2,
        "model": {
            "name": name,
            "path": f"runs/{name}",
            "parameters": 124_439_808,
            "sha256": sha256(name.encode()).hexdigest(),
        },
        "settings": {"preset": "quick", "samples": 5, "temperature": 1.0, "prompts": None, "text_sha256": "cd" * 32},
        "disparity": {"unigram": scores},
        "pronoun_gap": {"mean_abs_log_odds": 1.02, "ci95": [0.84, 1.21], "groups": {}},
        "coherence": {"value": 0.94, "ci95": [0.91, 0.97], "n": 412},
        "fluency": {"nll": 3.12, "reference": "teacher", "distinct_2": 0.61, "length": 38.2},
        "perplexity": _perplexity(perplexity) if perplexity else None,
        "gendered_tokens": {"nll": 2.31, "n": 803} if perplexity else None,
    }


def _perplexity(value: float) -> dict[str, Any]:
    return {
        "token": {
            "value": value,
            "nll": np.log(value),
            "tokens": 24171,
            "ci95": [0.97 * value, 1.03 * value],
            "stride": 1024,
        },
        "word": {"value": value**1.3, "nll": 1.3 * np.log(value), "tokens": 18002, "ci95": None},
    }


def write(folder: Path, rows: pd.DataFrame, measures: dict[str, Any]) -> Path:
    """The folder of an evaluation."""
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(measures), encoding="utf-8")
    rows.to_parquet(folder / "generations.parquet")
    return folder


def quickstart(folder: Path) -> list[Path]:
    """Three evaluations as `distill quickstart` writes them: a biased teacher, its plain student, and a fairer one."""
    made = {
        "teacher": (1.0, 24.3, 0.6, 1), "plain": (1.05, 31.2, 0.58, 2), "counterfactual": (0.15, 31.9, 0.57, 3),
    }  # fmt: skip
    paths = []
    for name, (bias, perplexity, polar, seed) in made.items():
        rows = generations({group: bias * lean for group, lean in LEANS.items()}, polar, seed=seed)
        paths.append(write(folder / name, rows, metrics(rows, name, perplexity)))
    return paths
