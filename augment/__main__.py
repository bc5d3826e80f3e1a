"""`python -m augment`: the command."""

from augment.cli import main

main()
