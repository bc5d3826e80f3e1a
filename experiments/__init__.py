"""The experiment of docs/results.md: its text, its rows, the commands that make them, its table and its figure.

Run from the top of a clone, a module a step:

    python -m experiments.text DATA experiment/text
    python -m experiments.run --row teacher
    python -m experiments.draw docs/results/finetuned
"""
