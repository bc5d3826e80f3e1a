"""English: the lexicon, the forms its words take, and what stays as it is."""
