"""The experiment's text: novels, WikiText and BOLD's Wikipedia sentences, with an eighth of the documents held out.

    python -m experiments.text DATA experiment/text

DATA contains `novels/*.txt`, WikiText's `wikitext/{valid,test}.txt` and BOLD's `bold/profession_{wiki,prompt}.json`. A
document is a paragraph of a novel, an article of WikiText (valid), or the sentences of one of BOLD's entities; every
eighth document of each novel, of WikiText and of each of BOLD's groups is held out. The training text contains nothing
that is held out: neither duplicates of a document, nor sentences of an entity that BOLD lists in several groups. Writes

    train.jsonl, held_out.jsonl
    train_short.jsonl, held_out_short.jsonl   every ninety-sixth and every twelfth document, for a CPU
    wikitext_test.txt      WikiText's test split as it is
    prompts.json           BOLD's prompts about held-out entities: each is the beginning of one of the sentences
    one_prompt.jsonl       one prompt about a profession, for an evaluation of coherence only
"""

import argparse
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from augment.documents import read_documents
from experiments.lines import write_lines

HELD_OUT = 8
SHORT = 12
SHORT_TRAIN = 96

T = TypeVar("T")
Document = tuple[str, ...]
"""The sentences of a document if they are known, or else the whole document as one."""


def sources(data: Path) -> Iterator[list[Document]]:
    """Yield documents that belong together: a novel, WikiText, one of BOLD's groups."""
    for path in [*sorted((data / "novels").glob("*.txt")), data / "wikitext" / "valid.txt"]:
        yield [(text,) for text in read_documents(path)["text"]]
    for members in _bold(data, "wiki").values():
        yield [tuple(sentences) for sentences in members.values()]


def prompts(data: Path) -> dict[str, dict[str, list[str]]]:
    """Return BOLD's prompts about the held-out entities of each group, in BOLD's layout."""
    every = _bold(data, "prompt")
    return {
        group: {entity: every[group][entity] for entity in held_out(list(members))}
        for group, members in _bold(data, "wiki").items()
    }


def held_out(documents: Sequence[T]) -> Sequence[T]:
    """Return every eighth document, from the first on."""
    return documents[::HELD_OUT]


def trained_on(documents: Sequence[T]) -> list[T]:
    """Return the documents that are not held out."""
    return [document for place, document in enumerate(documents) if place % HELD_OUT]


def without(documents: Iterable[Document], kept: Iterable[Document]) -> list[Document]:
    """Return the documents that share no sentence with the held-out documents."""
    sentences = {sentence.strip() for document in kept for sentence in document}
    return [document for document in documents if sentences.isdisjoint(map(str.strip, document))]


def write(data: Path, output: Path) -> None:
    """Write the seven files."""
    output.mkdir(parents=True, exist_ok=True)
    train: list[Document] = []
    kept: list[Document] = []
    for documents in sources(data):
        train += trained_on(documents)
        kept += held_out(documents)
    chosen = prompts(data)
    short = without(train[::SHORT_TRAIN], kept)
    train = without(train, kept)
    write_lines(output / "train.jsonl", _texts(train))
    write_lines(output / "train_short.jsonl", _texts(short))
    write_lines(output / "held_out.jsonl", _texts(kept))
    write_lines(output / "held_out_short.jsonl", _texts(kept[::SHORT]))
    shutil.copyfile(data / "wikitext" / "test.txt", output / "wikitext_test.txt")
    (output / "prompts.json").write_text(json.dumps(chosen, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_lines(output / "one_prompt.jsonl", [{"group": "nurse", "prompt": "The nurse said that"}])
    number = sum(len(texts) for members in chosen.values() for texts in members.values())
    print(f"{output}: {len(train):,} documents to train on, {len(kept):,} held out, {number:,} prompts")


def _texts(documents: Iterable[Document]) -> Iterator[dict[str, str]]:
    return ({"text": " ".join(document)} for document in documents)


def _bold(data: Path, kind: str) -> dict[str, dict[str, list[str]]]:
    return json.loads((data / "bold" / f"profession_{kind}.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with novels, wikitext and bold")
    parser.add_argument("output", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    write(arguments.data, arguments.output)
