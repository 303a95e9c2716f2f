"""Virtual NUMA, NUMA placement and TPMs as clients set them, on a made-up host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.fake import fake_host
from xencim.providers.backends.records import NumaCell, Platform, PowerState
from xencim.providers.core.errors import Status
from xencim.providers.host.services import virtual_system_management_capabilities as capabilities
from xencim.providers.management.given import told
from xencim.providers.vm.settings.memory import SPEC as MEMORY

from .management_world import Host, managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OFF, RUNNING = "vm-00002", "vm-00000"


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with managing() as made:
        yield made


async def modify(host: Host, name: str, **properties: object) -> None:
    one = host.settings("system", InstanceID=f"Xen:{name}", **properties)
    await host.call("ModifySystemSettings", SystemSettings=one)


async def test_virtual_numa_nodes_hold_all_memory(host: Host) -> None:
    await modify(host, OFF, VirtualNUMANodes=("0-1/524288", "2-3/262144"))
    config = host.machine(OFF).current
    assert config.numa_cells == (
        NumaCell(cpus=(0, 1), memory_kib=524288),
        NumaCell(cpus=(2, 3), memory_kib=262144),
    )
    assert (config.memory.maximum_kib, config.memory.current_kib) == (786432, 786432)
    await modify(host, OFF, VirtualNUMANodes=())
    assert host.machine(OFF).current.numa_cells == ()


@pytest.mark.parametrize("text", ["0-1", "x/1024", "0/much"])
async def test_a_node_that_is_none_is_refused(host: Host, text: str) -> None:
    one = host.settings("system", InstanceID=f"Xen:{OFF}", VirtualNUMANodes=(text,))
    status, why = await host.refusal("ModifySystemSettings", SystemSettings=one)
    assert status is Status.INVALID_PARAMETER
    assert "property VirtualNUMANodes of Xen_VirtualSystemSettingData" in why


async def test_a_tpm_comes_and_goes(host: Host) -> None:
    await modify(host, OFF, TPMVersion="2.0")
    assert host.machine(OFF).current.tpm_version == "2.0"
    await modify(host, OFF, TPMVersion="")
    assert host.machine(OFF).current.tpm_version is None


async def test_a_running_machine_gets_none_before_its_next_start(host: Host) -> None:
    one = host.settings("system", InstanceID=f"Xen:{RUNNING}", TPMVersion="2.0")
    status, why = await host.refusal("ModifySystemSettings", SystemSettings=one)
    assert status is Status.NOT_SUPPORTED
    assert why == (
        "ModifySystemSettings: vm-00000 on Fake: tpm_version cannot be changed while the machine runs "
        "(settings whose InstanceID ends in ;stored are those of the next start)"
    )
    await modify(host, f"{RUNNING};stored", TPMVersion="2.0")
    assert host.stored(RUNNING).tpm_version == "2.0"
    assert host.machine(RUNNING).current.tpm_version is None


async def test_memory_is_taken_from_nodes_of_the_host(host: Host) -> None:
    await host.modify("mem", f"{OFF}/mem", NUMANodes="1,0")
    memory = host.machine(OFF).current.memory
    assert (memory.numa_nodes, memory.numa_mode) == ((0, 1), "strict")
    await host.modify("mem", f"{OFF}/mem", NUMAMode="preferred")
    assert host.machine(OFF).current.memory.numa_mode == "preferred"
    await host.modify("mem", f"{OFF}/mem", NUMANodes="")
    assert host.machine(OFF).current.memory.numa_nodes == ()
    status, why = await host.modify_refused("mem", f"{OFF}/mem", NUMANodes="all")
    assert (status, "names no numbers" in why) == (Status.INVALID_PARAMETER, True)


async def test_nobody_reserves_and_is_told_so(host: Host) -> None:
    assert await host.modify_refused("proc", f"{OFF}/proc", Reservation=50) == (
        Status.NOT_SUPPORTED,
        (
            "ResourceSettings[0] of ModifyResourceSettings: property Reservation of "
            "Xen_ProcResourceAllocationSettingData: Fake keeps no processor time for one machine: "
            "Weight gives it more than others"
        ),
    )


async def test_memory_is_a_machine_s_own_whole_or_not_at_all(host: Host) -> None:
    machine = host.machine(OFF)
    has = machine.current.memory.current_kib
    half = {"VirtualQuantity": has, "Reservation": has // 2}
    refusal = f"property Reservation of Xen_MemResourceAllocationSettingData: it is {has} and cannot become"
    status, why = await host.modify_refused("mem", f"{OFF}/mem", **half)  # Xen gives all of it
    assert (status, refusal in why) == (Status.INVALID_PARAMETER, True)

    host.site.inventory.put(replace(machine, current=replace(machine.current, domain_type="kvm")))
    status, why = await host.modify_refused("mem", f"{OFF}/mem", **half)
    assert (status, refusal in why) == (Status.INVALID_PARAMETER, True)
    await host.modify("mem", f"{OFF}/mem", VirtualQuantity=2 * has, Reservation=2 * has)
    assert host.machine(OFF).current.memory.is_locked
    assert told(MEMORY, (host.machine(OFF), host.machine(OFF).current.memory, None), "Reservation") == 2 * has
    await host.modify("mem", f"{OFF}/mem", Reservation=0)
    assert not host.machine(OFF).current.memory.is_locked

    host.site.inventory.put(replace(machine, current=replace(machine.current, domain_type="lxc")))
    status, why = await host.modify_refused("mem", f"{OFF}/mem", Reservation=has)
    assert (status, f"it is 0 and cannot become {has}" in why) == (Status.INVALID_PARAMETER, True)


async def test_what_the_host_has_not_is_refused_by_name(host: Host) -> None:
    before = host.view.host
    guests = tuple(replace(guest, platform=Platform(firmwares=("bios",))) for guest in before.guests)
    host.site.inventory.put(replace(before, guests=guests))
    for wanted, said, missing in (
        ({"Firmware": "efi"}, "firmware is efi: Fake on this host has bios", "firmware image"),
        ({"SecureBoot": True}, "secure_boot is True: Fake on this host has none", "firmware image"),
        ({"TPMVersion": "2.0"}, "tpm_version is 2.0: Fake on this host has none", "swtpm"),
    ):
        one = host.settings("system", InstanceID=f"Xen:{OFF}", **wanted)
        status, why = await host.refusal("ModifySystemSettings", SystemSettings=one)
        assert (status, said in why, missing in why) == (Status.NOT_SUPPORTED, True, True), why
        new = host.settings("system", VirtualSystemIdentifier="new", IsFullVirt=True, **wanted)
        status, why = await host.refusal("DefineSystem", SystemSettings=new)
        assert (status, said in why) == (Status.NOT_SUPPORTED, True), why
    assert host.view.machine_named("new") is None
    # An image that is named needs no other.
    await modify(host, OFF, Firmware="efi", Loader="/usr/share/OVMF/OVMF_CODE.fd")


def test_capabilities_tell_it_before_one_asks() -> None:
    asked = ("FirmwaresSupported", "SecureBootSupported", "TPMVersionsSupported", "CPUModesSupported")
    host = fake_host(1)
    assert [told(capabilities.SPEC, (host,), name) for name in asked] == [
        ("bios", "efi"),
        True,
        ("1.2", "2.0"),
        ("host-passthrough", "host-model", "custom"),
    ]
    silent = replace(host, guests=tuple(replace(guest, platform=None) for guest in host.guests))
    assert [told(capabilities.SPEC, (silent,), name) for name in asked] == [None] * 4
    assert told(capabilities.SPEC, (host,), "ReservationSupported") is True
    others = replace(host, guests=tuple(replace(guest, domain_types=("lxc",)) for guest in host.guests))
    assert told(capabilities.SPEC, (others,), "ReservationSupported") is False


async def test_memory_comes_to_a_running_machine_that_was_started_for_it(host: Host) -> None:
    most = host.machine(RUNNING).current.memory.maximum_kib
    status, why = await host.modify_refused("mem", f"{RUNNING}/mem", Limit=2 * most)
    assert (status, "memory.maximum_kib cannot be changed while" in why) == (Status.NOT_SUPPORTED, True)
    await host.modify("mem", f"{OFF}/mem", HotPlugLimit=4 * most)
    off = host.machine(OFF)
    assert off.current.memory.hot_plug_limit_kib == 4 * most
    host.site.inventory.put(replace(off, state=PowerState.RUNNING, stored=off.current))
    await host.modify("mem", f"{OFF}/mem", Limit=2 * most)
    assert host.machine(OFF).current.memory.maximum_kib == 2 * most
    assert host.stored(OFF).memory.maximum_kib == 2 * most
