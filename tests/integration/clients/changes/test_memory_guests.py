"""Memory of real QEMU guests: reserved, from nodes of the host, and modules that come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pywbem import Uint64

from ..programs import connect
from .managed_host import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

MIB = 1024
# A guest that lets go of the memory module in the first slot whenever it is asked to: it selects the slot at
# port 0xa00, looks for the request in bit 2 of port 0xa14, and ejects by bit 3 (QEMU's acpi_mem_hotplug).
_CODE = "fa6631c0ba000a66efba140aeca80474f0b008eeebeb"
BOOT_IMAGE = (bytes.fromhex(_CODE).ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0")
MEMORY = "MemResourceAllocationSettingData"


@pytest.fixture
def host(libvirtd: Libvirtd, serve: Serve, tmp_path: Any) -> Iterator[Host]:  # noqa: ANN401 - pytest's own
    boot = tmp_path / "boot.img"
    boot.write_bytes(BOOT_IMAGE)
    with serve(libvirtd.uri) as server, connect(server) as connection:
        yield Host(libvirtd, libvirtd.uri, "KVM", connection, tmp_path)


def define(host: Host, name: str, **memory: Any) -> Any:  # noqa: ANN401 - pywbem's own
    return host.call(
        "DefineSystem",
        SystemSettings=host.instance(
            "VirtualSystemSettingData",
            VirtualSystemIdentifier=name,
            VirtualSystemType="QEMU",
            EnableACPI=True,
        ),
        ResourceSettings=[
            host.instance(MEMORY, AllocationUnits="KiloBytes", **memory),
            host.instance(
                "DiskResourceAllocationSettingData", Address=str(host.folder / "boot.img"), readonly=True
            ),
        ],
    )["ResultingSystem"]


def modify(host: Host, name: str, **memory: Any) -> None:  # noqa: ANN401 - of every type
    one = host.instance(MEMORY, InstanceID=f"{name}/mem", **memory)
    host.call("ModifyResourceSettings", ResourceSettings=[one])


def module_sizes(host: Host, name: str, *options: str) -> list[str | None]:
    return [size.text for size in host.xml(name, *options).findall("devices/memory/target/size")]


def test_modules_come_and_go_while_the_guest_runs(host: Host) -> None:
    system = define(host, "modules", VirtualQuantity=Uint64(128 * MIB), HotPlugLimit=Uint64(512 * MIB))
    host.start(system)
    both = {"Limit": Uint64(256 * MIB), "VirtualQuantity": Uint64(256 * MIB)}
    modify(host, "modules", **both)
    for options in ((), ("--inactive",)):
        assert module_sizes(host, "modules", *options) == [str(128 * MIB)]
        assert host.xml("modules", *options).findtext("memory") == str(256 * MIB)
    less = {"Limit": Uint64(128 * MIB), "VirtualQuantity": Uint64(128 * MIB)}
    modify(host, "modules", **less)
    for options in ((), ("--inactive",)):
        assert module_sizes(host, "modules", *options) == []
        assert host.xml("modules", *options).findtext("memory") == str(128 * MIB)
    host.call("DestroySystem", AffectedSystem=system)


def test_memory_is_reserved(host: Host) -> None:
    """It is not started: that takes a daemon that may lock memory, which one in a container may not."""
    whole = Uint64(64 * MIB)
    system = define(host, "reserved", VirtualQuantity=whole, Reservation=whole)
    assert host.xml("reserved").find("memoryBacking/locked") is not None
    assert host.connection.GetInstance(host.setting(MEMORY, "reserved/mem"))["Reservation"] == whole
    status, text = host.refusal(
        "ModifyResourceSettings",
        ResourceSettings=[host.instance(MEMORY, InstanceID="reserved/mem", Reservation=Uint64(MIB))],
    )
    assert (status, f"Reservation of KVM_{MEMORY}: it is {64 * MIB} and cannot" in text) == (4, True)
    modify(host, "reserved", Reservation=Uint64(0))
    assert host.xml("reserved").find("memoryBacking") is None
    host.call("DestroySystem", AffectedSystem=system)


def test_a_running_guest_s_memory_is_taken_from_nodes(host: Host) -> None:
    system = define(host, "placed", VirtualQuantity=Uint64(64 * MIB))
    host.start(system)
    status, text = host.refusal(
        "ModifyResourceSettings",
        ResourceSettings=[host.instance(MEMORY, InstanceID="placed/mem", Reservation=Uint64(64 * MIB))],
    )
    assert (status, "memory.is_locked cannot be changed while the machine runs" in text) == (7, True)
    modify(host, "placed", NUMANodes="0")
    for options in ((), ("--inactive",)):
        nodes = host.xml("placed", *options).find("numatune/memory")
        assert nodes is not None
        assert (nodes.get("mode"), nodes.get("nodeset")) == ("strict", "0")
    assert host.virsh("numatune", "placed", "--live").split()[-1] == "0"
    host.call("DestroySystem", AffectedSystem=system)
