"""Paths, signals, digests and seeds: what every command needs and no science is in."""
