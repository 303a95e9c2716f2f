"""XML is read with bounded work, whatever is sent."""

from __future__ import annotations

import time

import pytest

from xencim.cimom_glue.wire.document import (
    MAX_DEPTH,
    MAX_ITEMS,
    UnreadableXml,
    parse_bytes,
    parse_text,
)

# Every hostile document here is refused in a few milliseconds; this is far above any machine's noise.
SOON_S = 5.0


def billion_laughs() -> str:
    levels = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
    return f'<!DOCTYPE CIM [<!ENTITY l0 "lol">{levels}]><CIM>&l9;</CIM>'


HOSTILE = {
    "bomb": billion_laughs(),
    "bomb in an attribute": billion_laughs().replace("<CIM>&l9;", '<CIM A="&l9;">'),
    "quadratic": f'<!DOCTYPE CIM [<!ENTITY a "{"a" * 50_000}">]><CIM>{"&a;" * 50_000}</CIM>',
    "external entity": '<!DOCTYPE CIM [<!ENTITY a SYSTEM "file:///etc/passwd">]><CIM>&a;</CIM>',
    "parameter entity": '<!DOCTYPE CIM [<!ENTITY % a SYSTEM "http://127.0.0.1/x">%a;]><CIM></CIM>',
    "default attributes": (
        f'<!DOCTYPE CIM [<!ATTLIST A x CDATA "{"y" * 100_000}">]><CIM>{"<A/>" * 90_000}</CIM>'
    ),
    "empty subset": "<!DOCTYPE CIM []><CIM></CIM>",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("what", HOSTILE)
def test_a_doctype_with_declarations_is_refused_before_its_content(what: str, encoding: str) -> None:
    begun = time.monotonic()
    with pytest.raises(UnreadableXml, match=r"^a DOCTYPE with declarations$"):
        parse_bytes(HOSTILE[what].encode(encoding))
    assert time.monotonic() - begun < SOON_S


@pytest.mark.parametrize(
    "doctype", ['<!DOCTYPE CIM SYSTEM "http://127.0.0.1:9/cim.dtd">', '<!DOCTYPE CIM PUBLIC "a" "b.dtd">']
)
def test_an_external_identifier_is_tolerated_and_never_fetched(doctype: str) -> None:
    assert parse_bytes(f"<?xml version='1.0'?>{doctype}<CIM>x</CIM>".encode()).text == "x"


def test_an_entity_that_only_an_external_dtd_could_define_is_refused() -> None:
    with pytest.raises(UnreadableXml, match="an entity that XML does not define: who"):
        parse_bytes(b'<!DOCTYPE CIM SYSTEM "x.dtd"><CIM>&who;</CIM>')


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"<CIM>a<!-- x -->b<![CDATA[<c>&amp;]]></CIM>", "ab<c>&amp;"),
        (b"<CIM>&lt;&#65;&#x1F427;&amp;</CIM>", "<A\U0001f427&"),
        (b" \r\n\t<?xml version='1.0'?><CIM>late</CIM>", "late"),
        ("<?xml version='1.0' encoding='utf-16'?><CIM>\u00e9</CIM>".encode("utf-16"), "\u00e9"),
        ("<CIM>\u20ac</CIM>".encode("utf-16-be"), "\u20ac"),
        ("<?xml version='1.0' encoding='iso-8859-1'?><CIM>\u00e9</CIM>".encode("latin-1"), "\u00e9"),
        ("<?xml version='1.0' encoding='windows-1252'?><CIM>\u20ac</CIM>".encode("cp1252"), "\u20ac"),
        (b"\xef\xbb\xbf<CIM>bom</CIM>", "bom"),
        (b"<CIM>a<A/>b</CIM>", "a"),
    ],
)
def test_text_in_any_encoding(data: bytes, text: str) -> None:
    assert parse_bytes(data).text == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"CIM",
        b"<CIM>",
        b"<CIM></cim>",
        b"<CIM/><CIM/>",
        b"<CIM>\x00</CIM>",
        b"<CIM>\xff</CIM>",
        b"<CIM A='1' A='2'/>",
        b"<CIM>&who;</CIM>",
        "<?xml version='1.0' encoding='utf-8'?><CIM></CIM>".encode("utf-16"),
    ],
)
def test_what_is_not_well_formed(data: bytes) -> None:
    with pytest.raises(UnreadableXml, match=r"^not well-formed: ") as caught:
        parse_bytes(data)
    assert not caught.value.too_large


@pytest.mark.parametrize("encoding", ["nonsense", "hex", "utf-7", "shift_jis", "../x"])
def test_encodings_that_are_not_read(encoding: str) -> None:
    with pytest.raises(UnreadableXml):
        parse_bytes(f'<?xml version="1.0" encoding="{encoding}"?><CIM>+ADw-x</CIM>'.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"<CIM " + b" ".join(b'a%d="1"' % i for i in range(200_000)) + b"/>",
        b"<CIM>" + b"<A b='1'/>" * (MAX_ITEMS // 2) + b"</CIM>",
        b"<A>" * (MAX_DEPTH + 1) + b"</A>" * (MAX_DEPTH + 1),
        b"<A>" * 500_000,
    ],
)
def test_too_much_of_it(data: bytes) -> None:
    begun = time.monotonic()
    with pytest.raises(UnreadableXml) as caught:
        parse_bytes(data)
    assert caught.value.too_large
    assert time.monotonic() - begun < SOON_S


@pytest.mark.parametrize(
    "data",
    [
        b"<A>" * MAX_DEPTH + b"</A>" * MAX_DEPTH,
        b"<CIM>" + b"<A/>" * (MAX_ITEMS - 1) + b"</CIM>",
        b"<CIM>" + b"line\n" * 1_000_000 + b"</CIM>",
        b"<CIM>" + b"text<A/>" * 90_000 + b"</CIM>",
        b"<CIM>" + b"a<!-- -->" * 500_000 + b"</CIM>",
        b"<CIM>" + b"&lt;" * 1_000_000 + b"</CIM>",
    ],
)
def test_large_documents_take_time_in_proportion(data: bytes) -> None:
    begun = time.monotonic()
    parse_bytes(data)
    assert time.monotonic() - begun < SOON_S


def test_text_inside_another_document_has_no_encoding_of_its_own() -> None:
    root = parse_text('\n<?xml version="1.0" encoding="utf-16"?>\n<INSTANCE>\u20ac</INSTANCE>')
    assert (root.tag, root.text) == ("INSTANCE", "\u20ac")


def test_lone_surrogates_inside_text_are_refused() -> None:
    with pytest.raises(UnreadableXml):
        parse_text("<A>\ud800</A>")
