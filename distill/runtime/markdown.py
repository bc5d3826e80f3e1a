"""Untrusted text in Markdown."""

import re


def escape_markdown(text: str) -> str:
    """Escape text so that every Markdown renderer shows it literally: no markup, no HTML, no links, not even bare ones.

    Harmless characters, such as an underscore within a word, stay as they are: Markdown is also read unrendered.
    """
    text = re.sub(r"[\\`*\[\]<>|$~!]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)
    # An ampersand may begin an entity; addresses become links without any markup.
    text = re.sub(r"&(?=[#\w]+;)", "&amp;", text)
    text = re.sub(r":(?=//)|(?<=mailto):|(?<=xmpp):", "&#58;", text)
    return re.sub(r"(?<=\bwww)\.", "&#46;", text, flags=re.IGNORECASE).replace("@", "&#64;")
