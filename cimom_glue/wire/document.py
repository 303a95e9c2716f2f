"""XML from the wire, read with bounded work and memory: no entity, no DTD, no network.

Each limit is checked where it is reached, before more is read. A DOCTYPE that only names an external
DTD is tolerated and never fetched, white space before the declaration too. Any encoding that the
declaration or a byte order mark names is read, as far as expat and Python's 8-bit codecs know it.

Expat and not lxml: with the same speed on requests, it tells of a DOCTYPE before its content is
read, and forgets names with the document (lxml keeps every name it ever saw for the whole process,
so that a client could fill the memory with made-up ones).

Source: XML 1.0; DSP0200 1.4, section 7.3 (what a server answers to XML it does not read).
Errors: `UnreadableXml`.
"""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

# A DefineSystem for a large machine has about 5,000 elements with as many attributes; ten times
# that is read in about 50 ms.
MAX_ITEMS = 100_000
# A reference among keys takes five levels, and none is known that nests more than three of them.
# Those who walk the tree recurse along these levels, so this bounds their stack too.
MAX_DEPTH = 48

_EXPAT_BUFFER_BYTES = 8192


class UnreadableXml(ValueError):  # noqa: N818 - its text says what is wrong
    """The bytes are no XML that is read here; ``too_large``: they are XML, but too much of it."""

    def __init__(self, detail: str, *, too_large: bool = False) -> None:
        super().__init__(detail)
        self.too_large = too_large


class Element:
    """An element; ``text`` is the character data before its first child: CIM-XML mixes them nowhere."""

    __slots__ = ("attributes", "children", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""

    def required(self, attribute: str) -> str:
        """Return an attribute's value; ValueError when the element has none of that name."""
        value = self.attributes.get(attribute)
        if value is None:
            raise ValueError(f"{self.tag} has no attribute {attribute}")
        return value

    def only_child(self) -> Element | None:
        """Return the child, None when there is none; ValueError when there are several."""
        if len(self.children) > 1:
            raise ValueError(f"{self.tag} has {len(self.children)} children, not one")
        return self.children[0] if self.children else None

    def the_child(self) -> Element:
        """Return the only child; ValueError when there is not exactly one."""
        child = self.only_child()
        if child is None:
            raise ValueError(f"{self.tag} is empty")
        return child


def parse_bytes(data: bytes) -> Element:
    """Read a document and return its root."""
    return _parse(data.lstrip(b" \t\r\n"), None)


def parse_text(text: str) -> Element:
    """Read a document that came as text in another; the encoding that it declares means nothing."""
    return _parse(text.strip().encode("utf-8", "surrogatepass"), "utf-8")


def _parse(data: bytes, encoding: str | None) -> Element:
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    if len(data) > _EXPAT_BUFFER_BYTES:
        # Text comes in pieces of the buffer's size, and joining many of them takes quadratic time.
        parser.buffer_size = len(data)
    top = Element("", {})
    _build(parser, top)
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnreadableXml(f"not well-formed: {error}") from error
    except (LookupError, ValueError) as error:
        if isinstance(error, UnreadableXml):
            raise
        raise UnreadableXml(f"encoding: {error}") from error
    return top.children[0]


def _build(parser: expat.XMLParserType, top: Element) -> None:
    """Let the parser put its elements below ``top``."""
    open_elements = [top]
    items_left = MAX_ITEMS

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal items_left
        items_left -= 1 + len(attributes)
        if items_left < 0:
            raise UnreadableXml(f"more than {MAX_ITEMS} elements and attributes", too_large=True)
        if len(open_elements) > MAX_DEPTH:
            raise UnreadableXml(f"elements nested deeper than {MAX_DEPTH}", too_large=True)
        element = Element(tag, attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_tag: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        element = open_elements[-1]
        if not element.children:
            element.text += data

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _doctype
    parser.SkippedEntityHandler = _skipped_entity


def _doctype(_name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
    if has_internal_subset:
        raise UnreadableXml("a DOCTYPE with declarations")


def _skipped_entity(name: str, _is_parameter_entity: int) -> NoReturn:
    raise UnreadableXml(f"an entity that XML does not define: {name[:80]}")
