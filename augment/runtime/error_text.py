"""Shortens error messages to a single line."""


def first_line(error: BaseException) -> str:
    r"""The first line of an error that another library raised, or the name of its type if it has no message.

    >>> first_line(ValueError("not a number\nat line 3")), first_line(ValueError())
    ('not a number', 'ValueError')
    """
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def one_line(message: str) -> str:
    r"""A message as one line; � replaces control characters, which quoted files may contain.

    >>> one_line("no\n such\x1b[31m key")
    'no such�[31m key'
    """
    return "".join(character if character.isprintable() else "�" for character in " ".join(message.split()))
