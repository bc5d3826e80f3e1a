"""Intervals and tests over clusters: bootstrap, proportions, log-odds, permutation."""
