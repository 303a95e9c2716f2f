"""The whole backend on libvirt's test driver; `test:///default` is one host for the whole process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError, Check
from xencim.providers.backends.libvirt import backend as backend_module
from xencim.providers.backends.libvirt import probe
from xencim.providers.backends.libvirt.calls import probing
from xencim.providers.backends.records import (
    Action,
    Bridge,
    Host,
    Network,
    PoolState,
    PowerState,
    StoragePool,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from xencim.providers.backends.inventory import Inventory, View
    from xencim.providers.backends.libvirt import LibvirtBackend

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"
Until: TypeAlias = "Callable[..., Awaitable[None]]"

URI = "test:///default"
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
OTHER = "10000000-0000-4000-8000-000000000002"
DOMAIN = """<domain type='test'><name>{name}</name><uuid>{uuid}</uuid><memory>1024</memory><vcpu>1</vcpu>
<os><type>hvm</type></os><devices>{devices}</devices></domain>"""
NIC = "<interface type='bridge'><mac address='52:54:00:00:00:07'/><source bridge='br7'/></interface>"


@pytest.fixture
def behind() -> Iterator[Any]:
    """Another connection to the same host: what happens on it happens behind the backend's back."""
    connection = libvirt.open(URI)
    yield connection
    connection.close()


def machine(view: View, uuid: str = UUID) -> VirtualMachine:
    found = view.get(VirtualMachine, uuid)
    assert found is not None
    return found


def other(devices: str = "", name: str = "other") -> str:
    return DOMAIN.format(name=name, uuid=OTHER, devices=devices)


async def test_the_host(backends: Start) -> None:
    _backend, inventory = await backends(URI, host_name="lab.example.org")
    host = inventory.view.host
    assert (host.name, host.prefix, host.hypervisor, host.uri) == ("lab.example.org", "Xen", "Test", URI)
    assert (host.arch, host.cpu_count, host.cpu_mhz, host.memory_kib) == ("i686", 16, 1400, 3145728)
    assert (host.sockets, host.cores_per_socket, host.threads_per_core, host.numa_nodes) == (4, 2, 2, 2)
    assert (host.max_vcpus, host.library) == (32, "libvirt")
    assert [(guest.os_type, guest.arch, guest.domain_types) for guest in host.guests] == [
        ("hvm", "i686", ("test",)),
        ("xen", "i686", ("test",)),
    ]


async def test_its_machine_pool_and_network(backends: Start) -> None:
    _backend, inventory = await backends(URI)
    vm = machine(inventory.view)
    assert (vm.name, vm.state, vm.id, vm.persistent, vm.autostart) == (
        "test",
        PowerState.RUNNING,
        1,
        True,
        False,
    )
    assert vm.stored is not None
    assert vm.current.disks[0].source == "/guest/diskimage1"
    assert vm.current.disks[0].capacity_bytes == vm.stored.disks[0].capacity_bytes
    assert vm.current.disks[0].capacity_bytes is not None
    assert vm.current.nics[0].network == "default"
    pool = inventory.view.get(StoragePool, "default-pool")
    assert pool is not None
    assert (pool.state, pool.capacity_bytes, pool.persistent) == (PoolState.RUNNING, 107374182400, True)
    network = inventory.view.get(Network, "default")
    assert network is not None
    assert (network.active, network.bridge, network.autostart) == (True, "virbr0", False)
    assert inventory.view.all(Bridge) == {}


async def test_what_happens_behind_its_back_shows(backends: Start, behind: Any, until: Until) -> None:  # noqa: ANN401 - a libvirt connection
    _backend, inventory = await backends(URI)
    domain = behind.lookupByUUIDString(UUID)
    domain.suspend()
    await until(inventory, lambda view: machine(view).state is PowerState.PAUSED)
    assert machine(inventory.view).state_reason == "user"
    domain.destroy()
    await until(inventory, lambda view: machine(view).state is PowerState.SHUT_OFF)
    assert (machine(inventory.view).stored, machine(inventory.view).id) == (None, None)
    domain.rename("renamed")
    await until(inventory, lambda view: machine(view).name == "renamed")
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, "a test", None, None)
    await until(inventory, lambda view: machine(view).current.description == "a test")
    domain.undefine()
    await until(inventory, lambda view: view.get(VirtualMachine, UUID) is None)


async def test_a_transient_machine_comes_and_goes(backends: Start, behind: Any, until: Until) -> None:  # noqa: ANN401
    _backend, inventory = await backends(URI)
    domain = behind.createXML(other())
    await until(inventory, lambda view: view.get(VirtualMachine, OTHER))
    vm = machine(inventory.view, OTHER)
    assert (vm.persistent, vm.stored, vm.autostart) == (False, None, False)
    domain.destroy()
    await until(inventory, lambda view: view.get(VirtualMachine, OTHER) is None)


