"""How often training text names the occupations of an evaluation, which is then no longer about unseen ones."""

from collections.abc import Sequence

from tqdm import tqdm

from augment.documents import read_documents
from distill.evaluation.generation.templates import count_occupations


def times_named(sources: Sequence[str], field: str) -> int:
    """Count the built-in occupations in a text, in the singular and the plural.

    Args:
        sources: Files, folders or hub ids.
        field: Column of the text in jsonl, parquet and hub sets.

    Raises:
        augment.documents.DocumentError: If the text cannot be read.
    """
    named = 0
    for source in sources:
        documents = read_documents(source, field=field)
        for document in tqdm(documents, desc=f"Counting occupations in {source}", unit=" documents", delay=1):
            named += count_occupations(document["text"])
    return named
