"""Continuations of prompts: which prompts, how they are sampled, and where they are stored."""
