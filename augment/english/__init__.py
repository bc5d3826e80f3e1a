"""English: the lexicon, the surface forms of its words, and the cases in which a word is not reversed."""
