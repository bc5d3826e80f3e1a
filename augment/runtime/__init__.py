"""Files, locks, worker processes, error messages and how a command ends; nothing about language."""
