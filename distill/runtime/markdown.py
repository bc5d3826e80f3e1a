"""Text from elsewhere in Markdown."""

import re


def escape_markdown(text: str) -> str:
    """Text that any renderer of Markdown shows as it stands: no markup, no HTML, no links, not even bare ones.

    What is harmless where it stands, as a single underscore within a word, stays, for Markdown is also read as it is.
    """
    text = re.sub(r"[\\`*\[\]<>|$~!]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)
    # An ampersand would begin an entity; addresses are links without any markup.
    text = re.sub(r"&(?=[#\w]+;)", "&amp;", text)
    text = re.sub(r":(?=//)|(?<=mailto):|(?<=xmpp):", "&#58;", text)
    return re.sub(r"(?<=\bwww)\.", "&#46;", text, flags=re.IGNORECASE).replace("@", "&#64;")
