"""Paths, signals, worker processes, digests and seeds: what any command needs and no science is in."""
