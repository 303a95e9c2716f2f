"""The specs of machines against their MOF: names, keys, values, and what is left out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from xencim.mof.repository import load
from xencim.mof.values import INTEGER_RANGES
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import (
    Bandwidth,
    Console,
    ControllerDevice,
    CpuAllocation,
    Disk,
    Graphics,
    InputDevice,
    MachineConfig,
    MachineOperation,
    MemoryAllocation,
    Nic,
    NumaCell,
    PowerState,
    Vcpu,
    VirtualMachine,
)
from xencim.providers.core.served import ServedClass, Site
from xencim.providers.core.unfilled import REASONS, explain
from xencim.providers.vm import ASSOCIATIONS, SPECS

if TYPE_CHECKING:
    from xencim.mof.model import ClassRepository, PropertyDecl
    from xencim.providers.core.spec import AssocSpec, ClassSpec

BY_NAME = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.cim_class)
# A machine of which everything is known.
EVERYTHING = MachineConfig(
    cpu=CpuAllocation(
        count=1,
        maximum=2,
        weight=512,
        cap_percent=50,
        mode="custom",
        model="Skylake-Client",
        features_required=("vmx",),
        features_hidden=("hle",),
    ),
    memory=MemoryAllocation(
        current_kib=2048,
        maximum_kib=4096,
        dump_core=False,
        huge_page_kib=2048,
        hot_plug_limit_kib=1 << 22,
        numa_nodes=(0, 1),
        numa_mode="strict",
    ),
    title="Everything",
    description="All there is",
    os_type="hvm",
    arch="x86_64",
    machine="pc-q35-7.2",
    emulator="/usr/bin/qemu-system-x86_64",
    loader="/usr/share/OVMF/OVMF_CODE.fd",
    firmware="efi",
    secure_boot=True,
    tpm_version="2.0",
    numa_cells=(NumaCell(cpus=(0, 1), memory_kib=4096),),
    kernel="/boot/vmlinuz",
    initrd="/boot/initrd",
    command_line="quiet",
    bootloader="/usr/bin/pygrub",
    bootloader_args="-q",
    init_path="/sbin/init",
    boot_devices=("hd", "cdrom"),
    clock_offset="utc",
    on_crash="restart",
    vcpus=(Vcpu(index=0, pinned_to=(0, 1)),),
    disks=(
        Disk(
            target="vda",
            device="lun",
            bus="scsi",
            source_type="block",
            source="/dev/sdb",
            driver_name="qemu",
            driver_type="raw",
            cache="none",
            capacity_bytes=2**40,
            serial="S1",
            boot_order=1,
        ),
    ),
    nics=(
        Nic(
            mac="52:54:00:00:00:01",
            source_type="direct",
            source_dev="eth0",
            mode="passthrough",
            model="virtio",
            target_dev="macvtap0",
            link_up=False,
            mtu=1400,
            boot_order=2,
            filter_ref="clean-traffic",
            profile_id="p1",
            vlan_ids=(10, 20),
            inbound=Bandwidth(average_kib_s=1000, peak_kib_s=2000, burst_kib=10, floor_kib_s=200),
            outbound=Bandwidth(average_kib_s=500, peak_kib_s=900, burst_kib=5),
        ),
        Nic(
            mac="52:54:00:00:00:02",
            source_type="bridge",
            bridge="br0",
            vsi_manager_id=1,
            vsi_type_id=2,
            vsi_type_version=3,
            vsi_instance_id="09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f",
        ),
    ),
    graphics=(
        Graphics(type="vnc", listen="::", port=5900, keymap="de", video_model="qxl", video_memory_kib=65536),
    ),
    inputs=(InputDevice(type="tablet", bus="usb"), InputDevice(type="keyboard", bus="ps2")),
    consoles=(
        Console(
            index=0, source_type="tcp", target_type="serial", connect="a:1", bind="b:2", source_path="/p"
        ),
    ),
    controllers=(ControllerDevice(type="virtio-serial", index=1, model="m", ports=16, vectors=4, queues=2),),
)


@pytest.fixture(scope="module")
def repository() -> ClassRepository:
    return load().repository


@pytest.fixture(scope="module")
def site() -> Site:
    """A made-up host with machines of all states, and one of which everything is known."""
    inventory, backend = Inventory(), FakeBackend(8)
    asyncio.run(backend.start(inventory))
    for number, state in enumerate(PowerState):
        vm = VirtualMachine(
            uuid=f"u{number}",
            name=f"all {number}",
            state=state,
            current=EVERYTHING,
            stored=EVERYTHING if state is PowerState.RUNNING else None,
            autostart=True,
        )
        inventory.put(vm)
        inventory.put(MachineOperation(machine=vm.uuid, requested_state=11, in_progress=True))
    inventory.put(
        VirtualMachine(
            uuid="dom0",
            name="Domain-0",
            state=PowerState.RUNNING,
            current=EVERYTHING,
            persistent=False,
            is_management_domain=True,
            no_contact_since=datetime(2025, 1, 1, tzinfo=UTC),
        )
    )
    return Site("root/virt", "Xen", backend, inventory, Inventory())


@BY_NAME
def test_names_and_keys_are_those_of_the_class(spec: ClassSpec, repository: ClassRepository) -> None:
    decl = repository.find(f"Xen_{spec.cim_class}")
    assert decl is not None
    assert not decl.is_abstract
    names = [prop.name for prop in (*spec.keys, *spec.props)]
    assert len(set(names)) == len(names)
    assert set(names) <= {declared.name for declared in decl.properties}
    assert {prop.name for prop in spec.keys} == {declared.name for declared in decl.keys}
    assert all(decl.find_method(method.name) for method in spec.methods)
    assert all(prop.source for prop in (*spec.keys, *spec.props))


@BY_NAME
def test_every_property_is_filled_or_explained(spec: ClassSpec, repository: ClassRepository) -> None:
    decl = repository.find(f"Xen_{spec.cim_class}")
    assert decl is not None
    filled = {prop.name for prop in (*spec.keys, *spec.props)}
    assert [p.name for p in decl.properties if p.name not in filled and not explain(p, spec)] == []
    assert not filled & set(spec.unfilled)
    assert set(spec.unfilled) <= {declared.name for declared in decl.properties}


def test_reasons_are_about_properties_that_there_are(repository: ClassRepository) -> None:
    for name in REASONS:
        origin, _, prop = name.partition(".")
        decl = repository.find(origin)
        if decl is None:
            continue  # a class that only a full schema has
        declared = decl.find_property(prop)
        assert declared is not None, name
        assert (declared.name, declared.class_origin.lower()) == (prop, origin.lower())


def allowed(declared: PropertyDecl, value: object) -> bool:
    """Tell whether a ValueMap names a value; no value of ours is from a range of one."""
    value_map = declared.qualifier("ValueMap")
    return not isinstance(value_map, tuple) or str(value) in value_map


def check(declared: PropertyDecl, value: object) -> None:
    """Assert that a value is of its property's type, length and ValueMap."""
    assert isinstance(value, tuple) == declared.is_array, declared.name
    for item in value if isinstance(value, tuple) else (value,):
        if declared.type == "string":
            assert isinstance(item, str), declared.name
            assert item, f"{declared.name} is empty rather than NULL"
            limit = declared.qualifier("MaxLen")
            assert not isinstance(limit, int) or len(item) <= limit, declared.name
        elif declared.type == "boolean":
            assert isinstance(item, bool), declared.name
        else:
            low, high = INTEGER_RANGES[declared.type]
            assert isinstance(item, int), declared.name
            assert not isinstance(item, bool), declared.name
            assert low <= item <= high, declared.name
        assert allowed(declared, item), f"{declared.name} = {item!r}"


