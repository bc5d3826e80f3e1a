"""`python -m distill`: the command."""

from distill.cli import main

main()
