"""Measures of a model's probabilities and hidden states, without sampling."""
