"""Virtual networks told what to do, as libvirt calls; the functions run on worker threads.

An active network takes other leases, static or of ranges, at once. The rest of its definition is for
its next start.

Source: libvirt's API reference, virNetworkDefineXML, virNetworkCreate, virNetworkUpdate and their kin.
Errors: BackendError: exists, not_found, invalid_state, unsupported, and what the call gives.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import starmap
from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.calls import uris
from xencim.providers.backends.libvirt.xml.network_xml import (
    changed_xml,
    lease_element,
    network,
    network_xml,
    range_element,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from libvirt import virNetwork
    from lxml.etree import _Element

    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.libvirt.mirror import Mirror
    from xencim.providers.backends.records import Network

    _Update = tuple[int, int, int, str]  # command, section, which address, XML

# virNetworkUpdateCommand, virNetworkUpdateSection, virNetworkUpdateFlags.
_DELETE, _ADD = 2, 3
_HOST, _RANGE = 4, 5
_LIVE = 1
_DEFINED = (
    "bridge",
    "forward_mode",
    "forward_dev",
    "port_type",
    "domain_name",
    "mtu",
    "vlan_ids",
    "inbound",
    "outbound",
)


class NetworkManagement:
    """What a connected backend can do with virtual networks."""

    _actions: Workers

    def _connected(self) -> tuple[Session, Mirror]:
        raise NotImplementedError

    async def create_network(self, wanted: Network, *, start: bool = True) -> None:
        """Define a network and start it, if it is to be."""
        await self._act_on_network(wanted.name, "created", partial(_create, wanted=wanted, start=start))

    async def reconfigure_network(
        self, name: str, *, current: Network | None = None, stored: Network | None = None
    ) -> None:
        """Make a network what these definitions say."""
        change = partial(_change, name=name, current=current, stored=stored)
        await self._act_on_network(name, "changed", change)

    async def delete_network(self, name: str) -> None:
        """Stop a network and forget it."""
        await self._act_on_network(name, "removed", partial(_delete, name=name))

    async def set_network_active(self, name: str, active: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Start or stop a network."""
        what = "started" if active else "stopped"
        await self._act_on_network(name, what, partial(_set_active, name=name, active=active))

    async def set_network_autostart(self, name: str, autostart: bool) -> None:  # noqa: FBT001 - as `Backend` has it
        """Have a network started with its host, or not."""
        function = partial(_set_autostart, name=name, autostart=autostart)
        await self._act_on_network(name, "set to autostart or not", function)

    async def _act_on_network(self, name: str, what: str, function: Callable[[Session], None]) -> None:
        """Call a function on a worker; the network is read anew whatever became of it."""
        session, mirror = self._connected()
        try:
            await self._actions.run(f"network {name} {what}", partial(function, session))
        finally:
            await mirror.read_network(name)


def _create(session: Session, wanted: Network, *, start: bool) -> None:
    """Define a network and start it; one that cannot be started is not kept."""
    connection = session.connection
    if any(net.name() == wanted.name for net in session.call(connection.listAllNetworks, 0)):
        raise BackendError("exists", f"there is a network {wanted.name!r} already")
    net = session.call(connection.networkDefineXML, network_xml(wanted))
    try:
        if start:
            session.call(net.create)
        if wanted.autostart is not None:
            session.call(net.setAutostart, int(wanted.autostart))
    except BackendError:
        with suppress(BackendError):
            _forget(session, net)
        raise


def _change(session: Session, name: str, current: Network | None, stored: Network | None) -> None:
    """Store another definition and have an active network follow; what fails first changes nothing."""
    net = _network(session, name)
    if not session.call(net.isActive):
        current, stored = None, stored or current
    elif stored is not None and not session.call(net.isPersistent):
        raise BackendError("invalid_state", f"network {name!r} is transient: nothing is stored of it")
    updates = [] if current is None else _updates(session.call(net.XMLDesc, 0), current)
    before = None if stored is None else _redefine(session, net, stored)
    done = 0
    try:
        for command, section, parent, xml in updates:
            session.call(net.update, command, section, parent, xml, _LIVE)
            done += 1
    except BackendError as error:
        if before is not None and not done:
            with suppress(BackendError):
                session.call(session.connection.networkDefineXML, before)
        elif done:
            message = f"{error.message}; {done} of {len(updates)} changes of its leases were made before"
            raise BackendError(error.kind, message, hint=error.hint) from error
        raise


def _redefine(session: Session, net: virNetwork, stored: Network) -> str:
    """Store another definition and return the one that was."""
    flags = session.libvirt.VIR_NETWORK_XML_INACTIVE if uris.driver(session.uri) != "test" else 0
    before: str = session.call(net.XMLDesc, flags)
    session.call(session.connection.networkDefineXML, changed_xml(before, stored))
    return before


def _updates(xml: str, wanted: Network) -> list[_Update]:
    """Return how the leases of an active network become what is wanted; all else must be so already."""
    now = network(xml, active=True)
    addresses = [replace(one, ranges=(), leases=()) for one in now.addresses]
    differing = [name for name in _DEFINED if getattr(now, name) != getattr(wanted, name)]
    if addresses != [replace(one, ranges=(), leases=()) for one in wanted.addresses]:
        differing.append("addresses")
    if differing:
        raise BackendError(
            "unsupported", f"{', '.join(differing)}: an active network's is changed for its next start only"
        )
    found: list[_Update] = []
    for index, (old, new) in enumerate(zip(now.addresses, wanted.addresses, strict=True)):
        found += _exchanged(_HOST, index, map(lease_element, old.leases), map(lease_element, new.leases))
        found += _exchanged(
            _RANGE, index, starmap(range_element, old.ranges), starmap(range_element, new.ranges)
        )
    return found


def _exchanged(
    section: int, index: int, old: Iterable[_Element], new: Iterable[_Element]
) -> Iterator[_Update]:
    """Yield what is taken away before what comes: it may take the place of what went."""
    before, after = ([etree.tostring(one, encoding="unicode") for one in each] for each in (old, new))
    yield from ((_DELETE, section, index, xml) for xml in before if xml not in after)
    yield from ((_ADD, section, index, xml) for xml in after if xml not in before)


def _delete(session: Session, name: str) -> None:
    _forget(session, _network(session, name))


def _forget(session: Session, net: virNetwork) -> None:
    persistent = session.call(net.isPersistent)
    if session.call(net.isActive):
        session.call(net.destroy)
    if persistent:
        session.call(net.undefine)


def _set_active(session: Session, name: str, *, active: bool) -> None:
    net = _network(session, name)
    if bool(session.call(net.isActive)) != active:
        session.call(net.create if active else net.destroy)


def _set_autostart(session: Session, name: str, *, autostart: bool) -> None:
    session.call(_network(session, name).setAutostart, int(autostart))


def _network(session: Session, name: str) -> virNetwork:
    return session.call(session.connection.networkLookupByName, name)
