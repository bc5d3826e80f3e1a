"""`python -m distill.cli`: the command, as torchrun lines of old have it."""

from distill.cli import main

main()
