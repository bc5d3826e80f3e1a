"""The distillation target itself, scored before any student is trained."""
