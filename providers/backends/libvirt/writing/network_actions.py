"""Virtual networks told what to do, as libvirt calls; the functions run on worker threads.

Source: libvirt's API reference, virNetworkDefineXML, virNetworkCreate and their kin; its documentation,
"Network XML format".
Errors: BackendError: exists, not_found, unsupported, and what the call gives.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable

    from libvirt import virNetwork

    from xencim.providers.backends.libvirt.calls.session import Session
    from xencim.providers.backends.libvirt.calls.workers import Workers
    from xencim.providers.backends.libvirt.mirror import Mirror
    from xencim.providers.backends.records import Network


class NetworkManagement:
    """What a connected backend can do with virtual networks."""

    _actions: Workers

    def _connected(self) -> tuple[Session, Mirror]:
        raise NotImplementedError

    async def create_network(self, wanted: Network) -> None:
        """Define a network and start it."""
        await self._act_on_network(wanted.name, "created", partial(_create, wanted=wanted))

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


def network_xml(wanted: Network) -> str:
    """Return the definition of a network; what is None the hypervisor chooses."""
    told = etree.Element("network")
    etree.SubElement(told, "name").text = wanted.name
    if wanted.forward_mode:
        forward = etree.SubElement(told, "forward", mode=wanted.forward_mode)
        if wanted.forward_dev:
            forward.set("dev", wanted.forward_dev)
    if wanted.bridge:
        etree.SubElement(told, "bridge", name=wanted.bridge)
    if wanted.domain_name:
        etree.SubElement(told, "domain", name=wanted.domain_name)
    if wanted.address and wanted.netmask:
        ip = etree.SubElement(told, "ip", address=wanted.address, netmask=wanted.netmask)
        if wanted.dhcp_start and wanted.dhcp_end:
            dhcp = etree.SubElement(ip, "dhcp")
            etree.SubElement(dhcp, "range", start=wanted.dhcp_start, end=wanted.dhcp_end)
    return etree.tostring(told, encoding="unicode")


def _create(session: Session, wanted: Network) -> None:
    """Define a network and start it; one that cannot be started is not kept."""
    connection = session.connection
    if any(net.name() == wanted.name for net in session.call(connection.listAllNetworks, 0)):
        raise BackendError("exists", f"there is a network {wanted.name!r} already")
    net = session.call(connection.networkDefineXML, network_xml(wanted))
    try:
        session.call(net.create)
        if wanted.autostart is not None:
            session.call(net.setAutostart, int(wanted.autostart))
    except BackendError:
        with suppress(BackendError):
            _forget(session, net)
        raise


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
