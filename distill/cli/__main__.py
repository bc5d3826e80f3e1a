"""`python -m distill.cli`: the command, in the form that existing torchrun scripts use."""

from distill.cli import main

main()
