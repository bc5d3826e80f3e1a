"""Compute word polarities from word vectors: the `distill word-table` command."""

import hashlib
import logging
from pathlib import Path

from distill.errors import UserError
from distill.evaluation.polarity.hard_debias import word_polarities
from distill.evaluation.polarity.word_vector_polarity import THRESHOLD, WordTable, check_polarities, write_word_table
from distill.evaluation.polarity.word_vectors import read_word_vectors
from distill.runtime.paths import check_writable

logger = logging.getLogger(__name__)


def word_table(vectors: Path, output: Path) -> None:
    """Compute the table of word polarities for gender_max and gender_wavg from word vectors.

    Hard debiasing (Bolukbasi et al. 2016) keeps the gender of words that have one by definition and removes it from all
    others; the table contains each word's cosine with she − he. `distill evaluate --word_table` reads it.

    Args:
        vectors: English word vectors: word2vec's text or binary format (.bin), gzipped or not, such as
            GoogleNews-vectors-negative300.bin.gz; or gensim's .kv, which is read without running any code in it.
        output: File for the table, with a word, a tab and its polarity on each line.

    Raises:
        UserError: If the vectors cannot be read or do not encode gender, or if the output cannot be written or is the
            same file as the vectors.
    """
    if output.is_dir():
        raise UserError(f"--output {output}: is a folder; name the file for the table")
    if output.exists() and vectors.exists() and output.samefile(vectors):
        raise UserError(f"--output {output}: is the same file as --vectors; choose another name")
    check_writable(output.parent)
    names, rows = read_word_vectors(vectors)
    polarities = word_polarities(names, rows)
    check_polarities(polarities, str(vectors))
    with vectors.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    source = f"hard-debiased (Bolukbasi et al. 2016) from {vectors.name}, {len(names):,} words, sha256 {digest}"
    output.parent.mkdir(parents=True, exist_ok=True)
    write_word_table(WordTable(polarities, source), output)
    polar = [value for value in polarities.values() if abs(value) >= THRESHOLD]
    logger.info(
        "wrote %s: %s words with a gender; beyond ±%s, %s female and %s male ones",
        output,
        f"{len(polarities):,}",
        THRESHOLD,
        sum(value > 0 for value in polar),
        sum(value < 0 for value in polar),
    )
