"""Virtual networks by libvirt: its test driver's, and real ones of a private libvirtd."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Bandwidth, HostAddress, Network, StaticLease

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"

TEST = "test:///default"
NAT = Network(
    name="new",
    uuid="",
    active=False,
    autostart=True,
    bridge="lan7",
    forward_mode="nat",
    addresses=(HostAddress(address="10.17.0.1", prefix=24, ranges=(("10.17.0.2", "10.17.0.9"),)),),
)
PLAIN = Network(name="plain", uuid="", active=False)


async def refused(call: Awaitable[object]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value.kind, caught.value.message


# The test driver -------------------------------------------------------------------------------


async def test_a_network_comes_stops_starts_and_goes(backends: Start) -> None:
    backend, inventory = await backends(TEST)
    await backend.create_network(NAT)
    network = inventory.view.all(Network)["new"]
    told = {name: getattr(network, name) for name in ("bridge", "forward_mode", "addresses")}
    assert told == {
        "bridge": "lan7",
        "forward_mode": "nat",
        "addresses": NAT.addresses,
    }
    assert (network.active, network.autostart, network.persistent) == (True, True, True)
    await backend.set_network_autostart("new", False)
    for active in (False, False, True):
        await backend.set_network_active("new", active)
        network = inventory.view.all(Network)["new"]
        assert (network.active, network.autostart) == (active, False)
    await backend.delete_network("new")
    assert list(inventory.view.all(Network)) == ["default"]


async def test_what_is_not_there_or_there_already_is_named(backends: Start) -> None:
    backend, inventory = await backends(TEST)
    known = dict(inventory.view.all(Network))
    twice = backend.create_network(Network(name="default", uuid="", active=False))
    assert await refused(twice) == ("exists", "there is a network 'default' already")
    for call in (
        backend.delete_network("gone"),
        backend.set_network_active("gone", True),
        backend.set_network_autostart("gone", True),
    ):
        kind, text = await refused(call)
        assert (kind, "gone" in text) == ("not_found", True)
    assert inventory.view.all(Network) == known


async def test_a_network_that_others_took_away_is_seen_to_be_gone(
    backends: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, inventory = await backends(TEST)
    await backend.create_network(PLAIN)
    monkeypatch.setattr(type(backend), "_changed", lambda *_: None)  # events are late
    behind = libvirt.open(TEST)
    try:
        network = behind.networkLookupByName("plain")
        network.destroy()
        network.undefine()
        assert (await refused(backend.set_network_active("plain", False)))[0] == "not_found"
        assert list(inventory.view.all(Network)) == ["default"]
    finally:
        behind.close()


# A private libvirtd ----------------------------------------------------------------------------


@pytest.fixture
def _no_network_stays(libvirtd: Libvirtd) -> Iterator[None]:
    yield
    for name in libvirtd.virsh("net-list", "--all", "--name").split():
        for command in ("net-destroy", "net-undefine"):
            words = ["virsh", "-q", "-c", libvirtd.uri, command, name]
            subprocess.run(words, check=False, capture_output=True)


@pytest.mark.libvirtd
@pytest.mark.usefixtures("_no_network_stays")
async def test_real_networks_are_made_and_removed(backends: Start, libvirtd: Libvirtd) -> None:
    backend, inventory = await backends(libvirtd.uri)
    isolated = Network(
        name="isolated",
        uuid="",
        active=False,
        addresses=(HostAddress(address="10.18.0.1", prefix=25),),
    )
    for wanted in (PLAIN, isolated, NAT):
        await backend.create_network(wanted)
    assert sorted(libvirtd.virsh("net-list", "--name").split()) == ["isolated", "new", "plain"]
    assert libvirtd.virsh("net-list", "--autostart", "--name").split() == ["new"]
    told = libvirtd.virsh("net-dumpxml", "new")
    assert re.search(r"<forward mode='nat'>", told)
    assert "<bridge name='lan7'" in told
    assert "<range start='10.17.0.2' end='10.17.0.9'/>" in told
    known = inventory.view.all(Network)
    assert (known["isolated"].addresses, known["isolated"].forward_mode) == (isolated.addresses, None)
    assert known["plain"].bridge
    assert all(network.active for network in known.values())

    kind, text = await refused(
        backend.create_network(Network(name="other", uuid="", active=False, bridge="lan7", autostart=True))
    )
    assert (kind, "lan7" in text) == ("failed", True)
    assert sorted(libvirtd.virsh("net-list", "--all", "--name").split()) == ["isolated", "new", "plain"]

    await backend.set_network_active("new", False)
    assert "new" in libvirtd.virsh("net-list", "--inactive", "--name")
    await backend.set_network_active("new", True)
    for name in ("plain", "isolated", "new"):
        await backend.delete_network(name)
    assert libvirtd.virsh("net-list", "--all", "--name").split() == []
    assert inventory.view.all(Network) == {}


def leased(libvirtd: Libvirtd, name: str, *words: str) -> str:
    return re.sub(r"\s*\n\s*", "", libvirtd.virsh("net-dumpxml", name, *words))


@pytest.mark.libvirtd
@pytest.mark.usefixtures("_no_network_stays")
async def test_leases_of_a_real_network_are_changed_while_it_works(
    backends: Start, libvirtd: Libvirtd
) -> None:
    backend, inventory = await backends(libvirtd.uri)
    await backend.create_network(NAT)
    before = inventory.view.all(Network)["new"]
    stored = before.stored
    assert stored is not None
    assert (stored.active, stored.addresses) == (False, NAT.addresses)
    [address] = before.addresses
    first = StaticLease(address="10.17.0.50", mac="52:54:00:00:00:01", name="one")
    moved = replace(first, address="10.17.0.51")
    for leases, ranges in (
        ((first,), (*address.ranges, ("10.17.0.60", "10.17.0.69"))),
        ((moved,), (("10.17.0.60", "10.17.0.69"),)),
        ((), ()),
    ):
        wanted = (replace(address, leases=leases, ranges=ranges),)
        now = inventory.view.all(Network)["new"]
        assert now.stored is not None
        await backend.reconfigure_network(
            "new", current=replace(now, addresses=wanted), stored=replace(now.stored, addresses=wanted)
        )
        told = inventory.view.all(Network)["new"]
        assert told.stored is not None
        assert (told.addresses, told.stored.addresses) == (wanted, wanted)
        for words in ((), ("--inactive",)):
            xml = leased(libvirtd, "new", *words)
            assert re.findall(r"<range start='([^']*)' end='([^']*)'", xml) == list(ranges)
            assert re.findall(r"<host mac='52:54:00:00:00:01' name='one' ip='([^']*)'", xml) == [
                lease.address for lease in leases
            ]


@pytest.mark.libvirtd
@pytest.mark.usefixtures("_no_network_stays")
async def test_the_rest_of_a_real_network_is_stored_for_its_next_start(
    backends: Start, libvirtd: Libvirtd
) -> None:
    backend, inventory = await backends(libvirtd.uri)
    await backend.create_network(NAT)
    before = inventory.view.all(Network)["new"]
    assert before.stored is not None
    six = HostAddress(address="fd17::1", prefix=64, ranges=(("fd17::2", "fd17::99"),))
    changes: dict[str, Any] = {
        "domain_name": "lan.example",
        "mtu": 1400,
        "addresses": (*before.addresses, six),
    }
    kind, text = await refused(backend.reconfigure_network("new", current=replace(before, **changes)))
    assert (kind, text) == (
        "unsupported",
        "domain_name, mtu, addresses: an active network's is changed for its next start only",
    )
    assert inventory.view.all(Network)["new"] == before

    await backend.reconfigure_network("new", stored=replace(before.stored, **changes))
    told = inventory.view.all(Network)["new"]
    assert (told.mtu, told.stored and told.stored.mtu) == (None, 1400)
    assert "mtu" not in leased(libvirtd, "new")
    await backend.set_network_active("new", False)
    await backend.set_network_active("new", True)
    told = inventory.view.all(Network)["new"]
    assert {name: getattr(told, name) for name in changes} == changes
    xml = leased(libvirtd, "new")
    for part in ("<mtu size='1400'/>", "<domain name='lan.example'/>", "address='fd17::1' prefix='64'"):
        assert part in xml

    await backend.set_network_active("new", False)
    stopped = inventory.view.all(Network)["new"]
    assert stopped.stored is None
    await backend.reconfigure_network("new", current=replace(stopped, mtu=None, forward_mode="open"))
    xml = leased(libvirtd, "new")
    assert ("<forward mode='open'/>" in xml, "mtu" in xml, "fd17::1" in xml) == (True, False, True)


@pytest.mark.libvirtd
@pytest.mark.usefixtures("_no_network_stays")
async def test_a_real_network_is_defined_and_not_started(backends: Start, libvirtd: Libvirtd) -> None:
    backend, inventory = await backends(libvirtd.uri)
    await backend.create_network(replace(NAT, inbound=Bandwidth(average_kib_s=100)), start=False)
    network = inventory.view.all(Network)["new"]
    assert (network.active, network.stored, network.inbound) == (False, None, Bandwidth(average_kib_s=100))
    assert "<inbound average='100'/>" in leased(libvirtd, "new")
    kind, text = await refused(backend.reconfigure_network("new", current=replace(network, vlan_ids=(5,))))
    assert (kind, "vlan" in text) == ("unsupported", True)
    assert inventory.view.all(Network)["new"] == network
