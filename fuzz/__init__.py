"""Random inputs for every reader and for the role reversal: `python -m fuzz`, or `make fuzz`."""
