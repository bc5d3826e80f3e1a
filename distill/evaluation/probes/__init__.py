"""What a model expects, read off its probabilities and hidden states without sampling."""
