"""What a model thinks of a given text: perplexity and its relatives."""
