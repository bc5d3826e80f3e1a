"""Contexts of words in a text, and a model's contextual embeddings of the words."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from distill.evaluation.likelihood.token_nll import BATCH_TOKENS
from distill.evaluation.scored_model import ScoredModel

_WORDS_BEFORE, _CHARACTERS_BEFORE = 20, 400
_SENTENCE_END = re.compile(r"[.!?]['”\"]*\s+|\n")


def find_contexts(documents: Iterable[str], words: Sequence[str], wanted: int) -> dict[str, list[str]]:
    """Find contexts of words: sentences up to and including the word, because a causal model ignores what follows.

    Args:
        documents: The text; it is read only as far as necessary.
        words: The words, case-sensitive.
        wanted: Maximum number of contexts per word; a document provides at most one.

    Returns:
        The contexts of each word, with at most 20 words before it.
    """
    found: dict[str, list[str]] = {word: [] for word in words}
    any_word = re.compile(rf"(?<![\w'’-])(?:{'|'.join(map(re.escape, found))})(?![\w'’-])")
    missing = set(found)
    for document in documents:
        seen: set[str] = set()
        for match in any_word.finditer(document):
            word = match.group()
            if word in seen or word not in missing:
                continue
            seen.add(word)
            begun = _SENTENCE_END.split(document[max(0, match.start() - _CHARACTERS_BEFORE) : match.end()])[-1]
            found[word].append(" ".join(begun.split()[-_WORDS_BEFORE - 1 :]))
            if len(found[word]) == wanted:
                missing.remove(word)
        if not missing:
            break
    return found


@torch.inference_mode()
def contextual_vectors(
    scored_model: ScoredModel, contexts: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.float64]]:
    """Compute the last layer's hidden state at the last token of each context.

    Returns:
        For each word `[contexts, features]`.
    """
    beginning = scored_model.start_token
    start = [] if beginning is None else [beginning]
    texts = [text for group in contexts.values() for text in group]
    encoded = scored_model.tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []
    sequences = [[*start, *tokens] for tokens in encoded]
    order = sorted(range(len(sequences)), key=lambda row: -len(sequences[row]))
    vectors = np.zeros((len(sequences), scored_model.model.config.get_text_config().hidden_size))
    with tqdm(total=len(sequences), desc="contextual vectors", delay=2, leave=False) as bar:
        while order:
            longest = len(sequences[order[0]])
            rows, order = order[: max(1, BATCH_TOKENS // longest)], order[max(1, BATCH_TOKENS // longest) :]
            lengths = torch.tensor([len(sequences[row]) for row in rows])
            inputs = torch.zeros(len(rows), longest, dtype=torch.long)
            for place, row in enumerate(rows):
                inputs[place, : lengths[place]] = torch.tensor(sequences[row])
            # Padding is on the right, which a causal model does not attend to.
            output = scored_model.model.base_model(input_ids=inputs.to(scored_model.device), use_cache=False)
            last = output.last_hidden_state[torch.arange(len(rows)), lengths - 1]
            vectors[rows] = last.double().cpu().numpy()
            bar.update(len(rows))
    ends = np.cumsum([len(group) for group in contexts.values()])
    return dict(zip(contexts, np.split(vectors, ends[:-1]), strict=True))