@BY_NAME
def test_values_are_of_their_types_and_all_are_told(
    spec: ClassSpec, repository: ClassRepository, site: Site
) -> None:
    decl = repository.find(f"Xen_{spec.cim_class}")
    assert decl is not None
    served = ServedClass(spec, site, "root/virt", decl)
    rows = list(served.rows(site.context()))
    told = set()
    for row in rows:
        for declared in decl.properties:
            value = served.value(row, declared.name)
            if value is not None:
                told.add(declared.name)
                check(declared, value)
        keys = {name.lower(): value for name, value in served.path(row).keys}
        assert served.find(site.context(), keys) == row
    assert told == {prop.name for prop in (*spec.keys, *spec.props)}


@pytest.mark.parametrize("spec", ASSOCIATIONS, ids=lambda spec: spec.cim_class)
def test_associations_join_what_their_classes_allow(repository: ClassRepository, spec: AssocSpec) -> None:
    decl = repository.find(f"Xen_{spec.cim_class}")
    assert decl is not None
    assert decl.is_association
    assert {p.name for p in decl.keys} == {spec.left_role, spec.right_role}
    for link in spec.links:
        for role, end in ((spec.left_role, link.left), (spec.right_role, link.right)):
            declared = decl.find_property(role)
            assert declared is not None
            assert declared.reference_class is not None
            assert repository.is_a(f"Xen_{end.cim_class}", declared.reference_class)
        assert {prop.name for prop in link.props} <= {p.name for p in decl.properties}
        filled = {spec.left_role, spec.right_role, *(prop.name for prop in link.props)}
        assert [p.name for p in decl.properties if p.name not in filled and not explain(p, spec)] == []
