"""Drawing the blocks that teach most more often, by a ranking of their documents."""

import hashlib
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from distill.data.packed_text import PackedText
from distill.errors import UserError

TEXT_KEY = b"tokens_crc32"
"""Of a ranking's schema metadata: the checksum of the text that it ranks."""
_COLUMNS = ("document", "tokens", "kl_per_token")


def check_focus(focus: float, ranking: str | None) -> None:
    """Refuse settings of `data.focus` that do not fit each other.

    Raises:
        UserError: If the focus is out of its range, or one of both is set without the other.
    """
    if not 0 <= focus < 1:
        raise UserError(f"data.focus is {focus:g}: it must be 0 or more, and less than 1")
    if (focus > 0) != (ranking is not None):
        raise UserError(
            "data.focus and data.focus_ranking need each other: write a ranking with distill preview --rank and name "
            "it, or leave both out"
        )


def block_probabilities(packed: PackedText, blocks: int, length: int, ranking: Path, focus: float) -> np.ndarray:
    """The probability of each block: (1 − focus) · uniform + focus · what it teaches.

    What a block teaches is the sum over its tokens of `kl_per_token` of their documents: the divergence that the
    ranking expects of the block as a whole, since a block is what one draw pays for.

    Args:
        packed: The training text.
        blocks: Number of blocks.
        length: Tokens of a block.
        ranking: What `distill preview --rank` has written about this text.
        focus: 0 or more, and less than 1.

    Returns:
        `[blocks]` float64, whose sum is 1.

    Raises:
        UserError: If the ranking cannot be read, is of another text, or finds nothing to learn.
    """
    scores = _scores(packed, ranking)
    starts = packed.array("starts")
    # Position t of a block predicts token t + 1.
    predicted = 1 + np.arange(blocks * length)
    taught = scores[np.searchsorted(starts, predicted, side="right") - 1].reshape(blocks, length).sum(1)
    if not taught.sum() > 0:
        raise UserError(
            f"data.focus_ranking {str(ranking)!r}: by it, no block teaches anything; rank with the operator of this "
            "recipe, or set data.focus to 0"
        )
    return (1 - focus) / blocks + focus * taught / taught.sum()


def text_checksum(packed: PackedText) -> str:
    """CRC-32 of the factual stream, 8 hexadecimal digits: of the tokens alone, wherever their sources lie."""
    return f"{zlib.crc32(packed.array('tokens').data):08x}"


def ranking_digest(ranking: Path) -> str:
    """The first 12 hexadecimal digits of the file's SHA-256, by which a run tells one ranking from another."""
    with ranking.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def draw_blocks(probabilities: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """As many blocks as there are, each drawn independently of the others.

    Args:
        probabilities: `[blocks]`.
        seed: With the epoch, of the draw.
        epoch: Its number.

    Returns:
        `[blocks]` int64 numbers of blocks, with repetitions.
    """
    edges = np.cumsum(probabilities)
    places = np.random.default_rng((seed, epoch)).random(len(edges)) * edges[-1]
    return np.minimum(np.searchsorted(edges, places, side="right"), len(edges) - 1)


def correction_weights(probabilities: np.ndarray) -> np.ndarray:
    """1 / (N · p) for each block: by these factors of its loss, the expected gradient is that of uniform draws.

    Args:
        probabilities: `[blocks]`, none of them 0.
    """
    return 1 / (len(probabilities) * probabilities)


def _scores(packed: PackedText, ranking: Path) -> np.ndarray:
    """`[documents]` KL(p″ ‖ p) a token, 0 where the ranking has none."""
    remedy = "write it with distill preview --rank and this recipe"
    try:
        table = pq.read_table(ranking, columns=list(_COLUMNS))
    except (OSError, pa.ArrowException, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"data.focus_ranking {str(ranking)!r} cannot be read ({reason}): {remedy}") from error
    document, tokens, scores = (table[name].to_numpy(zero_copy_only=False) for name in _COLUMNS)
    lengths = np.diff(packed.array("starts"), append=packed.tokens)
    # Lengths alone would take another draw of data.augmentation: substitute for this text.
    of_this_text = (table.schema.metadata or {}).get(TEXT_KEY) == text_checksum(packed).encode()
    complete = len(document) == len(lengths) and np.array_equal(np.sort(document), 1 + np.arange(len(lengths)))
    if not of_this_text or not complete or not np.array_equal(tokens, lengths[document - 1]):
        found = f"it ranks {len(document):,} documents, and data.train holds {len(lengths):,}"
        if len(document) == len(lengths):
            found = f"its {len(document):,} documents have other tokens than those of data.train"
        raise UserError(
            f"data.focus_ranking {str(ranking)!r} is of another text, or of another tokenizer: {found}; {remedy}"
        )
    taught = np.zeros(len(lengths))
    taught[document - 1] = np.nan_to_num(scores.astype(np.float64), nan=0.0)
    return taught.clip(min=0)
