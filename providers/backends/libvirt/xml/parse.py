"""libvirt's XML, read without trust: a parser that fetches nothing, and tolerant values.

A value that makes no sense is as good as absent; only a document that is no XML, or another
document than the one asked for, is an error.

Errors: BackendError (failed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from lxml.etree import _Element

_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)

MAX_INDEX = 65_535
"""No host has more processors; bounds what a range such as 0-4294967295 can cost."""

# libvirt's scaled integers: b is bytes, KB is decimal, k and KiB are binary.
_UNIT_BYTES = {"b": 1, "byte": 1, "bytes": 1} | {
    name: factor
    for power, letter in enumerate("kmgtpe", start=1)
    for name, factor in (
        (letter, 1024**power),
        (f"{letter}ib", 1024**power),
        (f"{letter}b", 1000**power),
    )
}


def document(xml: str, root: str) -> _Element:
    """Return the root element of a document that must be a ``root``."""
    try:
        element = etree.fromstring(xml.encode("utf-8", "replace"), _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BackendError("failed", f"libvirt's {root} XML cannot be read: {error}") from error
    if element.tag != root:
        raise BackendError("failed", f"libvirt gave a <{element.tag}> instead of a <{root}>")
    return element


def text(parent: _Element, path: str) -> str | None:
    """Return the text of an element, None when it is empty or not there."""
    return (parent.findtext(path) or "").strip() or None


def attribute(parent: _Element, path: str, name: str) -> str | None:
    """Return an attribute of an element below, None when it is empty or not there."""
    element = parent.find(path)
    return None if element is None else element.get(name) or None


def number(value: str | None) -> int | None:
    """Return a whole number, None when it is none."""
    try:
        return None if value is None else int(value)
    except ValueError:
        return None


def scaled(value: str | None, unit: str | None) -> int | None:
    """Return a size in bytes, None when it is none; no unit is KiB."""
    size, factor = number(value), _UNIT_BYTES.get((unit or "KiB").lower())
    return None if size is None or size < 0 or factor is None else size * factor


def size_kib(element: _Element | None) -> int | None:
    """Return an element's size in KiB, rounded down."""
    size = None if element is None else scaled(element.text, element.get("unit"))
    return None if size is None else size // 1024


def yes(value: str | None) -> bool | None:
    """Return yes/no and on/off as truth, anything else as None."""
    return {"yes": True, "on": True, "no": False, "off": False}.get(value or "")


def cpu_set(value: str | None) -> tuple[int, ...] | None:
    """Return the processors of a set such as ``0-3,^2,8``; None when it is none."""
    chosen: set[int] = set()
    for part in (value or "").replace(" ", "").split(","):
        first, _, last = part.removeprefix("^").partition("-")
        low, high = number(first), number(last or first)
        if low is None or high is None or not 0 <= low <= high <= MAX_INDEX:
            return None
        members = range(low, high + 1)
        if part.startswith("^"):
            chosen.difference_update(members)
        else:
            chosen.update(members)
    return tuple(sorted(chosen))
