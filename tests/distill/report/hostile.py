"""Attacks that a model's text, a file name or a prompt may contain."""

ATTACKS = (
    "</script><script>pwned=1;fetch('{url}/script')</script>",
    '<img src={url}/image onerror="pwned=1">',
    "</style><style>@import url({url}/style);</style>",
    "<svg onload=pwned=1><image href={url}/vector></svg>",
    "</title></p></table><iframe src={url}/frame></iframe><iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<link rel=stylesheet href={url}/link><meta http-equiv=refresh content='0;url={url}/refresh'><base href={url}>",
    '" onmouseover="pwned=1" autofocus onfocus="pwned=1" x="',
    "' style='background:url({url}/attribute)' onpointerenter='pwned=1' x='",
    "<!-- ]]> --!><script>pwned=1</script>",
    "\\u003cscript\\u003epwned=1\\u003c/script\\u003e &lt;script&gt;pwned=1&lt;/script&gt; &#60;b>",
    "\x00<script>pwned=1</script>\x1b[2J\x1b]0;pwned\x07\r\n\n# heading\n\n| a | b |",
    "\u202e\u2066 gnidaelsim \u200b\ufeff",
    "![picture]({url}/markdown) [link](javascript:pwned=1) <{url}/auto> {url}/bare www.example.com someone@example.com",
    "**bold** _emphasis_ ~~gone~~ `code` $x^2$ a|b \\| ![][x] &amp; &copy; ***",
    r"\input{/etc/passwd} \write18{pwned} ^^5cinput{x} % gone \end{tabular} $\def\x{y}$ ~ {unbalanced",
    "[optional] *starred -- --- <<quotes>> ?`!` ``double'' \"",
)


def attacks(url: str = "http://example.com") -> list[str]:
    """All attacks; those that load something load it from this address."""
    return [attack.replace("{url}", url) for attack in ATTACKS]
