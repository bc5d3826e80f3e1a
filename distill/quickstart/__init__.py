"""The corpus of the quickstart: a small world whose gender bias is planted, and therefore known."""
