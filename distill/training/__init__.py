"""What a fit reads and writes besides the steps: checks beforehand, checkpoints, the exported student, metrics."""
