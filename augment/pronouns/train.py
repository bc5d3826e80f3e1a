"""Train the model that tells the two kinds of “her” apart: raw English text in, `lexicons/pronouns.json.gz` out.

    python -m augment.pronouns.train NOVEL.txt [NOVEL.txt …] --output augment/lexicons/pronouns.json.gz

No annotation is needed: “him” and “his” occur where “her” does and label themselves, and so do “me” and “my”, “them”
and “their”, “us” and “our”. First, words are grouped into classes (`augment.pronouns.word_classes`), so that what is
learned about one word carries over to similar ones; then a logistic regression is fitted with AdaGrad, and small
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
from numpy.typing import NDArray

from augment.pronouns.features import FeatureKey, TokenWindow, token_window
from augment.pronouns.model import PronounModel
from augment.pronouns.word_classes import cluster, word_classes
from augment.runtime.atomic_write import atomic_write

_PRONOUN = re.compile(r"(?<![\w'’-])(?:(?P<determiner>his|my|their|our)|him|me|them|us)(?!\w)", re.IGNORECASE)
# “Her being late”, “his wanting it”: determiners in novels, rare in the text of today.
_GERUND = ("being", "having")
_OBJECTS = """
a an the my his her your their our its it him me them us you to that he she i they we this these those what how
"""
_AFTER_GERUND = frozenset(_OBJECTS.split())

FRAMES = 12
MIN_OBJECTS = 5

EPOCHS, SEEDS, BATCH_SIZE, LEARNING_RATE, WEIGHT_DECAY = 4, 4, 128, 0.1, 1e-3
MIN_EXAMPLES = 3
MIN_WEIGHT = 0.1
SCALE = 32
SHIFT = -0.2
"""Log-odds added to the bias: in the text of today, more of “her” are objects than of the pronouns in novels."""

Example = tuple[TokenWindow, bool]


def main(argv: list[str] | None = None) -> None:
    """Train on the given files, print the accuracy on the first of them, and write the model."""
    parser = argparse.ArgumentParser(prog="python -m augment.pronouns.train", description=__doc__.splitlines()[0])
    parser.add_argument("texts", nargs="+", type=Path, metavar="NOVEL.txt", help="raw English text in UTF-8")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.json.gz", help="where to write the model")
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
    """The words around every pronoun whose form shows whether it is a determiner, and whether it is one."""
    found = (
        (token_window(text, match.start(), match.end()), match["determiner"] is not None)
        for match in _PRONOUN.finditer(text)
        if match[0] != "US"
    )
    return [(window, determiner) for window, determiner in found if not (determiner and _before_gerund(window))]


def _before_gerund(window: TokenWindow) -> bool:
    word, following = window[2].lower(), window[3].lower()
    return word in _GERUND or (word.endswith("ing") and following in _AFTER_GERUND)


def train(texts: Sequence[str], labelled: Sequence[Example]) -> PronounModel:
    """Fit a model to these examples, with the word classes of these texts."""
    classes, endings = word_classes(texts, labelled)
    frames = object_frames(PronounModel(classes, endings, {}, {}), labelled)
    describing = PronounModel(classes, endings, frames, {})
    rows = [describing.features(window) for window, _ in labelled]
    counts = Counter(feature for row in rows for feature in row)
    known = [feature for feature, count in counts.items() if count >= MIN_EXAMPLES]
    column = {feature: index for index, feature in enumerate(known)}
    matrix = np.array([[column.get(feature, len(known)) for feature in row] for row in rows])
    labels = np.array([label for _, label in labelled], dtype=float)
    fitted = np.mean([fit(matrix, labels, len(known), seed) for seed in range(SEEDS)], axis=0)
    fitted[column[FeatureKey.BIAS]] += SHIFT
    weights = {
        feature: round(weight * SCALE)
        for feature, weight in zip(known, fitted.tolist(), strict=True)
        if abs(weight) >= MIN_WEIGHT
    }
    return PronounModel(classes, endings, frames, weights)


def fit(matrix: NDArray[np.int64], labels: NDArray[np.float64], size: int, seed: int) -> NDArray[np.float64]:
    """Fit a logistic regression with AdaGrad.

    Args:
        matrix: The features of each example, as numbers below `size`, or `size` for a feature that is left out,
            `[examples, features of an example]`.
        labels: 0 or 1, `[examples]`.
        size: Number of features.
        seed: Of the order of the examples.

    Returns:
        The weights, `[size]`.
    """
    random = np.random.default_rng(seed)
    weights, squares = np.zeros(size + 1), np.full(size + 1, 1e-2)
    for _ in range(EPOCHS):
        order = random.permutation(len(labels))
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            features = matrix[batch]
            error = 1 / (1 + np.exp(-weights[features].sum(1))) - labels[batch]
            gradient = np.bincount(features.ravel(), np.repeat(error, features.shape[1]), minlength=size + 1)
            touched = np.nonzero(gradient)[0]
            step = gradient[touched] + WEIGHT_DECAY * len(batch) * weights[touched]
            squares[touched] += step**2
            weights[touched] -= LEARNING_RATE * step / np.sqrt(squares[touched])
            weights[size] = 0
    return weights[:size]


def object_frames(describing: PronounModel, labelled: Iterable[Example]) -> dict[str, str]:
    """Stem → frame: one letter for verbs and prepositions whose objects are followed by the same word classes.

    Args:
        describing: A model with word classes; it needs no frames and no weights.
        labelled: The examples to count in.

    Returns:
        The frames of all stems with enough objects; none if there are fewer such stems than frames.
    """
    followers: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, before, after, _, _), determiner in labelled:
        if not determiner:
            followers[describing.describe(before).stem][describing.describe(after).word_class] += 1
    stems = [stem for stem, found in followers.items() if found.total() >= MIN_OBJECTS]
    classes = sorted({found for stem in stems for found in followers[stem]})
    counts = np.array([[followers[stem][found] for found in classes] for stem in stems], dtype=float)
    if len(stems) < FRAMES:
        return {}
    usual = counts.sum(0) / counts.sum()
    smoothed = (counts + MIN_OBJECTS * usual) / (counts.sum(1, keepdims=True) + MIN_OBJECTS)
    vectors = np.sqrt(smoothed) - np.sqrt(usual)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6
    labels = cluster(vectors, np.sqrt(counts.sum(1)), FRAMES)
    return {stem: chr(ord("a") + label) for stem, label in zip(stems, labels.tolist(), strict=True)}


def accuracy(model: PronounModel, labelled: Sequence[Example]) -> float:
    """Share of the examples that the model classifies correctly."""
    return sum((model.score(window) > 0) == label for window, label in labelled) / len(labelled)


def write(model: PronounModel, path: Path) -> None:
    """Write the model atomically."""
    content = json.dumps(
        [model.classes, model.endings, model.frames, model.weights], ensure_ascii=False, separators=(",", ":")
    )
    atomic_write(path, lambda unfinished: unfinished.write_bytes(gzip.compress(content.encode(), 9, mtime=0)))


if __name__ == "__main__":
    main()
