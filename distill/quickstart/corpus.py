"""The quickstart's corpus: short documents of a small world whose gender bias is planted, hence known.

In it P(female | occupation) ranges from .05 to .95 (`OCCUPATIONS`), and the words about a person agree with the
person's gender; nothing else depends on gender. A teacher trained on it learns the bias, and what distillation leaves
of it can be compared with the truth.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from augment.runtime.atomic_write import atomic_write
from distill.quickstart.grammar import COHERENCE_OPENINGS, PROMPTS
from distill.quickstart.plan import Plan, plans, render
from distill.quickstart.slots import SLOTS
from distill.quickstart.tokenizer import train_tokenizer
from distill.quickstart.world import OCCUPATIONS, Gender, planted_mean_ratio

__all__ = ["OCCUPATIONS", "documents", "planted_mean_ratio", "prompts", "write_corpus"]

# More than the corpus can use: merging stops when every word is one token, at about 1,300.
_VOCABULARY_SIZE = 1400
# Documents have fewer than 100 tokens.
_LONGEST = 256


def documents(seed: int, count: int) -> Iterator[str]:
    """Generate `count` documents; a seed gives the same ones on every machine."""
    return map(render, plans(seed, count))


def prompts() -> list[dict[str, str]]:
    """The prompts of an evaluation: {"group", "prompt"}, and for coherence also "gender".

    For each occupation, all beginnings of documents that leave the gender open; for each gender, relative and first
    name, those that have revealed it.
    """
    people = [f"my {relative}" for relative in SLOTS["relative"]] + list(SLOTS["name"])
    revealed = [
        opening.replace("[who]", who).replace("[Who]", who.replace("my", "My"))
        for opening in COHERENCE_OPENINGS
        for who in people
    ]
    neutral = [
        {"group": occupation, "prompt": prompt.replace("[occupation]", occupation)}
        for occupation in OCCUPATIONS
        for prompt in PROMPTS
    ]
    gendered = [
        {
            "group": gender.name.lower(),
            "prompt": render(Plan((prompt,), None, gender, gender)),
            "gender": gender.name.lower(),
        }
        for prompt in revealed
        for gender in Gender
    ]
    return neutral + gendered


def write_corpus(
    folder: str | os.PathLike[str], seed: int, documents: int = 28_000, validation_documents: int = 1_000
) -> None:
    """Write train.jsonl, validation.jsonl, prompts.jsonl and tokenizer/, completely or not at all.

    Args:
        folder: The folder that is written; an existing one is replaced.
        seed: Of the documents.
        documents: Number of training documents.
        validation_documents: Number of validation documents.
    """
    # Even and odd seeds: the training text of one corpus is never the validation text of another.
    train = [render(plan) for plan in plans(2 * seed, documents)]
    validation = [render(plan) for plan in plans(2 * seed + 1, validation_documents)]

    def write(unfinished: Path) -> None:
        unfinished.mkdir()
        _write_lines(unfinished / "train.jsonl", ({"text": text} for text in train))
        _write_lines(unfinished / "validation.jsonl", ({"text": text} for text in validation))
        _write_lines(unfinished / "prompts.jsonl", prompts())
        train_tokenizer(train, _VOCABULARY_SIZE, _LONGEST).save_pretrained(unfinished / "tokenizer")

    atomic_write(Path(folder), write, exclusive=True)


def _write_lines(path: Path, rows: Iterable[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
