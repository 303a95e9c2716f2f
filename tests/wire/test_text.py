"""Characters survive, or become U+FFFD where XML has none for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from xencim.cimom_glue.wire.document import parse_bytes
from xencim.cimom_glue.wire.text import attribute, escape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a&b<c>d\"e'", "a&amp;b&lt;c&gt;d\"e'"),
        ("]]>", "]]&gt;"),
        ("a\tb\nc\u00a0", "a\tb\nc\u00a0"),
        ("a\rb\r\n", "a&#13;b&#13;\n"),
        ("\x00\x08\x0b\x1f", "\ufffd" * 4),
        ("\ud800x\udfff", "\ufffdx\ufffd"),
        ("\ufffe\uffff\ufffd", "\ufffd" * 3),
        ("\U0001f427\U0010ffff", "\U0001f427\U0010ffff"),
        ("\x7f\x85\u2028", "\x7f\x85\u2028"),
    ],
)
def test_escapes(text: str, expected: str) -> None:
    assert escape(text) == expected


def test_attributes() -> None:
    assert attribute("a\r\n\"b\" & <c> 'd'") == "\"a &quot;b&quot; &amp; &lt;c&gt; 'd'\""


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text: str) -> None:
    document = f"<A>{escape(text)}</A>".encode()
    kept = "".join(c if c in "\t\n\r" or "\x20" <= c <= "\ufffd" or c > "\uffff" else "\ufffd" for c in text)
    assert etree.fromstring(document).xpath("string()") == kept
    assert parse_bytes(document).text == kept
