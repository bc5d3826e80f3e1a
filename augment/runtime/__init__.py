"""Files, locks, worker processes and the end of a command; nothing about language."""
