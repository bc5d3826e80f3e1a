"""How a model continues prompts, each continuation with random numbers of its own."""
