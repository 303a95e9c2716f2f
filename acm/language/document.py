"""The XML of a policy as a tree that knows its lines: bounded in size, depth and count, without a DTD.

Expat tells of a DOCTYPE before its content is read; no entity is ever expanded and nothing is fetched.

Errors: PolicyError (XsErr.BAD_XML).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from xencim.acm.model import Finding, FindingKind, PolicyError, XsErr

NAMESPACE = "http://www.ibm.com"
# 10,000 labels of ten types each are 5 MB.
MAX_BYTES = 16 << 20
# The same policy has 150,000 elements.
MAX_ITEMS = 500_000
# The language nests five deep.
MAX_DEPTH = 12
# What separates namespace and name; no name has one.
_SEPARATOR = " "


@dataclass(slots=True)
class Node:
    """An element; names of another namespace than the policy's are ``namespace name``."""

    name: str
    line: int
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def child(self, name: str) -> Node | None:
        """Return the first child of a name."""
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> list[Node]:
        """Return the children of a name."""
        return [child for child in self.children if child.name == name]


def parse(untrusted: bytes, file: str | None) -> Node:
    """Return the root of a document."""
    if len(untrusted) > MAX_BYTES:
        _refuse(f"the document is larger than {MAX_BYTES >> 20} MB", file, None)
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.buffer_text = True
    builder = _Builder(parser, file)
    try:
        parser.Parse(untrusted, True)
    except expat.ExpatError as error:
        _refuse(f"not well-formed: {expat.ErrorString(error.code)}", file, error.lineno)
    except (LookupError, ValueError) as error:
        _refuse(f"its encoding cannot be read: {error}; save it as UTF-8", file, None)
    return builder.root


class _Builder:
    """Puts the elements that a parser tells of below one another."""

    def __init__(self, parser: expat.XMLParserType, file: str | None) -> None:
        self._parser = parser
        self._file = file
        self._top = Node("", 0, {})
        self._open = [self._top]
        self._items_left = MAX_ITEMS
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.SkippedEntityHandler = self._entity

    @property
    def root(self) -> Node:
        return self._top.children[0]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self._parser.CurrentLineNumber
        self._items_left -= 1 + len(attributes)
        if self._items_left < 0:
            _refuse(f"more than {MAX_ITEMS} elements and attributes", self._file, line)
        if len(self._open) > MAX_DEPTH:
            _refuse(f"elements nested deeper than {MAX_DEPTH}", self._file, line)
        node = Node(name.removeprefix(NAMESPACE + _SEPARATOR), line, attributes)
        if node.name == name and _SEPARATOR not in name:
            # An element without namespace must not pass for one of the language.
            node.name = _SEPARATOR + name
        self._open[-1].children.append(node)
        self._open.append(node)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, data: str) -> None:
        self._open[-1].text += data

    def _doctype(self, *_declared: object) -> NoReturn:
        line = self._parser.CurrentLineNumber
        _refuse("a DOCTYPE is not allowed in a policy; remove it", self._file, line)

    def _entity(self, name: str, _is_parameter: object) -> NoReturn:
        line = self._parser.CurrentLineNumber
        _refuse(f"&{name[:80]}; is no entity that XML defines; write the text itself", self._file, line)


def _refuse(message: str, file: str | None, line: int | None) -> NoReturn:
    finding = Finding(FindingKind.ERROR, message, XsErr.BAD_XML, file=file, line=line)
    raise PolicyError((finding,)) from None
