"""The command `distill`: one module per command."""

from distill.cli.dispatch import main

__all__ = ["main"]
