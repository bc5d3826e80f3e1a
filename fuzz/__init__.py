"""Fuzz tests of every reader and of the role reversal: `python -m fuzz`, or `make fuzz`."""
