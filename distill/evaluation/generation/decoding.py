"""Sample continuations of prompts, each one reproducible on its own.

`generate` of `transformers` takes its random numbers from one stream for the whole batch, so that another batch size or
order gives other texts. Here each continuation has random numbers of its own, keyed by (seed, prompt, sample).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from augment.token_spans import common_prefix
from distill.decoding.cached_decoding import NonFiniteLogitsError, continue_batch
from distill.decoding.nucleus_sampling import uniforms
from distill.decoding.sampling import Sampling
from distill.errors import UserError
from distill.evaluation.generation.prompts import Prompt
from distill.evaluation.scored_model import ScoredModel, non_finite_error


@dataclass(frozen=True)
class Continuation:
    """What a model wrote after a prompt.

    Attributes:
        text: The text, without the prompt and the end-of-text token.
        tokens: Number of generated tokens, without the end-of-text token.
    """

    text: str
    tokens: int


def prompt_lengths(scored_model: ScoredModel, prompts: Sequence[Prompt], sampling: Sampling) -> list[int]:
    """Return the number of tokens of each prompt.

    Raises:
        UserError: If a prompt has no tokens or leaves no room for its continuation; the error names the first one.
    """
    lengths = scored_model.lengths([prompt.text for prompt in prompts])
    for prompt, length in zip(prompts, lengths, strict=True):
        if not length:
            raise UserError(
                f"prompt {prompt.text!r}: has no tokens under the tokenizer of {scored_model.path}; remove it"
            )
        new = sampling.new_tokens(length)
        if new < 1:
            raise UserError(
                f"prompt {prompt.text[:60]!r}: its {length} tokens leave none of the {sampling.max_length} to its "
                "continuation; shorten or remove it"
            )
        # The last token sampled is not fed back to the model.
        if scored_model.context_length is not None and length + new - 1 > scored_model.context_length:
            raise UserError(
                f"prompt {prompt.text[:60]!r}: its {length} tokens and {new} new ones exceed the "
                f"context length of {scored_model.path}, {scored_model.context_length}; "
                "shorten it or lower --max_new_tokens"
            )
    return lengths


def continue_prompts(
    scored_model: ScoredModel, jobs: Sequence[tuple[Prompt, int]], sampling: Sampling
) -> list[Continuation]:
    """Generate one continuation for each pair of prompt and sample number, all in one batch.

    Raises:
        UserError: If the model's probabilities are not finite.
    """
    prompts = [scored_model.encode(prompt.text) for prompt, _ in jobs]
    random = [uniforms(sampling.seed, prompt.prompt_id, number, sampling.max_new_tokens) for prompt, number in jobs]
    try:
        generated = continue_batch(scored_model.model, scored_model.end_tokens, prompts, np.stack(random), sampling)
    except NonFiniteLogitsError as error:
        raise non_finite_error(scored_model, prompts[error.row]) from error
    texts = _decode(scored_model, prompts, generated)
    return [Continuation(text, len(tokens)) for text, tokens in zip(texts, generated, strict=True)]


def _decode(
    scored_model: ScoredModel, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]]
) -> list[str]:
    """Decode continuations, including the space between the prompt and the continuation.

    SentencePiece drops the space before the first token that it decodes; therefore prompt and continuation are decoded
    together, and the prompt is removed.
    """

    def decode(rows: list[list[int]]) -> list[str]:
        return scored_model.tokenizer.batch_decode(rows, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    beginnings = decode([list(prompt) for prompt in prompts])
    wholes = decode([[*prompt, *tokens] for prompt, tokens in zip(prompts, continuations, strict=True)])
    # The prompt is not always a prefix: the first bytes of a continuation may complete its last character.
    return [whole[common_prefix(whole, beginning) :] for whole, beginning in zip(wholes, beginnings, strict=True)]
