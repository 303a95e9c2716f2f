"""Small edits of an XML tree: what has no value goes, and what that leaves empty goes too.

Errors: BackendError (invalid) for a text that XML cannot hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from lxml.etree import _Element


def child(parent: _Element, path: str) -> _Element:
    """Return the first element at a path below, made where it is not there."""
    for name in path.split("/"):
        found = parent.find(name)
        parent = etree.SubElement(parent, name) if found is None else found
    return parent


def drop(parent: _Element, path: str) -> None:
    """Take away every element at a path below."""
    for element in parent.findall(path):
        remove(element)


def remove(element: _Element) -> None:
    """Take an element away."""
    above = element.getparent()
    if above is not None:
        above.remove(element)


def set_text(parent: _Element, path: str, value: str | int | None) -> None:
    """Give an element its text; None takes it away."""
    if value is None:
        element = parent.find(path)
        if element is not None:
            element.text = None
            _prune(parent, path)
        return
    try:
        child(parent, path).text = str(value)
    except ValueError as error:
        raise BackendError("invalid", f"{path} holds a character that XML cannot") from error


def set_attribute(parent: _Element, path: str, name: str, value: str | int | None) -> None:
    """Give an element an attribute; None takes it away. No path means the parent itself."""
    if value is None:
        element = parent.find(path) if path else parent
        if element is not None and name in element.attrib:
            del element.attrib[name]
            if path:
                _prune(parent, path)
        return
    element = child(parent, path) if path else parent
    try:
        element.set(name, str(value))
    except ValueError as error:
        raise BackendError(
            "invalid", f"{path or parent.tag} {name} holds a character that XML cannot"
        ) from error


def set_flag(parent: _Element, path: str, *, on: bool) -> None:
    """Have an element whose presence is its meaning, or not."""
    if on:
        element = child(parent, path)
        if element.get("state") == "off":
            del element.attrib["state"]
    else:
        drop(parent, path)


def _prune(parent: _Element, path: str) -> None:
    """Take away an element that says nothing any more, and what held only it."""
    element = parent.find(path)
    while element is not None and element is not parent:
        above = element.getparent()
        if len(element) or element.attrib or (element.text or "").strip():
            return
        remove(element)
        element = above
