"""Likelihood of given texts under a model: perplexity and related measures."""
