"""The SHA-1 of a document that Xen's tools put into a compiled policy, to find a changed document by.

They took it of the document as Python's minidom writes it, not of the file: with comments, without the
encoding, attributes in the order of their names, quotation marks escaped in text too.

Errors: PolicyError for what is not well-formed.
"""

from __future__ import annotations

import hashlib
from xml.parsers import expat

from xencim.acm.language.document import parse

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def document_sha1(untrusted: bytes) -> bytes:
    """Return the digest of a document as Xen's tools computed it."""
    parse(untrusted, None)  # its limits, and no DOCTYPE
    writer = _Writer()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.ordered_attributes = True
    parser.StartElementHandler = writer.start
    parser.EndElementHandler = writer.end
    parser.CharacterDataHandler = writer.text
    parser.CommentHandler = writer.comment
    parser.ProcessingInstructionHandler = writer.instruction
    parser.StartCdataSectionHandler = writer.start_cdata
    parser.EndCdataSectionHandler = writer.end_cdata
    parser.Parse(untrusted, True)
    return hashlib.sha1("".join(writer.parts).encode(), usedforsecurity=False).digest()


class _Writer:
    """Writes what a parser tells of; an element without content is closed where it starts."""

    def __init__(self) -> None:
        self.parts = ['<?xml version="1.0" ?>']
        self._is_open = False
        self._is_cdata = False

    def start(self, name: str, attributes: list[str]) -> None:
        self._close()
        pairs = sorted(zip(attributes[::2], attributes[1::2], strict=True))
        written = "".join(f' {key}="{value.translate(_ESCAPED)}"' for key, value in pairs)
        self.parts.append(f"<{name}{written}")
        self._is_open = True

    def end(self, name: str) -> None:
        self.parts.append("/>" if self._is_open else f"</{name}>")
        self._is_open = False

    def text(self, data: str) -> None:
        self._close()
        self.parts.append(data if self._is_cdata else data.translate(_ESCAPED))

    def comment(self, data: str) -> None:
        self._close()
        self.parts.append(f"<!--{data}-->")

    def instruction(self, target: str, data: str) -> None:
        self._close()
        self.parts.append(f"<?{target} {data}?>")

    def start_cdata(self) -> None:
        self._close()
        self._is_cdata = True
        self.parts.append("<![CDATA[")

    def end_cdata(self) -> None:
        self._is_cdata = False
        self.parts.append("]]>")

    def _close(self) -> None:
        if self._is_open:
            self.parts.append(">")
            self._is_open = False
