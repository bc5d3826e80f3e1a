"""Teacher, student and tokenizer: loaded, checked, and built."""
