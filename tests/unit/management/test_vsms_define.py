"""DefineSystem and DestroySystem on a made-up host: exact definitions, and every refusal by name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from xencim.mof.values import Path
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import (
    CpuAllocation,
    Disk,
    Graphics,
    InputDevice,
    MachineConfig,
    MemoryAllocation,
    Nic,
    PowerState,
    Vcpu,
)
from xencim.providers.core.access import Principal
from xencim.providers.core.errors import Status

from .management_world import Host, managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Instance, Value

MEMORY = "Xen_MemResourceAllocationSettingData"
UUID = "12345678-9abc-4def-8123-456789abcdef"
IMAGE = "/var/lib/xen/images/web.qcow2"
RUNNING, OFF = "vm-00000", "vm-00002"


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with managing() as made:
        yield made


async def define(
    host: Host,
    *settings: Instance | str,
    reference: Path | str | None = None,
    **system: Any,  # noqa: ANN401 - of every type
) -> str:
    """Define a machine called web and return its name."""
    whole = host.settings("system", **{"VirtualSystemIdentifier": "web", **system})
    out = await host.call(
        "DefineSystem", SystemSettings=whole, ResourceSettings=settings, ReferenceConfiguration=reference
    )
    return str(out["ResultingSystem"].key("Name"))


async def refused(host: Host, *settings: Instance | str, **system: Any) -> tuple[Status, str]:  # noqa: ANN401 - as above
    whole = host.settings("system", **{"VirtualSystemIdentifier": "web", **system})
    return await host.refusal("DefineSystem", SystemSettings=whole, ResourceSettings=settings)


async def test_a_whole_machine(host: Host) -> None:
    out = await host.call(
        "DefineSystem",
        SystemSettings=host.settings(
            "system",
            InstanceID="Xen:web",
            VirtualSystemIdentifier="web",
            ElementName="web",
            VirtualSystemType="xen",
            UUID=UUID.upper(),
            Caption="Web",
            Notes=("first",),
            AutoStart=1,
            AutomaticRecoveryAction=3,
            ClockOffset=1,
            BootDevices=("cdrom", "hd"),
            EnablePAE=False,
        ),
        ResourceSettings=(
            host.settings("proc", InstanceID="web/proc", VirtualQuantity=2, Weight=512, Limit=150),
            host.settings("mem", VirtualQuantity=1, Limit=2, AllocationUnits="GigaBytes", ResourceType=4),
            host.settings("disk", Address=IMAGE, VirtualDevice="xvda", PoolID="DiskPool/default"),
            host.settings("disk", EmulatedType=1, VirtualDevice="hdc"),
            host.settings("net", Address="00:16:3E:AA:BB:CC", PoolID="NetworkPool/default"),
            host.settings("graphics", ResourceSubType="vnc", Address="[::1]:5905", KeyMap="de"),
            host.settings("input", ResourceSubType="tablet"),
        ),
    )
    path = out["ResultingSystem"]
    assert str(path) == (
        '//fake.example/root/virt:Xen_ComputerSystem.CreationClassName="Xen_ComputerSystem",Name="web"'
    )
    machine = host.machine("web")
    assert (machine.uuid, machine.state, machine.autostart) == (UUID, PowerState.SHUT_OFF, True)
    assert machine.current == MachineConfig(
        cpu=CpuAllocation(count=2, maximum=2, weight=512, cap_percent=150),
        memory=MemoryAllocation(current_kib=2**20, maximum_kib=2**21),
        title="Web",
        description="first",
        domain_type="xen",
        os_type="hvm",
        arch="x86_64",
        boot_devices=("cdrom", "hd"),
        acpi=True,
        apic=True,
        clock_offset="localtime",
        on_poweroff="destroy",
        on_reboot="restart",
        on_crash="restart",
        vcpus=(Vcpu(index=0), Vcpu(index=1)),
        disks=(
            Disk(target="xvda", bus="xen", source_type="file", source=IMAGE, driver_type="qcow2"),
            Disk(target="hdc", device="cdrom", bus="ide", readonly=True),
        ),
        nics=(Nic(mac="00:16:3e:aa:bb:cc", source_type="network", network="default"),),
        graphics=(Graphics(type="vnc", listen="::1", port=5905, keymap="de"),),
        inputs=(InputDevice(type="tablet", bus="usb"),),
    )


async def test_what_nobody_names_is_usual(host: Host) -> None:
    await define(host, host.settings("net", NetworkName="default"))
    config = host.machine("web").current
    assert (config.cpu.count, config.memory) == (
        1,
        MemoryAllocation(current_kib=256 * 1024, maximum_kib=256 * 1024),
    )
    assert config.graphics == (
        Graphics(type="vnc", listen="127.0.0.1", port=-1, autoport=True, keymap="en-us"),
    )
    assert config.inputs == (InputDevice(type="mouse", bus="ps2"),)
    assert re.fullmatch("00:16:3e(:[0-9a-f]{2}){3}", config.nics[0].mac)
    assert (config.boot_devices, config.acpi, host.machine("web").autostart) == (("hd",), True, False)


async def test_a_kernel_makes_a_paravirtualized_machine(host: Host) -> None:
    await define(host, Kernel="/boot/vmlinuz", CommandLine="root=/dev/xvda")
    config = host.machine("web").current
    assert (config.os_type, config.kernel, config.boot_devices, config.acpi) == (
        "linux",
        "/boot/vmlinuz",
        (),
        False,
    )
    assert config.inputs == (InputDevice(type="mouse", bus="xen"),)


async def test_kvm_has_its_own_ways() -> None:
    async with managing(FakeBackend(0, prefix="KVM")) as host:
        net, disk = host.settings("net", NetworkName="default"), host.settings("disk", Address="/d.raw")
        await define(host, net, disk, host.settings("disk", ResourceSubType="cdrom"), Machine="pc-q35-7.2")
        config = host.machine("web").current
        assert re.fullmatch("00:1a:4a(:[0-9a-f]{2}){3}", config.nics[0].mac)
        assert [(d.target, d.bus, d.driver_type) for d in config.disks] == [
            ("vda", "virtio", "raw"),
            ("sda", "sata", None),
        ]


@pytest.mark.parametrize(
    "text",
    [
        f'instance of {MEMORY} {{ VirtualQuantity = 512; AllocationUnits="MegaBytes"; }};',
        f"<INSTANCE CLASSNAME='{MEMORY}'><PROPERTY NAME='Limit'><VALUE>{2**29}</VALUE></PROPERTY></INSTANCE>",
        "instance of CIM_ResourceAllocationSettingData { ResourceType = 4; Reservation = 536870912; }",
    ],
)
async def test_settings_as_text(host: Host, text: str) -> None:
    await define(host, text)
    expected = MemoryAllocation(current_kib=512 * 1024, maximum_kib=512 * 1024)
    assert host.machine("web").current.memory == expected


async def test_templates_may_be_sent_back(host: Host) -> None:
    memory = host.settings(
        "mem",
        InstanceID="MemoryPool/0/Default",
        ElementName="MemoryPool/0/Default",
        Caption="Default of what comes from MemoryPool/0",
        PoolID="MemoryPool/0",
        ResourceType=4,
        VirtualQuantity=262144,
        VirtualQuantityUnits="byte*2^10",
        ChangeableType=0,
    )
    await define(host, memory)
    assert host.machine("web").current.memory.current_kib == 262144
    status, text = await host.refusal(
        "DefineSystem",
        SystemSettings=host.settings("system", ElementName="other"),
        ResourceSettings=(host.settings("mem", Caption="Default of what comes from MemoryPool/0"),),
    )
    assert (status, "property Caption of Xen_MemResourceAllocationSettingData" in text) == (
        Status.INVALID_PARAMETER,
        True,
    )


async def test_like_another_machine(host: Host) -> None:
    reference = host.setting("system", f"Xen:{RUNNING}")
    await define(host, host.settings("disk", Address=IMAGE), reference=reference, Description="new")
    made, model = host.machine("web").current, host.machine(RUNNING).current
    assert replace(made, disks=(), nics=(), description=None) == replace(
        model, disks=(), nics=(), description=None
    )
    assert [disk.source for disk in made.disks] == [IMAGE]
    assert made.nics[0].mac != model.nics[0].mac
    assert replace(made.nics[0], mac="", bridge=None) == replace(model.nics[0], mac="", bridge=None)
    status, text = await host.refusal(
        "DefineSystem",
        SystemSettings=host.settings("system", ElementName="second"),
        ReferenceConfiguration=reference,
    )
    assert status is Status.INVALID_PARAMETER
    assert text == (
        "ReferenceConfiguration: vm-00000 could write its disk xvda as well "
        "(give disks of the new machine's own in ResourceSettings, or copy it by CopySystem)"
    )


async def test_like_a_template(host: Host) -> None:
    await define(host, reference=host.setting("system", "Xen_Paravirt_Guest"))
    assert host.machine("web").current.os_type == "linux"


async def test_references_that_lead_nowhere(host: Host) -> None:
    async def asked(reference: Path) -> Status:
        whole = host.settings("system", ElementName="web")
        status, _ = await host.refusal("DefineSystem", SystemSettings=whole, ReferenceConfiguration=reference)
        return status

    assert await asked(host.setting("system", "Xen:none")) is Status.NOT_FOUND
    kvm = Path("KVM_VirtualSystemSettingData", (("InstanceID", "KVM:none"),))
    assert await asked(kvm) is Status.INVALID_CLASS
    # Some clients of libvirt-cim write a space for none.
    await define(host, reference=" ")


@pytest.mark.parametrize(
    ("system", "said"),
    [
        (
            {"VirtualSystemIdentifier": ""},
            "property VirtualSystemIdentifier of Xen_",
        ),
        (
            {"ElementName": "other"},
            "ElementName of Xen_VirtualSystemSettingData: it is 'web' and ",
        ),
        ({"UUID": "7"}, "UUID of Xen_VirtualSystemSettingData: '7' is no UUID"),
        ({"VirtualSystemType": "LXC"}, "VirtualSystemType of Xen_VirtualSystemSettingData: it is 'Xen' and"),
        ({"Arch": "sparc"}, "Arch of Xen_VirtualSystemSettingData: the host runs no machines of"),
        (
            {"ClockOffset": 2, "Notes": ("a", "b")},
            "Notes of Xen_VirtualSystemSettingData: it has no value",
        ),
        (
            {"AutomaticStartupAction": 3},
            "Action of Xen_VirtualSystemSettingData: it is 2 and",
        ),
        (
            {"AutomaticShutdownAction": 2},
            "ShutdownAction of Xen_VirtualSystemSettingData: it has",
        ),
        ({"IsFullVirt": False, "EnableACPI": None}, ""),
        ({"NoSuch": 1}, "class Xen_VirtualSystemSettingData has no property 'NoSuch'"),
    ],
)
async def test_no_property_is_passed_over(host: Host, system: dict[str, Any], said: str) -> None:
    if not said:
        await define(host, **system)
        assert host.machine("web").current.os_type == "linux"
        return
    status, text = await refused(host, **system)
    assert (status, said in text) == (Status.INVALID_PARAMETER, True), text
    assert host.view.machine_named("web") is None


@pytest.mark.parametrize(
    ("kind", "properties", "said"),
    [
        ("disk", {}, "Address of Xen_DiskResourceAllocationSettingData: a disk needs a medium"),
        ("disk", {"PoolID": "DiskPool/default"}, "a disk needs a medium"),
        ("disk", {"VirtualQuantity": 5}, "a disk needs a medium"),
        ("disk", {"VirtualQuantity": 5, "EmulatedType": 1}, "VirtualQuantity of Xen_DiskResourceAllocation"),
        ("disk", {"PoolID": "DiskPool/none", "VirtualQuantity": 5}, "no volume can be made for a disk in"),
        ("disk", {"PoolID": "NetworkPool/0", "VirtualQuantity": 5}, "no volume can be made for a disk in"),
        ("disk", {"Address": IMAGE, "VirtualQuantity": 5}, "VirtualQuantity of Xen_DiskResourceAllocation"),
        (
            "disk",
            {"Address": IMAGE, "PoolID": "DiskPool/0"},
            "PoolID of Xen_DiskResourceAllocation",
        ),
        ("disk", {"Address": IMAGE, "HostResource": ("x",)}, "HostResource of Xen_DiskResourceAllocation"),
        ("disk", {"EmulatedType": 3}, "EmulatedType of Xen_DiskResourceAllocationSettingData: 3 is none"),
        ("net", {}, "neither NetworkType and NetworkName nor PoolID tell"),
        ("net", {"NetworkName": "none"}, "there is no network 'none'"),
        ("net", {"PoolID": "NetworkPool/none"}, "there is no network 'none'"),
        ("net", {"NetworkType": "user", "NetworkName": "default"}, "NetworkName of Xen_NetResource"),
        (
            "mem",
            {"VirtualQuantity": 1000},
            "Quantity of Xen_MemResourceAllocationSettingData: 1000 of",
        ),
        ("mem", {"VirtualQuantity": 1, "AllocationUnits": "Acres"}, "'Acres' is no unit of bytes"),
        ("mem", {"Weight": 3}, "Weight of Xen_MemResourceAllocationSettingData: it has no value here"),
        (
            "graphics",
            {"ResourceSubType": "sdl", "Password": "secret"},
            "Password: a display of type sdl has none",
        ),
        ("graphics", {"Address": "here"}, "Address of Xen_GraphicsResourceAllocationSettingData: it is"),
        ("controller", {}, "ResourceSubType of Xen_ControllerResourceAllocationSettingData: it is not told"),
    ],
)
async def test_no_resource_is_half_made(
    host: Host, kind: str, properties: dict[str, Value], said: str
) -> None:
    status, text = await refused(host, host.settings(kind, **properties))
    assert (status, said in text) == (Status.INVALID_PARAMETER, True), text
    assert host.view.machine_named("web") is None


async def test_embedded_text_that_is_not_read(host: Host) -> None:
    for text, said in (
        ("instance of CIM_Foo {};", "CIM_Foo is not an instance of CIM_ResourceAllocationSettingData"),
        ("instance of {", "ResourceSettings of DefineSystem: MOF text, line 1: expected a class"),
        ("<INSTANCE>", "parameter ResourceSettings of DefineSystem: not well-formed"),
        ("instance of Xen_NetPoolThing {};", "Xen_NetPoolThing is not an instance of"),
        (
            'instance of Xen_MemResourceAllocationSettingData { VirtualQuantity = "x"; };',
            "property VirtualQuantity of Xen_MemResourceAllocationSettingData: 'x' is not a uint64",
        ),
    ):
        status, answer = await refused(host, text)
        assert status in {Status.INVALID_PARAMETER, Status.TYPE_MISMATCH}
        assert said in answer


async def test_a_name_or_uuid_that_is_taken(host: Host) -> None:
    there = host.machine(OFF)
    for system in ({"VirtualSystemIdentifier": OFF}, {"UUID": there.uuid}):
        status, text = await refused(host, **system)
        assert status is Status.FAILED
        assert text == f"Guest '{OFF}' is already defined with UUID {there.uuid}"


async def test_destroying(host: Host) -> None:
    for name in (RUNNING, OFF):
        assert await host.call("DestroySystem", AffectedSystem=host.system(name)) == {}
        assert host.view.machine_named(name) is None
    status, text = await host.refusal("DestroySystem", AffectedSystem=host.system(OFF))
    assert (status, text.startswith(f"Referenced domain `{OFF}' does not exist: ")) == (
        Status.NOT_FOUND,
        True,
    )
    assert await host.refusal("DestroySystem") == (
        Status.INVALID_PARAMETER,
        "method DestroySystem requires parameter AffectedSystem",
    )


async def test_the_hosts_own_domain_stays(host: Host) -> None:
    host.site.inventory.put(replace(host.machine(RUNNING), name="Domain-0", is_management_domain=True))
    status, text = await host.refusal("DestroySystem", AffectedSystem=host.system("Domain-0"))
    assert (status, text.startswith("Domain-0 is the host's management domain")) == (
        Status.NOT_SUPPORTED,
        True,
    )


async def test_a_machine_of_another_host_is_not_meant() -> None:
    async with managing(FakeBackend(1), FakeBackend(1, host_name="second.example")) as host:
        path = replace(host.system(RUNNING), namespace="root/virt-2")
        status, text = await host.refusal("DestroySystem", AffectedSystem=path)
        assert (status, text.endswith("this service manages what is in root/virt")) == (
            Status.INVALID_PARAMETER,
            True,
        )
        alias = replace(host.system(RUNNING), namespace="root/cimv2")
        assert await host.call("DestroySystem", AffectedSystem=alias) == {}
        assert Host(host.world, 1).machine(RUNNING).name == RUNNING


async def test_only_administrators_manage(host: Host) -> None:
    host.principal = Principal("somebody", frozenset({"xencim"}))
    status, text = await host.refusal("DestroySystem", AffectedSystem=host.system(OFF))
    assert (status, text.startswith("'somebody' has no admin access: method DestroySystem")) == (
        Status.ACCESS_DENIED,
        True,
    )
