"""The measures of an evaluation, one file each, which import torch only when a measure is computed.

To add a measure, write a file that defines a `Measure` and add it to `MEASURES`: `evaluate` computes it, `schema`
checks its entry when an evaluation is read, and the report shows its lines.
"""

from distill.evaluation.measures.ceat import CEAT
from distill.evaluation.measures.coherence import COHERENCE
from distill.evaluation.measures.disparity import DISPARITY
from distill.evaluation.measures.equivariance_gap import EQUIVARIANCE_GAP
from distill.evaluation.measures.fluency import FLUENCY
from distill.evaluation.measures.gendered_tokens import GENDERED_TOKENS
from distill.evaluation.measures.neutral_pronouns import NEUTRAL_PRONOUNS
from distill.evaluation.measures.pairs import PAIRS
from distill.evaluation.measures.perplexity import PERPLEXITY
from distill.evaluation.measures.pronoun_gap import PRONOUN_GAP
from distill.evaluation.measures.record import Measure
from distill.evaluation.measures.sentiment import CLASSIFIER, SENTIMENT

MEASURES: tuple[Measure, ...] = (
    PERPLEXITY,
    GENDERED_TOKENS,
    PRONOUN_GAP,
    EQUIVARIANCE_GAP,
    PAIRS,
    CEAT,
    DISPARITY,
    NEUTRAL_PRONOUNS,
    SENTIMENT,
    CLASSIFIER,
    COHERENCE,
    FLUENCY,
)
"""All measures, in the order in which they are computed and appear in metrics.json."""
