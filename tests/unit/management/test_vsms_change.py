"""Settings changed, added and removed on a made-up host: what the machine is afterwards, exactly."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import (
    MemoryAllocation,
)
from xencim.providers.catalogue import RECONCILERS
from xencim.providers.core.errors import Status

from .management_world import Host, managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Value

RUNNING, OFF, PAUSED = "vm-00000", "vm-00002", "vm-00004"
DISK = "DiskResourceAllocationSettingData"
MAC = "00:16:3e:00:00:00"
KIB_PER_GIB = 2**20


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with managing() as made:
        yield made


# Which definition ------------------------------------------------------------------------------


async def test_current_settings_are_those_of_the_next_start_too(host: Host) -> None:
    assert await host.modify("mem", f"{RUNNING}/mem", VirtualQuantity=KIB_PER_GIB // 2) == [f"{RUNNING}/mem"]
    expected = MemoryAllocation(current_kib=KIB_PER_GIB // 2, maximum_kib=8 * KIB_PER_GIB)
    assert (host.machine(RUNNING).current.memory, host.stored(RUNNING).memory) == (expected, expected)


async def test_stored_settings_are_only_those_of_the_next_start(host: Host) -> None:
    before = host.machine(RUNNING).current
    settings = {"VirtualQuantity": 512, "AllocationUnits": "MegaBytes"}
    assert await host.modify("mem", f"{RUNNING}/mem;stored", **settings) == [f"{RUNNING}/mem;stored"]
    assert host.machine(RUNNING).current is before
    assert host.stored(RUNNING).memory.current_kib == KIB_PER_GIB // 2
    # A stopped machine has one set of settings.
    status, text = await host.modify_refused("mem", f"{OFF}/mem;stored", VirtualQuantity=1024)
    assert (status, text) == (
        Status.NOT_FOUND,
        f"there is no Xen_MemResourceAllocationSettingData with InstanceID '{OFF}/mem;stored'",
    )


async def test_a_transient_machine_has_only_current_ones(host: Host) -> None:
    host.site.inventory.put(replace(host.machine(RUNNING), persistent=False, stored=None))
    await host.modify("mem", f"{RUNNING}/mem", VirtualQuantity=KIB_PER_GIB // 2)
    assert host.machine(RUNNING).current.memory.current_kib == KIB_PER_GIB // 2
    assert host.machine(RUNNING).stored is None
    whole = host.settings("system", InstanceID=f"Xen:{RUNNING}", AutoStart=0)
    status, text = await host.refusal("ModifySystemSettings", SystemSettings=whole)
    assert (status, "AutoStart of Xen_VirtualSystemSettingData: it is 1 and cannot" in text) == (
        Status.INVALID_PARAMETER,
        True,
    )


async def test_the_hosts_own_domain_has_its_share_changed_and_no_more(host: Host) -> None:
    domain_0 = replace(host.machine(RUNNING), persistent=False, stored=None, is_management_domain=True)
    host.site.inventory.put(domain_0)
    await host.modify("mem", f"{RUNNING}/mem", VirtualQuantity=KIB_PER_GIB // 2)
    assert host.machine(RUNNING).current.memory.current_kib == KIB_PER_GIB // 2
    whole = host.settings("system", InstanceID=f"Xen:{RUNNING}", Caption="other")
    status, text = await host.refusal("ModifySystemSettings", SystemSettings=whole)
    assert (status, f"{RUNNING} is the host's management domain" in text) == (Status.NOT_SUPPORTED, True)


async def test_what_is_not_stored_is_not_changed_there(host: Host) -> None:
    disk = host.settings("disk", Address="/a.raw", VirtualDevice="xvdb")
    await host.add(RUNNING, disk)
    paths = (host.setting("disk", f"{RUNNING}/xvdb;stored"),)
    assert await host.call("RemoveResourceSettings", ResourceSettings=paths) == {}
    assert await host.modify("disk", f"{RUNNING}/xvdb", VirtualQuantity=2**30) == [f"{RUNNING}/xvdb"]
    assert host.machine(RUNNING).current.disks[-1].capacity_bytes == 2**30
    assert [d.target for d in host.stored(RUNNING).disks] == ["xvda", "hdc"]


# Merging ---------------------------------------------------------------------------------------


async def test_a_whole_instance_may_be_sent_back_with_one_change(host: Host) -> None:
    found = {
        "InstanceID": f"{OFF}/mem",
        "ElementName": "Memory",
        "ResourceType": 4,
        "PoolID": "MemoryPool/0",
        "AllocationUnits": "byte*2^10",
        "VirtualQuantityUnits": "byte*2^10",
        "VirtualQuantity": 2 * KIB_PER_GIB,
        "Reservation": 4 * KIB_PER_GIB,
        "Limit": 8 * KIB_PER_GIB,
        "ChangeableType": 2,
        "AutomaticAllocation": True,
        "Weight": None,
    }
    one = host.settings("mem", **found)
    await host.call("ModifyResourceSettings", ResourceSettings=(one,))
    expected = MemoryAllocation(current_kib=2 * KIB_PER_GIB, maximum_kib=8 * KIB_PER_GIB)
    assert host.machine(OFF).current.memory == expected


async def test_nothing_given_changes_nothing(host: Host) -> None:
    before = host.machine(RUNNING)
    await host.modify("disk", f"{RUNNING}/xvda")
    await host.modify("disk", f"{RUNNING}/xvda", BusType="xen", PoolID="DiskPool/default", Weight=None)
    assert host.machine(RUNNING) is before


@pytest.mark.parametrize(
    ("kind", "ident", "properties", "said"),
    [
        (
            "disk",
            "xvda",
            {"PoolID": "DiskPool/other"},
            "PoolID of Xen_DiskResourceAllocationSettingData: ",
        ),
        ("disk", "xvda", {"Weight": 5}, "Weight of Xen_DiskResourceAllocationSettingData: it has no value"),
        (
            "disk",
            "xvda",
            {"ResourceType": 3},
            "ResourceType of Xen_DiskResourceAllocation",
        ),
        (
            "disk",
            "xvda",
            {"VirtualDevice": "xvdz"},
            "VirtualDevice of Xen_DiskResourceAllocation",
        ),
        ("net", MAC, {"NetworkName": "none"}, "there is no network 'none'"),
        ("net", MAC, {"NetworkMode": "vepa", "VirtualQuantity": 2}, "each interface has settings of its own"),
        ("mem", "mem", {"VirtualQuantity": 1, "Reservation": 2}, "Reservation of Xen_MemResource"),
        ("mem", "mem", {"VirtualQuantity": 10 * KIB_PER_GIB}, "memory.current_kib is 10485760"),
        ("proc", "proc", {"VirtualQuantity": 5}, "cpu.count is 5: from 1 to cpu.maximum, 4"),
        ("proc", "proc", {"MappingBehavior": 5}, "MappingBehavior of Xen_ProcResourceAllocationSettingData"),
        ("graphics", "vnc", {"ResourceSubType": "spice"}, "ResourceSubType of Xen_GraphicsResource"),
        ("graphics", "vnc", {"IsIPv6Only": True}, "IsIPv6Only of Xen_GraphicsResourceAllocationSettingData"),
    ],
)
async def test_no_property_is_passed_over(
    host: Host, kind: str, ident: str, properties: dict[str, Value], said: str
) -> None:
    before = host.machine(RUNNING)
    status, text = await host.modify_refused(kind, f"{RUNNING}/{ident}", **properties)
    assert (status, said in text, "s3cret" in text) == (Status.INVALID_PARAMETER, True, False), text
    assert host.machine(RUNNING) is before


async def test_what_a_running_machine_does_not_take_is_named_with_its_hypervisor(host: Host) -> None:
    before = host.machine(RUNNING)
    status, text = await host.modify_refused("disk", f"{RUNNING}/xvda", DriverCache="none")
    assert status is Status.NOT_SUPPORTED
    assert text == (
        "ModifyResourceSettings: vm-00000 on Fake: disks[xvda].cache cannot be changed while the machine "
        "runs (settings whose InstanceID ends in ;stored are those of the next start)"
    )
    assert host.machine(RUNNING) is before
    await host.modify("disk", f"{RUNNING}/xvda;stored", DriverCache="none")
    assert host.stored(RUNNING).disks[0].cache == "none"


# Machines as a whole ---------------------------------------------------------------------------


async def test_system_settings(host: Host) -> None:
    whole: dict[str, Any] = {
        "InstanceID": f"Xen:{OFF}",
        "Caption": "Web",
        "Description": "",
        "BootDevices": ("network", "hd"),
    }
    whole |= {"AutomaticStartupAction": 2, "Firmware": "efi", "SecureBoot": True, "Machine": "q35"}
    before = host.machine(OFF)
    await host.call("ModifySystemSettings", SystemSettings=host.settings("system", **whole))
    after = host.machine(OFF)
    assert (before.autostart, after.autostart) == (True, False)
    assert after.current == replace(
        before.current,
        title="Web",
        description=None,
        boot_devices=("network", "hd"),
        firmware="efi",
        secure_boot=True,
        machine="q35",
    )


async def test_texts_of_a_running_machine(host: Host) -> None:
    whole = host.settings("system", InstanceID=f"Xen:{RUNNING}", Notes=("seen",))
    await host.call("ModifySystemSettings", SystemSettings=whole)
    assert (host.machine(RUNNING).current.description, host.stored(RUNNING).description) == ("seen", "seen")


@pytest.mark.parametrize("properties", [{"UUID": "7"}, {"ElementName": "new"}, {"VirtualSystemType": "KVM"}])
async def test_what_a_machine_is_it_stays(host: Host, properties: dict[str, Value]) -> None:
    whole = host.settings("system", InstanceID=f"Xen:{OFF}", **properties)
    status, text = await host.refusal("ModifySystemSettings", SystemSettings=whole)
    assert (status, f"property {next(iter(properties))} of" in text) == (Status.INVALID_PARAMETER, True)


# What is asked wrongly -------------------------------------------------------------------------


async def test_parameters_that_are_not_there(host: Host) -> None:
    for method, name in (
        ("ModifyResourceSettings", "ResourceSettings"),
        ("RemoveResourceSettings", "ResourceSettings"),
        ("ModifySystemSettings", "SystemSettings"),
        ("AddResourceSettings", "AffectedConfiguration"),
    ):
        assert await host.refusal(method) == (
            Status.INVALID_PARAMETER,
            f"method {method} requires parameter {name}",
        )
    nameless = (host.settings("mem", VirtualQuantity=1),)
    status, text = await host.refusal("ModifyResourceSettings", ResourceSettings=nameless)
    assert (status, text) == (
        Status.INVALID_PARAMETER,
        "ResourceSettings[0] of ModifyResourceSettings: Missing InstanceID in RASD",
    )


async def test_one_machine_a_call(host: Host) -> None:
    both = tuple(host.settings("proc", InstanceID=f"{name}/proc", Weight=1) for name in (RUNNING, OFF))
    status, text = await host.refusal("ModifyResourceSettings", ResourceSettings=both)
    assert (status, text) == (
        Status.INVALID_PARAMETER,
        "ResourceSettings are of vm-00000 and of vm-00002 (a call changes one machine)",
    )


async def test_a_name_that_the_same_call_has_changed(host: Host) -> None:
    twice = tuple(
        host.settings("disk", InstanceID=f"{OFF}/xvda", VirtualDevice=target) for target in ("xvdb", "xvdc")
    )
    status, text = await host.refusal("ModifyResourceSettings", ResourceSettings=twice)
    assert (status, text) == (Status.NOT_FOUND, f"there is no {OFF}/xvda to be changed")


async def test_classes_of_other_hypervisors_are_refused(host: Host) -> None:
    path = Path("KVM_DiskResourceAllocationSettingData", (("InstanceID", f"{OFF}/xvda"),))
    status, _ = await host.refusal("RemoveResourceSettings", ResourceSettings=(path,))
    assert status is Status.INVALID_CLASS


# While other things go on ----------------------------------------------------------------------


async def test_no_change_is_lost(host: Host) -> None:
    await asyncio.gather(
        *(host.add(RUNNING, host.settings("disk", Address=f"/{n}.raw")) for n in range(8)),
        *(host.modify("proc", f"{RUNNING}/proc", Weight=100 + n) for n in range(4)),
        host.modify("mem", f"{RUNNING}/mem", VirtualQuantity=1024),
    )
    config = host.machine(RUNNING).current
    assert sorted(disk.source or "" for disk in config.disks[2:]) == [f"/{n}.raw" for n in range(8)]
    assert len({disk.target for disk in config.disks}) == 10
    assert (config.memory.current_kib, config.cpu.weight in range(100, 104)) == (1024, True)


@pytest.mark.parametrize(
    ("kind", "answer"),
    [("failed", Status.FAILED), ("lost", Status.FAILED), ("timeout", 3), ("invalid_state", 5)],
)
async def test_what_the_hypervisor_says(
    host: Host, monkeypatch: pytest.MonkeyPatch, kind: str, answer: Status | int
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise BackendError(kind, "it went wrong")

    monkeypatch.setattr(FakeBackend, "reconfigure", fail)
    one = host.settings("proc", InstanceID=f"{RUNNING}/proc", Weight=1)
    if isinstance(answer, Status):
        assert await host.refusal("ModifyResourceSettings", ResourceSettings=(one,)) == (
            answer,
            "ModifyResourceSettings: vm-00000 on Fake: it went wrong",
        )
    else:
        result = await host.invoke("ModifyResourceSettings", ResourceSettings=(one,))
        assert result.return_value == answer


async def test_what_a_restart_finds(host: Host) -> None:
    view, uuid = host.view, host.machine(OFF).uuid
    settings = RECONCILERS["ModifyResourceSettings"]
    memory = f"MemResourceAllocationSettingData {OFF}/mem"
    assert settings(view, {"machine": uuid, memory: '{"VirtualQuantity": 4194304}'}) is None
    assert settings(view, {"machine": uuid, memory: '{"VirtualQuantity": 1}'}) == (
        f"VirtualQuantity of {OFF}/mem is 4194304, not 1"
    )
    disk = f"DiskResourceAllocationSettingData {OFF}/xvda"
    assert settings(view, {"machine": uuid, disk: "gone"}) == f"{OFF}/xvda is still there"
    other = f"DiskResourceAllocationSettingData {OFF}/xvdb"
    assert settings(view, {"machine": uuid, other: "gone"}) is None
    assert settings(view, {"machine": uuid, other: "{}"}) == f"{OFF}/xvdb is not there"
    assert RECONCILERS["DefineSystem"](view, {"machine": uuid}) is None
    assert RECONCILERS["DefineSystem"](view, {"machine": "7"}) == "the machine is not there"
    assert RECONCILERS["DestroySystem"](view, {"machine": uuid}) == "the machine is still there"
    assert RECONCILERS["DestroySystem"](view, {"machine": "7"}) is None
