"""The command `distill`: a module a command."""

from distill.cli.dispatch import main

__all__ = ["main"]