async def test_pools_and_networks_come_and_go(backends: Start, behind: Any, until: Until) -> None:  # noqa: ANN401
    _backend, inventory = await backends(URI)
    pool = behind.storagePoolDefineXML(
        "<pool type='dir'><name>p2</name><target><path>/p2</path></target></pool>"
    )
    await until(inventory, lambda view: view.get(StoragePool, "p2"))
    pool.create()
    await until(inventory, lambda view: view.all(StoragePool)["p2"].state is PoolState.RUNNING)
    pool.destroy()
    await until(inventory, lambda view: view.all(StoragePool)["p2"].state is PoolState.INACTIVE)
    pool.undefine()
    await until(inventory, lambda view: view.get(StoragePool, "p2") is None)
    network = behind.networkCreateXML("<network><name>n2</name><bridge name='virbr9'/></network>")
    await until(inventory, lambda view: view.get(Network, "n2"))
    assert inventory.view.all(Network)["n2"].persistent is False
    network.destroy()
    await until(inventory, lambda view: view.get(Network, "n2") is None)


async def test_a_bridge_is_there_while_used_and_owned_by_no_network(
    backends: Start,
    behind: Any,  # noqa: ANN401
    until: Until,
) -> None:
    _backend, inventory = await backends(URI)
    behind.defineXML(other(NIC))
    await until(inventory, lambda view: view.get(Bridge, "br7"))
    network = behind.networkCreateXML("<network><name>n7</name><bridge name='br7'/></network>")
    await until(inventory, lambda view: view.get(Bridge, "br7") is None)
    network.destroy()
    await until(inventory, lambda view: view.get(Bridge, "br7"))
    behind.lookupByUUIDString(OTHER).undefine()
    await until(inventory, lambda view: view.get(Bridge, "br7") is None)


async def test_every_action(backends: Start) -> None:
    backend, inventory = await backends(URI)
    for action, state in (
        (Action.PAUSE, PowerState.PAUSED),
        (Action.START, PowerState.RUNNING),
        (Action.SAVE, PowerState.SAVED),
        (Action.START, PowerState.RUNNING),
        (Action.REBOOT, PowerState.RUNNING),
        (Action.RESET, PowerState.RUNNING),
        (Action.DESTROY, PowerState.SHUT_OFF),
        (Action.START, PowerState.RUNNING),
        (Action.SHUT_DOWN, PowerState.SHUT_OFF),
    ):
        await backend.control(UUID, action, 10)
        assert machine(inventory.view).state is state, action


async def test_actions_that_cannot_be(backends: Start) -> None:
    backend, _inventory = await backends(URI)
    for uuid, action, kind, message in (
        (OTHER, Action.START, "not_found", f"there is no machine {OTHER}"),
        (UUID, Action.START, "invalid_state", "test is running: it cannot start"),
    ):
        with pytest.raises(BackendError) as caught:
            await backend.control(uuid, action, None)
        assert (caught.value.kind, caught.value.message) == (kind, message)
    await backend.control(UUID, Action.DESTROY, None)
    for action in (Action.DESTROY, Action.PAUSE, Action.SHUT_DOWN):
        with pytest.raises(BackendError) as caught:
            await backend.control(UUID, action, None)
        assert caught.value.kind == "invalid_state", action


async def test_destroying_a_transient_machine_removes_it(backends: Start, behind: Any) -> None:  # noqa: ANN401
    behind.createXML(other())
    backend, inventory = await backends(URI)
    await backend.control(OTHER, Action.DESTROY, 5)
    assert inventory.view.get(VirtualMachine, OTHER) is None


def host_file(path: Path, count: int) -> str:
    domains = "".join(
        DOMAIN.format(
            name=f"vm{n}",
            uuid=f"00000000-0000-4000-8000-{n:012}",
            devices=f"<disk type='file'><source file='/images/{n}'/><target dev='vda'/></disk>",
        )
        for n in range(count)
    )
    path.write_text(f"<node>{domains}</node>")
    return f"test://{path}"


async def test_loading_asks_each_machine_for_its_xml_disks_and_snapshots_only(
    backends: Start, tmp_path: Path
) -> None:
    few, _ = await backends(host_file(tmp_path / "few.xml", 2))
    many, inventory = await backends(host_file(tmp_path / "many.xml", 300))
    assert len(inventory.view.all(VirtualMachine)) == 300
    calls, base = many.calls.read(), few.calls.read()
    grown = {name: count - base[name] for name, count in calls.items() if count != base[name]}
    assert grown == {"XMLDesc": 2 * 298, "blockInfo": 298, "listAllSnapshots": 298}


