"""The verdict of a report: what the figures of each model show, in words."""

from distill.report.verdict.contrasts import Contrast, changed, contrasts
from distill.report.verdict.findings import Verdict, verdicts
from distill.report.verdict.price_sentences import comparable_perplexity

__all__ = ["Contrast", "Verdict", "changed", "comparable_perplexity", "contrasts", "verdicts"]
