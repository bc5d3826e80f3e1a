"""`distill word-table`: computes the gender of words from word vectors."""

from distill.cli.function_command import call_function
from distill.evaluation.polarity.word_table_command import word_table


def run(command: str, arguments: list[str]) -> None:
    """Write the table."""
    call_function(word_table, command, arguments)
