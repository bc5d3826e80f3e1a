"""Train the model that tells which “her” is this one: raw English text in, `lexicons/pronouns.json.gz` out.

    python -m augment.pronouns.train NOVEL.txt [NOVEL.txt …] --output augment/lexicons/pronouns.json.gz

No annotation is needed. “Him” and “his” stand where “her” does and tell themselves apart, and so do “me” and “my”,
“them” and “their”, “us” and “our”. First words are sorted into classes (`augment.pronouns.word_classes`), so that what
was learned of one word holds for others of its kind; then a logistic regression is fitted by AdaGrad, and small
weights are dropped.
"""

import argparse
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from augment.pronouns.model import Context, PronounModel, context
from augment.pronouns.word_classes import cluster, word_classes
from augment.runtime.atomic_write import atomic_write

_PRONOUN = re.compile(r"(?<![\w'’-])(?:(?P<determiner>his|my|their|our)|him|me|them|us)(?!\w)", re.IGNORECASE)
# “Her being late”, “his wanting it”: determiners that today's text rarely has, where novels have them.
_GERUND = ("being", "having")
_OBJECTS = """
a an the my his her your their our its it him me them us you to that he she i they we this these those what how
"""
_AFTER_GERUND = frozenset(_OBJECTS.split())

FRAMES = 12
LEAST_OBJECTS = 5

EPOCHS, SEEDS, BATCH, STEP, DECAY = 4, 4, 128, 0.1, 1e-3
LEAST_EXAMPLES = 3
LEAST_WEIGHT = 0.1
SCALE = 32
SHIFT = -0.2
"""Log-odds added to the bias: text of today has more objects among its “her” than novels have among their pronouns."""

Example = tuple[Context, bool]


def main(argv: list[str] | None = None) -> None:
    """Train on the files given, print what was found, and write the model beside its place, then into it."""
    parser = argparse.ArgumentParser(prog="python -m augment.pronouns.train", description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="+", type=Path, metavar="NOVEL.txt", help="raw English text in UTF-8")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.json.gz", help="where the model goes")
    arguments = parser.parse_args(argv)
    texts = [path.read_text("utf-8") for path in arguments.texts]

    by_text = [examples(text) for text in texts]
    print(f"{sum(map(len, by_text)):,} pronouns that label themselves, in {len(texts)} texts", flush=True)
    if len(texts) > 1:
        others = train(texts[1:], [example for found in by_text[1:] for example in found])
        print(
            f"{accuracy(others, by_text[0]):.2%} right in {arguments.texts[0].name}, trained on the others", flush=True
        )
    model = train(texts, [example for found in by_text for example in found])
    write(model, arguments.output)
    print(f"{arguments.output}: {len(model.weights):,} weights, {arguments.output.stat().st_size / 1000:.0f} kB")


def examples(text: str) -> list[Example]:
    """Every pronoun of the text that tells by itself whether it is a determiner, and what stands around it."""
    found = (
        (context(text, match.start(), match.end()), match["determiner"] is not None)
        for match in _PRONOUN.finditer(text)
        if match[0] != "US"
    )
    return [(tokens, determiner) for tokens, determiner in found if not (determiner and _before_gerund(tokens))]


def _before_gerund(tokens: Context) -> bool:
    word, following = tokens[2].lower(), tokens[3].lower()
    return word in _GERUND or (word.endswith("ing") and following in _AFTER_GERUND)


def train(texts: Sequence[str], labelled: Sequence[Example]) -> PronounModel:
    """A model of these examples, with word classes of these texts."""
    classes, endings = word_classes(texts, labelled)
    frames = object_frames(PronounModel(classes, endings, {}, {}), labelled)
    describing = PronounModel(classes, endings, frames, {})
    rows = [describing.features(tokens) for tokens, _ in labelled]
    counts = Counter(feature for row in rows for feature in row)
    known = [feature for feature, count in counts.items() if count >= LEAST_EXAMPLES]
    column = {feature: index for index, feature in enumerate(known)}
    matrix = np.array([[column.get(feature, len(known)) for feature in row] for row in rows])
    labels = np.array([label for _, label in labelled], dtype=float)
    fitted = np.mean([fit(matrix, labels, len(known), seed) for seed in range(SEEDS)], axis=0)
    fitted[column[""]] += SHIFT
    weights = {
        feature: round(weight * SCALE)
        for feature, weight in zip(known, fitted.tolist(), strict=True)
        if abs(weight) >= LEAST_WEIGHT
    }
    return PronounModel(classes, endings, frames, weights)


def fit(matrix: np.ndarray, labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Logistic regression by AdaGrad.

    `matrix`: [examples, features of each] columns below `size`, or `size` for a feature that is left out; `labels`:
    [examples] 0 or 1. Returns [size] weights.
    """
    random = np.random.default_rng(seed)
    weights, squares = np.zeros(size + 1), np.full(size + 1, 1e-2)
    for _ in range(EPOCHS):
        order = random.permutation(len(labels))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            features = matrix[batch]
            error = 1 / (1 + np.exp(-weights[features].sum(1))) - labels[batch]
            gradient = np.bincount(features.ravel(), np.repeat(error, features.shape[1]), minlength=size + 1)
            touched = np.nonzero(gradient)[0]
            step = gradient[touched] + DECAY * len(batch) * weights[touched]
            squares[touched] += step**2
            weights[touched] -= STEP * step / np.sqrt(squares[touched])
            weights[size] = 0
    return weights[:size]


def object_frames(describing: PronounModel, labelled: Iterable[Example]) -> dict[str, str]:
    """Stem → frame: one letter for verbs and prepositions whose objects are followed by the same word classes."""
    followers: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, before, after, _, _), determiner in labelled:
        if not determiner:
            followers[describing.describe(before).stem][describing.describe(after).kind] += 1
    stems = [stem for stem, found in followers.items() if found.total() >= LEAST_OBJECTS]
    classes = sorted({found for stem in stems for found in followers[stem]})
    counts = np.array([[followers[stem][found] for found in classes] for stem in stems], dtype=float)
    if len(stems) < FRAMES:
        return {}
    usual = counts.sum(0) / counts.sum()
    smoothed = (counts + LEAST_OBJECTS * usual) / (counts.sum(1, keepdims=True) + LEAST_OBJECTS)
    vectors = np.sqrt(smoothed) - np.sqrt(usual)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6
    labels = cluster(vectors, np.sqrt(counts.sum(1)), FRAMES)
    return {stem: chr(ord("a") + label) for stem, label in zip(stems, labels.tolist(), strict=True)}


def accuracy(model: PronounModel, labelled: Sequence[Example]) -> float:
    """Share of examples that the model gets right."""
    return sum((model.score(tokens) > 0) == label for tokens, label in labelled) / len(labelled)


def write(model: PronounModel, path: Path) -> None:
    """Write the model, whole or not at all."""
    content = json.dumps(
        [model.classes, model.endings, model.frames, model.weights], ensure_ascii=False, separators=(",", ":")
    )
    atomic_write(path, lambda unfinished: unfinished.write_bytes(gzip.compress(content.encode(), 9, mtime=0)))


if __name__ == "__main__":
    main()
