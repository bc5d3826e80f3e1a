"""Small phrases that several parts of a report share."""


def count(number: int, thing: str) -> str:
    """“1 prompt”, “2,000 prompts”."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def spoken(group: str) -> str:
    """A group's name as words: BOLD writes metalworking_occupations."""
    return group.replace("_", " ")
