"""The experiment of docs/results.md: its text, its rows, the commands behind them, its table and its figure.

Run from the root of a clone, one module per step:

    python -m experiments.text DATA experiment/text
    python -m experiments.run --row teacher
    python -m experiments.draw docs/results/finetuned
"""
