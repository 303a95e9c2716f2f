"""Network filters told what to be, as libvirt calls; the functions run on worker threads.

A definition is edited, so that what is not known here stays in it.

Source: libvirt's API reference, virNWFilterDefineXML and virNWFilterUndefine.
Errors: BackendError, of `Session.call`; exists.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml import edit
from xencim.providers.backends.libvirt.xml.parse import document

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.libvirt.mirror import Mirror


class FilterManagement:
    """What a connected backend can do with network filters."""

    _actions: Workers

    def _connected(self) -> tuple[Session, Mirror]:
        raise NotImplementedError

    async def create_filter(self, name: str, *, uuid: str | None, chain: str, priority: int | None) -> None:
        """Define a filter without rules."""
        root = etree.Element("filter")
        for attribute, value in (("name", name), ("chain", chain), ("priority", priority)):
            edit.set_attribute(root, "", attribute, value)
        edit.set_text(root, "uuid", uuid)
        await self._act_on_filters(f"network filter {name} made", _create, name, _text(root))

    async def delete_filter(self, name: str) -> None:
        """Take a filter away."""
        await self._act_on_filters(f"network filter {name} deleted", _delete, name)

    async def set_filter_references(self, name: str, references: tuple[str, ...]) -> None:
        """Make a filter refer to these others, and to no more."""
        await self._act_on_filters(f"network filter {name} changed", _set_references, name, references)

    async def _act_on_filters(self, what: str, function: Callable[..., None], *arguments: object) -> None:
        session, mirror = self._connected()
        try:
            await self._actions.run(what, partial(function, session, *arguments))
        finally:
            await mirror.filters.read()


def _create(session: Session, name: str, xml: str) -> None:
    try:
        session.call(session.connection.nwfilterLookupByName, name)
    except BackendError as error:
        if error.kind != "not_found":
            raise
    else:
        raise BackendError("exists", f"there is a network filter {name!r} already")
    session.call(session.connection.nwfilterDefineXML, xml)


def _delete(session: Session, name: str) -> None:
    session.call(session.call(session.connection.nwfilterLookupByName, name).undefine)


def _set_references(session: Session, name: str, references: tuple[str, ...]) -> None:
    found = session.call(session.connection.nwfilterLookupByName, name)
    root = document(session.call(found.XMLDesc, 0), "filter")
    present = {element.get("filter") for element in root.findall("filterref")}
    for element in root.findall("filterref"):
        if element.get("filter") not in references:
            edit.remove(element)
    for reference in references:
        if reference not in present:
            etree.SubElement(root, "filterref", filter=reference)
    session.call(session.connection.nwfilterDefineXML, _text(root))


def _text(root: etree._Element) -> str:
    return etree.tostring(root, encoding="unicode")
