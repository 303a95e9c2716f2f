"""Text as XML carries it: escapes, and what stands for characters that XML has none for.

Only the named entities ``&amp; &lt; &gt; &quot;`` are written, and ``&#13;`` for a carriage return:
XML reads a bare one as a line feed, so there is no other way to keep it. Characters that XML 1.0
cannot hold (most controls, lone surrogates) become U+FFFD.

Source: DSP0201 2.4, section 5.2.4; XML 1.0, sections 2.2 and 2.11.
"""

from __future__ import annotations

import re

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPACE = re.compile("[\t\n\r]+")


def escape(text: str) -> str:
    """Return text as the content of an element."""
    printable = text.isprintable()  # has no character that XML cannot hold
    if printable and "&" not in text and "<" not in text and ">" not in text:
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text if printable else _ILLEGAL.sub("\ufffd", text).replace("\r", "&#13;")


def attribute(text: str) -> str:
    """Return text as the value of an attribute, in quotes; white space becomes blanks, as XML reads it."""
    if text.isalnum():
        return f'"{text}"'
    return f'"{escape(_SPACE.sub(" ", text)).replace(chr(34), "&quot;")}"'
