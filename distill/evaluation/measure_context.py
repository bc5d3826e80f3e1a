"""What measures are computed from: models, inputs, continuations, and the finished parts of an earlier run."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from distill.evaluation.generation.batch_plan import GenerationPlan
from distill.evaluation.generation.device_workers import Processes
from distill.evaluation.generation.prompts import Prompt
from distill.evaluation.generation.store import StoredGenerations, write_generations
from distill.evaluation.likelihood.fluency import FluencyPiece, fluency_pieces
from distill.evaluation.likelihood.perplexity import TextCosts
from distill.evaluation.likelihood.text_perplexity import ScoredCorpus, text_costs
from distill.evaluation.partial_results import ResultCache, result_cache
from distill.evaluation.polarity.word_vector_polarity import PolarityName, WordTable
from distill.evaluation.probes.sentence_pairs import SentencePair
from distill.evaluation.probes.text_classifier import TextClassifier
from distill.evaluation.scored_model import ScoredModel

_DETERMINING_CONTINUATIONS = (
    *("prompts_sha256", "samples", "coherence_samples", "max_new_tokens", "max_length"),
    *("temperature", "top_p", "top_k", "seed"),
    *("device", "dtype", "torch", "transformers"),
)
"""Settings that determine a continuation to the last bit, in addition to the model and the batch size."""


@dataclass(frozen=True)
class Inputs:
    """What an evaluation reads, apart from the models.

    Attributes:
        prompts: The prompts to continue.
        occupations: The occupations to measure the pronoun gap on.
        text: The text to measure perplexity on; None if it is not measured.
        word_table: Word polarities.
        target_shares: The share of women that each group should have; None for even shares.
        pairs: The sentence pairs of each source.
        ceat_contexts: Contexts of the words of the embedding test; None if it is not run.
    """

    prompts: Sequence[Prompt]
    occupations: Sequence[str]
    text: ScoredCorpus | None
    word_table: WordTable
    target_shares: Mapping[str, float] | None
    pairs: Mapping[str, Sequence[SentencePair]]
    ceat_contexts: Mapping[str, Sequence[str]] | None

    @property
    def digests(self) -> dict[str, Any]:
        """The settings that identify what was read, by their names in metrics.json."""
        return {
            # A prompt id tells whether the prompt establishes a gender, but not which one.
            "prompts_sha256": _digest(f"{prompt.prompt_id}\0{prompt.gender}" for prompt in self.prompts),
            "word_table": self.word_table.source,
            "target_shares_sha256": self.target_shares
            and _digest(f"{group}\0{share}" for group, share in sorted(self.target_shares.items())),
            "pairs": {
                source: _digest("\0".join(map(str, astuple(pair))) for pair in pairs)
                for source, pairs in self.pairs.items()
            },
            "ceat_sha256": self.ceat_contexts
            and _digest(text for contexts in self.ceat_contexts.values() for text in contexts),
            "text_sha256": self.text and self.text.sha256,
        }


@dataclass(frozen=True)
class MeasureContext:
    """The argument of `Measure.compute`.

    Attributes:
        model: The model to evaluate.
        judge: The model that judges fluency.
        classifier: Judges the texts by gender; None if there is none.
        window: Window size for perplexity, in tokens.
        inputs: The inputs that were read.
        plan: The continuations to generate.
        processes: Processes that share the generation; None if this process generates alone.
        polarities: The ways to label the continuations.
        include_prompt: Whether the words of the prompt itself count, too.
        settings: All settings, as written to metrics.json.
        output: Folder for the results.
        code: Digest of the code that computes the results.
    """

    model: ScoredModel
    judge: ScoredModel
    classifier: TextClassifier | None
    window: int
    inputs: Inputs
    plan: GenerationPlan
    processes: Processes | None
    polarities: Sequence[PolarityName]
    include_prompt: bool
    settings: Mapping[str, Any]
    output: Path
    code: str

    @property
    def seed(self) -> int:
        """Seed of all randomness."""
        return self.plan.sampling.seed

    @cached_property
    def cache(self) -> ResultCache:
        """Results already computed by an earlier run with the same settings, models and code."""
        identity = {"model": self.model.identity, "judge": self.judge.identity, "code": self.code}
        return result_cache(self.output, "measures", identity | dict(self.settings))

    @cached_property
    def text_costs(self) -> TextCosts | None:
        """Negative log-likelihoods of the text under the model; None if there is no text."""
        if self.inputs.text is None:
            return None
        return text_costs(self.model, self.inputs.text, self.window, self.cache)

    def fluency_pieces(self) -> Iterator[FluencyPiece]:
        """Yield the likelihood of the continuations under the judge, piece by piece; each is computed only once."""
        texts, judge = self.generations.rows("prompt", "continuation"), self.judge
        return fluency_pieces(judge, texts, len(self.generations), judge.context_length or self.window, self.cache)

    @cached_property
    def generations(self) -> StoredGenerations:
        """The continuations: generated when first needed, and read from their file on every use."""
        identity = {
            "model": self.model.identity,
            "name": self.model.name,
            "batch_size": self.plan.batch_size,
            "code": self.code,
            **{name: self.settings[name] for name in _DETERMINING_CONTINUATIONS},
        }
        # The metrics.json of an earlier evaluation describes other continuations.
        (self.output / "metrics.json").unlink(missing_ok=True)
        path = self.output / "generations.parquet"
        finished = result_cache(self.output, "generations", identity)
        write_generations(path, self.model, self.plan, finished, self.processes)
        return StoredGenerations(path)


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()
