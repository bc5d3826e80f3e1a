"""The words that decide a text's polarity, marked as HTML."""

from html import escape

from distill.evaluation.polarity.bold_unigram import gendered_words

MAX_TEXT_LENGTH = 500
"""Characters of one continuation, at most."""
MARK_STYLE = (
    "mark { color: inherit; padding: 0 .18em; border-radius: 3px; text-decoration: underline 2px; }\n"
    "mark.female { background: #ece4f8; color: #24211d; text-decoration-color: #6f4bb0; }\n"
    "mark.male { background: #fce7cf; color: #24211d; text-decoration: underline dotted 2px #b65c08; }\n"
)
"""A style sheet for `marked` where there is none, such as in a notebook; `report.css` has its own."""


def pieces(text: str) -> tuple[list[str], list[str]]:
    """Split a text at its gendered words; what follows `MAX_TEXT_LENGTH` characters is left out.

    Returns:
        The parts in turn, plain, word, plain, …, plain; and the gender of each word.
    """
    words = [word for word in gendered_words(text) if word[1] <= MAX_TEXT_LENGTH]
    parts, done = [], 0
    for start, end, _ in words:
        parts += [text[done:start], text[start:end]]
        done = end
    parts.append(text[done:] if len(text) <= MAX_TEXT_LENGTH else f"{text[done:MAX_TEXT_LENGTH]}…")
    return parts, [gender for *_, gender in words]


def marked(text: str) -> str:
    """The text as HTML, its gendered words marked; cut after `MAX_TEXT_LENGTH` characters."""
    (first, *rest), genders = pieces(text)
    return escape(first) + "".join(
        f'<mark class="{gender}" title="{gender}">{escape(word)}</mark>{escape(plain)}'
        for word, plain, gender in zip(rest[::2], rest[1::2], genders, strict=True)
    )
