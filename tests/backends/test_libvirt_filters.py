"""Network filters by libvirt: absent in its test driver, real ones of a private libvirtd."""

from __future__ import annotations

import uuid as uuids
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt import backend as backend_module
from xencim.providers.backends.libvirt import filters as filters_module
from xencim.providers.backends.libvirt.calls.workers import StuckError
from xencim.providers.backends.records import NetworkFilter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"


async def refused(call: Awaitable[object]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value.kind, caught.value.message


def known(inventory: Inventory, name: str) -> NetworkFilter:
    return inventory.view.all(NetworkFilter)[name]


async def test_the_test_driver_has_none(backends: Start) -> None:
    backend, inventory = await backends("test:///default")
    assert inventory.view.all(NetworkFilter) == {}
    kind, _text = await refused(backend.create_filter("f", uuid=None, chain="root", priority=None))
    assert kind == "unsupported"


async def test_a_filter_that_is_not_read_stays_as_it_was(
    backends: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, inventory = await backends("test:///default")
    inventory.put(NetworkFilter(name="f", uuid="u"))
    _session, mirror = backend._connected()

    def fail(_session: object) -> None:
        raise BackendError("failed", "no")

    monkeypatch.setattr(filters_module, "_listed", fail)
    await mirror.filters.read()
    assert known(inventory, "f").uuid == "u"
    monkeypatch.undo()
    await mirror.filters.read()
    assert inventory.view.all(NetworkFilter) == {}


async def test_what_is_stuck_is_not_asked_again(backends: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    backend, _inventory = await backends("test:///default")
    _session, mirror = backend._connected()
    late = backend._loop.create_future()
    asked = []

    def hang(_session: object) -> list[object]:
        asked.append(1)
        if len(asked) == 1:
            raise StuckError("the network filters", 1.0, late)
        return []

    monkeypatch.setattr(filters_module, "_listed", hang)
    await mirror.filters.read()
    await mirror.filters.read()
    assert len(asked) == 1
    late.set_result(None)
    await mirror.resync()
    assert len(asked) == 2


@pytest.mark.libvirtd
async def test_filters_of_a_real_daemon(backends: Start, libvirtd: Libvirtd) -> None:
    _backend, inventory = await backends(libvirtd.uri)
    listed = {line.split()[1] for line in libvirtd.virsh("nwfilter-list").splitlines() if line}
    assert set(inventory.view.all(NetworkFilter)) == listed
    spoofing = known(inventory, "no-ip-spoofing")
    assert (spoofing.chain, spoofing.priority) == ("ipv4-ip", -710)
    assert [(rule.action, rule.priority, rule.protocol) for rule in spoofing.rules] == [
        ("return", 100, "ip"),
        ("return", 500, "ip"),
        ("drop", 1000, None),
    ]
    assert [one.name for one in inventory.view.filters_by("refers to", "no-ip-spoofing")] != []
    assert "no-mac-spoofing" in known(inventory, "clean-traffic").references


@pytest.mark.libvirtd
async def test_a_filter_defined_behind_the_back_shows_when_asked_for(
    backends: Start, libvirtd: Libvirtd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend_module, "STORAGE_REFRESH_S", 0.0)
    monkeypatch.setattr(backend_module, "STORAGE_SHARE", float("inf"))
    backend, inventory = await backends(libvirtd.uri)
    unchanged = known(inventory, "clean-traffic")
    (tmp_path / "f.xml").write_text(
        "<filter name='behind'><rule action='drop' direction='in'><tcp dstportstart='25'/></rule></filter>"
    )
    libvirtd.virsh("nwfilter-define", str(tmp_path / "f.xml"))
    await backend.refresh_storage()
    assert [rule.protocol for rule in known(inventory, "behind").rules] == ["tcp"]
    assert known(inventory, "clean-traffic") is unchanged
    libvirtd.virsh("nwfilter-undefine", "behind")
    await backend.refresh_storage()
    assert "behind" not in inventory.view.all(NetworkFilter)


@pytest.mark.libvirtd
async def test_a_filter_is_made_changed_and_deleted(
    backends: Start, libvirtd: Libvirtd, tmp_path: Path
) -> None:
    backend, inventory = await backends(libvirtd.uri)
    uuid = str(uuids.uuid4())
    await backend.create_filter("mine", uuid=uuid, chain="ipv4", priority=-650)
    assert known(inventory, "mine") == NetworkFilter(name="mine", uuid=uuid, chain="ipv4", priority=-650)
    kind, text = await refused(backend.create_filter("mine", uuid=None, chain="root", priority=None))
    assert (kind, text) == ("exists", "there is a network filter 'mine' already")

    # What is not known of a definition stays in it.
    (tmp_path / "f.xml").write_text(
        f"<filter name='mine' chain='ipv4'><uuid>{uuid}</uuid><rule action='drop' direction='in'><ip/></rule>"
        "<filterref filter='allow-dhcp'><parameter name='D' value='10.0.0.1'/></filterref></filter>"
    )
    libvirtd.virsh("nwfilter-define", str(tmp_path / "f.xml"))
    await backend.set_filter_references("mine", ("allow-dhcp", "no-ip-multicast"))
    assert known(inventory, "mine").references == ("allow-dhcp", "no-ip-multicast")
    assert "value='10.0.0.1'" in libvirtd.virsh("nwfilter-dumpxml", "mine")
    await backend.set_filter_references("mine", ("no-ip-multicast",))
    assert (known(inventory, "mine").references, len(known(inventory, "mine").rules)) == (
        ("no-ip-multicast",),
        1,
    )
    kind, _text = await refused(backend.set_filter_references("mine", ("mine",)))
    assert kind == "failed"

    await backend.delete_filter("mine")
    assert "mine" not in inventory.view.all(NetworkFilter)
    assert (await refused(backend.delete_filter("mine")))[0] == "not_found"


@pytest.mark.libvirtd
async def test_a_machine_is_found_by_the_filter_of_its_port(
    backends: Start, libvirtd: Libvirtd, tmp_path: Path
) -> None:
    (tmp_path / "g.xml").write_text(
        "<domain type='qemu'><name>g</name><memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>"
        "<interface type='network'><source network='lan'/><mac address='52:54:00:00:00:07'/>"
        "<filterref filter='clean-traffic'/></interface></devices></domain>"
    )
    libvirtd.virsh("define", str(tmp_path / "g.xml"))
    backend, inventory = await backends(libvirtd.uri)

    def users(name: str) -> list[str]:
        return [machine.name for machine in inventory.view.machines_by("filter", name)]

    assert (users("clean-traffic"), users("allow-arp")) == (["g"], [])
    machine = inventory.view.machine_named("g")
    assert machine is not None
    [nic] = machine.current.nics
    changed = replace(machine.current, nics=(replace(nic, filter_ref="allow-arp"),))
    await backend.reconfigure(machine.uuid, stored=changed)
    assert (users("clean-traffic"), users("allow-arp")) == ([], ["g"])
    assert "<filterref filter='allow-arp'/>" in libvirtd.virsh("dumpxml", "g")
    await backend.undefine(machine.uuid)
    assert users("allow-arp") == []


@pytest.mark.libvirtd
async def test_what_cannot_be_named_or_chained_is_refused(backends: Start, libvirtd: Libvirtd) -> None:
    backend, inventory = await backends(libvirtd.uri)
    before = dict(inventory.view.all(NetworkFilter))
    kind, _text = await refused(backend.create_filter("a\0b", uuid=None, chain="root", priority=None))
    assert kind == "invalid"
    kind, _text = await refused(backend.create_filter("odd", uuid=None, chain="none", priority=None))
    assert kind in {"failed", "unsupported"}
    assert inventory.view.all(NetworkFilter) == before