async def test_reading_the_inventory_calls_nothing_and_a_resync_keeps_the_records(
    backends: Start, tmp_path: Path
) -> None:
    backend, inventory = await backends(host_file(tmp_path / "host.xml", 20))
    before, generation = dict(inventory.view.all(VirtualMachine)), inventory.view.generation
    calls = backend.calls.read()
    assert all(vm.current.disks[0].capacity_bytes for vm in before.values())
    assert backend.calls.read() == calls
    assert backend._mirror is not None
    await backend._mirror.sweep()
    assert inventory.view.generation == generation
    assert all(inventory.view.get(VirtualMachine, uuid) is vm for uuid, vm in before.items())
    assert backend.calls.read()["blockInfo"] == calls["blockInfo"]


async def test_what_no_event_tells_is_found_by_looking(backends: Start, behind: Any, until: Until) -> None:  # noqa: ANN401
    _backend, inventory = await backends(URI, sweep_s=0.02)
    behind.lookupByUUIDString(UUID).setAutostart(1)
    behind.networkLookupByName("default").setAutostart(1)
    behind.storagePoolLookupByName("default-pool").setAutostart(1)
    await until(inventory, lambda view: machine(view).autostart)
    await until(inventory, lambda view: view.all(Network)["default"].autostart)
    await until(inventory, lambda view: view.all(StoragePool)["default-pool"].autostart)


async def test_many_events_of_one_machine_are_few_reads(backends: Start, behind: Any, until: Until) -> None:  # noqa: ANN401
    backend, inventory = await backends(URI)
    before = backend.calls.read().get("lookupByUUIDString", 0)
    domain = behind.lookupByUUIDString(UUID)
    for _ in range(100):
        domain.suspend()
        domain.resume()
    domain.suspend()
    await until(inventory, lambda view: machine(view).state is PowerState.PAUSED)
    assert backend.calls.read()["lookupByUUIDString"] - before < 100


async def test_pool_usage_is_read_when_asked_for_but_not_too_often(
    backends: Start,
    behind: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend, inventory = await backends(URI)
    pool = behind.storagePoolLookupByName("default-pool")
    pool.createXML("<volume><name>v</name><capacity>1073741824</capacity></volume>")
    await backend.refresh_storage()
    await backend.refresh_storage()
    assert inventory.view.all(StoragePool)["default-pool"].allocation_bytes == 1073741824
    asked = backend.calls.read()["info"]
    await asyncio.gather(*(backend.refresh_storage() for _ in range(5)))
    assert backend.calls.read()["info"] == asked
    monkeypatch.setattr(backend_module, "STORAGE_REFRESH_S", 0)
    monkeypatch.setattr(backend_module, "STORAGE_SHARE", float("inf"))
    await asyncio.gather(*(backend.refresh_storage() for _ in range(5)))
    assert backend.calls.read()["info"] == asked + 1


async def test_checks_tell_the_driver_and_its_limits(backends: Start) -> None:
    backend, _inventory = await backends(URI, host_name="lab.example.org")
    assert backend.checks()[0] == Check("hypervisor", ok=True, detail=f"{URI}: Test 0.0.2 on lab.example.org")
    assert [check.name for check in backend.checks()] == ["hypervisor", "libvirt", "driver"]
    await backend.stop()
    assert [check.ok for check in backend.checks()] == [False]


async def test_a_backend_starts_again_after_it_stopped(backends: Start) -> None:
    backend, inventory = await backends(URI)
    await backend.stop()
    await backend.start(inventory)
    assert inventory.view.get(Host, "host") is not None


async def test_a_xen_host_without_its_driver_is_no_absence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "capabilities").write_text("control_d\n")
    monkeypatch.setattr(probing, "XEN_CAPABILITIES", tmp_path / "capabilities")
    with pytest.raises(BackendError) as caught:
        await probe(["xen+unix:///system?socket=/nonexistent/libvirt-sock", URI])
    assert caught.value.kind == "refused"
    assert "libvirt-daemon-driver-xen" in (caught.value.hint or "")


async def test_probing_passes_over_what_is_absent_only() -> None:
    absent = "qemu+unix:///system?socket=/nonexistent/libvirt-sock"
    assert await probe([absent, URI]) == URI
    with pytest.raises(BackendError) as caught:
        await probe([absent])
    assert caught.value.kind == "absent"
    with pytest.raises(BackendError) as caught:
        await probe(["test:///nonexistent.xml", URI])
    assert caught.value.kind == "refused"
