"""Paths, signals, digests, seeds and Markdown: what every command needs, free of anything about models."""
