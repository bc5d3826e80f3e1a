"""What surrounds the training steps: preflight checks, checkpoint files, metrics.csv, export and model card."""
