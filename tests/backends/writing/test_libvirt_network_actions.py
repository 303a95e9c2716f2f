"""Virtual networks by libvirt: its test driver's, and real ones of a private libvirtd."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.writing.network_actions import network_xml
from xencim.providers.backends.libvirt.xml import resource_xml
from xencim.providers.backends.records import Network

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
    address="10.17.0.1",
    netmask="255.255.255.0",
    dhcp_start="10.17.0.2",
    dhcp_end="10.17.0.9",
)
PLAIN = Network(name="plain", uuid="", active=False)


async def refused(call: Awaitable[object]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value.kind, caught.value.message


# XML -------------------------------------------------------------------------------------------


def test_a_wanted_network() -> None:
    assert network_xml(NAT) == (
        '<network><name>new</name><forward mode="nat"/><bridge name="lan7"/>'
        '<ip address="10.17.0.1" netmask="255.255.255.0"><dhcp><range start="10.17.0.2" end="10.17.0.9"/>'
        "</dhcp></ip></network>"
    )
    assert network_xml(Network(name="<a>", uuid="", active=False)) == (
        "<network><name>&lt;a&gt;</name></network>"
    )


WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]),
    min_size=1,
)


@given(WORDS, st.sampled_from([None, "nat", "route", "bridge"]), st.none() | WORDS, st.none() | WORDS)
def test_what_is_written_of_a_network_is_read_as_the_same(
    name: str, mode: str | None, bridge: str | None, domain: str | None
) -> None:
    wanted = Network(
        name=name,
        uuid="",
        active=True,
        bridge=bridge,
        domain_name=domain,
        forward_mode=mode,
        forward_dev="eth0" if mode == "nat" else None,
        address="10.0.0.1" if mode == "nat" else None,
        netmask="255.0.0.0" if mode == "nat" else None,
    )
    assert resource_xml.network(network_xml(wanted), active=True) == wanted


# The test driver -------------------------------------------------------------------------------


async def test_a_network_comes_stops_starts_and_goes(backends: Start) -> None:
    backend, inventory = await backends(TEST)
    await backend.create_network(NAT)
    network = inventory.view.all(Network)["new"]
    told = {name: getattr(network, name) for name in ("bridge", "forward_mode", "address", "dhcp_end")}
    assert told == {
        "bridge": "lan7",
        "forward_mode": "nat",
        "address": "10.17.0.1",
        "dhcp_end": "10.17.0.9",
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
    isolated = Network(name="isolated", uuid="", active=False, address="10.18.0.1", netmask="255.255.255.128")
    for wanted in (PLAIN, isolated, NAT):
        await backend.create_network(wanted)
    assert sorted(libvirtd.virsh("net-list", "--name").split()) == ["isolated", "new", "plain"]
    assert libvirtd.virsh("net-list", "--autostart", "--name").split() == ["new"]
    told = libvirtd.virsh("net-dumpxml", "new")
    assert re.search(r"<forward mode='nat'>", told)
    assert "<bridge name='lan7'" in told
    assert "<range start='10.17.0.2' end='10.17.0.9'/>" in told
    known = inventory.view.all(Network)
    assert (known["isolated"].netmask, known["isolated"].forward_mode) == ("255.255.255.128", None)
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
