"""The prompts of the pronoun gap as blocks, so that targets are scored on them as on a text."""

from collections.abc import Sequence
from itertools import takewhile

from transformers import PreTrainedTokenizerBase

from augment import RoleReverser
from distill.data.blocks import Block
from distill.data.document_rows import behind, document_block
from distill.data.encoding import EncodedDocument, document_opening, encode_documents, text_opening
from distill.evaluation.probes.pronoun_gap import VARIANTS, pronoun_texts


def pronoun_blocks(occupations: Sequence[str], names: bool, tokenizer: PreTrainedTokenizerBase) -> list[Block]:
    """Encode each of `pronoun_texts` as a block; all are padded on the right to one length.

    Only the tokens in which the variants of a prompt differ have a label: the others cancel in the log-odds. Each text
    begins with the special tokens that the tokenizer puts there, as in `distill evaluate`.

    Args:
        occupations: What the prompts are about.
        names: Reverse first names, too.
        tokenizer: A fast tokenizer.

    Returns:
        The blocks, in the order of `pronoun_texts`.
    """
    texts = pronoun_texts(occupations)
    documents = encode_documents(texts, RoleReverser(names=names), tokenizer, ["text"] * len(texts))
    opening = [] if document_opening(tokenizer) else text_opening(tokenizer)
    longest = len(opening) + max(len(document.tokens) for document in documents) - 2
    blocks = []
    for start in range(0, len(documents), VARIANTS):
        variants = documents[start : start + VARIANTS]
        columns = zip(*(document.tokens[:-1].tolist() for document in variants), strict=False)
        shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
        first = max(1, len(opening) + shared)
        # The last token of a text is only a label; its end-of-text token is none.
        blocks += [document_block(behind(opening, _without_end(document)), first, longest) for document in variants]
    return blocks


def _without_end(document: EncodedDocument) -> EncodedDocument:
    return EncodedDocument(
        document.tokens[:-1], document.counterfactual[:-1], document.boundary[:-1], document.flags[:-1]
    )
