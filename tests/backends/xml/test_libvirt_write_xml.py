"""Definitions written as libvirt's XML: read back they are the same, and what they do not know stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml.machine_writer import domain_text, new_domain, write_config
from xencim.providers.backends.libvirt.xml.machine_xml import config_of, machine_config
from xencim.providers.backends.libvirt.xml.parse import document
from xencim.providers.backends.records import (
    Bandwidth,
    Console,
    ControllerDevice,
    CpuAllocation,
    Disk,
    Graphics,
    InputDevice,
    MachineConfig,
    MemoryAllocation,
    Nic,
    Vcpu,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

NAMES = st.from_regex(r"[a-z][a-z0-9._/<&'\"-]{0,8}", fullmatch=True)
MAYBE = st.none() | NAMES
NUMBERS = st.none() | st.integers(0, 1 << 40)
ORDERS = st.none() | st.integers(1, 9)
UUID = "30000000-0000-4000-8000-000000000001"


LIMITS = st.none() | st.integers(1, 10**12)


def disks() -> SearchStrategy[tuple[Disk, ...]]:
    common = {
        "target": NAMES,
        "device": st.sampled_from(["disk", "cdrom", "floppy", "lun"]),
        "bus": MAYBE,
        "driver_name": MAYBE,
        "driver_type": MAYBE,
        "cache": MAYBE,
        "readonly": st.booleans(),
        "shareable": st.booleans(),
        "serial": MAYBE,
        "boot_order": ORDERS,
        "total_bytes_s": LIMITS,
        "read_iops": LIMITS,
    }
    files = st.builds(Disk, source_type=st.sampled_from(["file", "block", "dir"]), source=MAYBE, **common)
    volumes = st.builds(Disk, source_type=st.just("volume"), pool=NAMES, volume=NAMES, **common)
    return st.lists(files | volumes, max_size=4, unique_by=lambda disk: disk.target).map(tuple)


def nics() -> SearchStrategy[tuple[Nic, ...]]:
    limits = st.none() | st.builds(
        Bandwidth, average_kib_s=st.integers(1, 9999), peak_kib_s=NUMBERS, burst_kib=NUMBERS
    )
    common = {
        "mac": st.from_regex(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", fullmatch=True),
        "model": MAYBE,
        "target_dev": MAYBE,
        "link_up": st.none() | st.booleans(),
        "boot_order": ORDERS,
        "filter_ref": MAYBE,
        "profile_id": MAYBE,
        "vlan_ids": st.lists(st.integers(1, 4095), max_size=3).map(tuple),
        "inbound": limits,
        "outbound": limits,
    }
    stations: dict[str, SearchStrategy[Any]] = {
        "profile_id": st.none(),
        **dict.fromkeys(("vsi_manager_id", "vsi_type_id", "vsi_type_version"), st.integers(0, 255)),
        "vsi_instance_id": st.none() | st.uuids().map(str),
    }
    one = st.one_of(
        st.builds(Nic, source_type=st.sampled_from(["user", "ethernet"]), **common),
        st.builds(Nic, source_type=st.just("network"), network=MAYBE, **common),
        st.builds(Nic, source_type=st.just("bridge"), bridge=MAYBE, **common),
        st.builds(Nic, source_type=st.just("direct"), source_dev=MAYBE, mode=MAYBE, **common),
        st.builds(Nic, source_type=st.just("direct"), source_dev=MAYBE, **common | stations),
    )
    return st.lists(one, max_size=3, unique_by=lambda nic: nic.mac).map(tuple)


@st.composite
def displays(draw: st.DrawFn) -> tuple[Graphics, ...]:
    model = draw(MAYBE)
    video = (model, draw(NUMBERS), draw(NUMBERS)) if model else (None, None, None)
    found: list[Graphics] = []
    for kind in draw(st.lists(st.sampled_from(["vnc", "spice", "sdl"]), max_size=3)):
        found.append(
            Graphics(
                type=kind,
                index=len([one for one in found if one.type == kind]),
                listen=draw(MAYBE),
                port=draw(st.none() | st.integers(-1, 65535)),
                autoport=draw(st.booleans()),
                keymap=draw(MAYBE),
                video_model=video[0],
                video_memory_kib=video[1],
                video_heads=video[2],
            )
        )
    return tuple(found)


@st.composite
def inputs(draw: st.DrawFn) -> tuple[InputDevice, ...]:
    found: list[InputDevice] = []
    for kind, bus in draw(st.lists(st.tuples(st.sampled_from(["mouse", "tablet"]), MAYBE), max_size=4)):
        index = len([one for one in found if (one.type, one.bus) == (kind, bus)])
        found.append(InputDevice(type=kind, bus=bus, index=index))
    return tuple(found)


@st.composite
def consoles(draw: st.DrawFn) -> tuple[Console, ...]:
    lines = draw(st.lists(st.sampled_from(["xen", "virtio", None]), max_size=2))
    # A second serial line needs a port of its own, which the hypervisor gives it.
    lines += draw(st.lists(st.just("serial"), max_size=1 if "serial" not in lines else 0))
    found = []
    for index, target in enumerate(lines):
        kind = draw(st.sampled_from(["pty", "file", "unix", "tcp"]))
        address = st.none() | st.from_regex(r"[a-z0-9.]{0,6}:[0-9]{1,5}", fullmatch=True)
        found.append(
            Console(
                index=index,
                source_type=kind,
                source_path=draw(MAYBE) if kind == "file" else draw(NAMES) if kind == "unix" else None,
                target_type=target,
                bind=draw(address) if kind == "tcp" else None,
                connect=draw(address) if kind == "tcp" else None,
            )
        )
    return tuple(found)


@st.composite
def cpus(draw: st.DrawFn) -> tuple[CpuAllocation, tuple[Vcpu, ...]]:
    maximum = draw(st.integers(1, 8))
    count = draw(st.integers(1, maximum))
    features = draw(st.lists(NAMES, max_size=4, unique=True))
    half = draw(st.integers(0, len(features)))
    cpu = CpuAllocation(
        count=count,
        maximum=maximum,
        weight=draw(st.none() | st.integers(1, 1000)),
        cap_percent=draw(st.none() | st.integers(1, 800)),
        model=draw(MAYBE),
        mode=draw(MAYBE),
        features_required=tuple(features[:half]),
        features_hidden=tuple(features[half:]),
    )
    pins = st.none() | st.sets(st.integers(0, 70), min_size=1).map(lambda chosen: tuple(sorted(chosen)))
    return cpu, tuple(Vcpu(index=index, pinned_to=draw(pins)) for index in range(count))


@st.composite
def configs(draw: st.DrawFn) -> MachineConfig:
    cpu, vcpus = draw(cpus())
    maximum_kib = draw(st.integers(1, 1 << 30))
    loader = draw(MAYBE)
    # An image has a type; without one, its kind is asked for.
    firmware = draw(st.none() | st.sampled_from(["bios", "efi"]))
    return MachineConfig(
        cpu=cpu,
        vcpus=vcpus,
        memory=MemoryAllocation(
            maximum_kib=maximum_kib,
            current_kib=draw(st.integers(1, maximum_kib)),
            huge_page_kib=draw(st.none() | st.integers(1, 1 << 20)),
            dump_core=draw(st.none() | st.booleans()),
        ),
        title=draw(MAYBE),
        description=draw(MAYBE),
        domain_type=draw(NAMES),
        os_type=draw(st.sampled_from(["hvm", "linux", "xenpvh", "exe"])),
        arch=draw(MAYBE),
        machine=draw(MAYBE),
        emulator=draw(MAYBE),
        loader=loader,
        firmware=firmware,
        secure_boot=draw(st.none() | st.booleans()),
        kernel=draw(MAYBE),
        initrd=draw(MAYBE),
        command_line=draw(MAYBE),
        bootloader=draw(MAYBE),
        bootloader_args=draw(MAYBE),
        init_path=draw(MAYBE),
        boot_devices=tuple(draw(st.lists(NAMES, max_size=3))),
        acpi=draw(st.booleans()),
        apic=draw(st.booleans()),
        pae=draw(st.booleans()),
        clock_offset=draw(MAYBE),
        on_poweroff=draw(MAYBE),
        on_reboot=draw(MAYBE),
        on_crash=draw(MAYBE),
        security_context=draw(MAYBE),
        disks=draw(disks()),
        nics=draw(nics()),
        graphics=draw(displays()),
        inputs=draw(inputs()),
        consoles=draw(consoles()),
        controllers=draw(
            st.lists(
                st.builds(
                    ControllerDevice,
                    type=NAMES,
                    index=st.integers(0, 9),
                    model=MAYBE,
                    ports=NUMBERS,
                    vectors=NUMBERS,
                    queues=NUMBERS,
                ),
                max_size=3,
                unique_by=lambda one: (one.type, one.index),
            ).map(tuple)
        ),
    )


@settings(max_examples=60, deadline=None)
@given(configs())
def test_a_definition_written_and_read_is_the_same(config: MachineConfig) -> None:
    assert machine_config(domain_text(new_domain("new", UUID, config))) == config


@settings(max_examples=40, deadline=None)
@given(configs(), configs())
def test_a_definition_becomes_any_other(first: MachineConfig, second: MachineConfig) -> None:
    # A machine without displays keeps its video card; consoles keep what they are, or are exchanged.
    second = replace(second, consoles=first.consoles, graphics=second.graphics or first.graphics)
    if second.loader == first.loader:  # other firmware does not keep the image of the old one
        second = replace(second, loader=None)
    domain = new_domain("new", UUID, first)
    write_config(domain, second)
    assert keyed(config_of(document(domain_text(domain), "domain"))) == keyed(second)


def keyed(config: MachineConfig) -> MachineConfig:
    """Return a definition without the order of its devices: those that come are the last."""
    return replace(
        config,
        disks=tuple(sorted(config.disks, key=lambda one: one.target)),
        nics=tuple(sorted(config.nics, key=lambda one: one.mac)),
        graphics=tuple(sorted(config.graphics, key=lambda one: (one.type, one.index))),
        inputs=tuple(sorted(config.inputs, key=lambda one: (one.type, one.bus or "", one.index))),
        controllers=tuple(sorted(config.controllers, key=lambda one: (one.type, one.index))),
    )


KEPT = """<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>old</name>
<metadata><app:note xmlns:app='urn:app'>mine</app:note></metadata>
<memory unit='MiB'>64</memory><vcpu current='1' cpuset='0-3'>2</vcpu>
<vcpus><vcpu id='0' enabled='yes'/><vcpu id='1' enabled='no'/></vcpus>
<cputune><period>1000</period><quota>500</quota><emulatorpin cpuset='1'/></cputune>
<os><type arch='x86_64' machine='q35'>hvm</type><loader type='rom'>/old.bin</loader><smbios mode='host'/></os>
<cpu mode='custom'><model>qemu64</model><topology sockets='1' cores='2' threads='1'/>
<feature policy='force' name='avx'/><feature policy='optional' name='smx'/></cpu>
<devices><disk type='file' device='disk'><source file='/a.img' startupPolicy='optional'>
<seclabel model='dac'/></source><target dev='vda' bus='virtio'/>
<iotune><read_iops_sec>9</read_iops_sec></iotune>
<address type='pci' slot='0x04'/></disk>
<interface type='network'><mac address='52:54:00:00:00:01'/><source network='a' portgroup='b'/>
<mtu size='9000'/></interface>
<serial type='pty'><log file='/log'/><target port='0'/></serial>
<console type='pty'><target type='serial' port='0'/></console>
<graphics type='vnc' autoport='yes' passwd='s3same'><listen type='network' network='a'/></graphics>
<video><model type='qxl' ram='65536' vram='65536' heads='1'/></video>
<rng model='virtio'/></devices>
<qemu:commandline><qemu:arg value='-S'/></qemu:commandline></domain>"""


def rewritten(config: MachineConfig) -> str:
    domain = document(KEPT, "domain")
    write_config(domain, config)
    assert config_of(domain) == config
    return domain_text(domain)


def test_nothing_wanted_otherwise_touches_nothing() -> None:
    assert rewritten(machine_config(KEPT)) == domain_text(document(KEPT, "domain"))


def test_what_a_record_does_not_know_stays() -> None:
    old = machine_config(KEPT)
    disk, nic = old.disks[0], old.nics[0]
    xml = rewritten(
        replace(
            old,
            title="new",
            cpu=replace(old.cpu, count=2, cap_percent=50, model="EPYC", features_required=("avx", "sse")),
            vcpus=(Vcpu(index=0, pinned_to=(1,)), Vcpu(index=1, pinned_to=(0, 1, 2, 3))),
            memory=replace(old.memory, current_kib=1024),
            disks=(replace(disk, source="/b.img", cache="none"),),
            nics=(replace(nic, model="virtio", link_up=False),),
            graphics=(replace(old.graphics[0], keymap="de"),),
        )
    )
    for kept in (
        "mine</app:note>",
        "cpuset='0-3'",
        "<emulatorpin cpuset='1'/>",
        "<smbios mode='host'/>",
        "<topology sockets='1' cores='2' threads='1'/>",
        "<feature policy='optional' name='smx'/>",
        "<feature policy='force' name='avx'/>",
        "startupPolicy='optional'",
        "<read_iops_sec>9</read_iops_sec>",
        "<address type='pci' slot='0x04'/>",
        "portgroup='b'",
        "<mtu size='9000'/>",
        "passwd='s3same'",
        "<log file='/log'/>",
        "<rng model='virtio'/>",
        "<qemu:arg value='-S'/>",
    ):
        assert kept.replace("'", '"') in xml, kept
    for gone in ("/a.img", "<seclabel", "<vcpus>", "<quota>"):
        assert gone not in xml, gone


def test_a_place_on_another_bus_is_no_place() -> None:
    old = machine_config(KEPT)
    xml = rewritten(replace(old, disks=(replace(old.disks[0], bus="scsi"),)))
    assert "<address" not in xml
    assert "<read_iops_sec>" in xml


def test_another_video_card_brings_its_own_sizes() -> None:
    old = machine_config(KEPT)
    domain = document(KEPT, "domain")
    write_config(domain, replace(old, graphics=(replace(old.graphics[0], video_model="virtio"),)))
    assert '<video><model type="virtio"/></video>' in domain_text(domain)


def test_a_serial_line_goes_with_the_console_that_repeats_it() -> None:
    xml = rewritten(replace(machine_config(KEPT), consoles=()))
    assert "<serial" not in xml
    assert "<console" not in xml


@pytest.mark.parametrize(
    ("firmware", "secure_boot", "loader", "written"),
    [
        ("efi", None, "/old.bin", '<os firmware="efi"><type arch="x86_64" machine="q35">hvm</type>'),
        ("efi", True, None, '<firmware><feature enabled="yes" name="secure-boot"/></firmware>'),
        ("efi", False, "/efi.fd", '<loader type="pflash" readonly="yes" secure="no">/efi.fd</loader>'),
        (None, None, None, '<os><type arch="x86_64" machine="q35">hvm</type>'),
    ],
)
def test_firmware(firmware: str | None, secure_boot: bool | None, loader: str | None, written: str) -> None:  # noqa: FBT001 - a row
    old = machine_config(KEPT)
    domain = document(KEPT, "domain")
    write_config(domain, replace(old, firmware=firmware, secure_boot=secure_boot, loader=loader))
    xml = domain_text(domain)
    assert written in xml
    assert "/old.bin" not in xml
    assert '<smbios mode="host"/>' in xml


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (
            {"disks": (Disk(target="vdb", source_type="network", source="a/b"),)},
            "unsupported",
            "disks[vdb].source: a medium of type 'network' needs more than a name",
        ),
        (
            {"nics": (Nic(mac="02:00:00:00:00:02", source_type="no"),)},
            "unsupported",
            "nics[02:00:00:00:00:02].source_type: 'no' is not one of network, bridge, direct, ethernet, user",
        ),
        (
            {"consoles": (Console(index=0, source_type="pty", target_type="virtio"),)},
            "unsupported",
            "consoles[0].target_type: remove the console and add another one",
        ),
        (
            {"title": "a\x00b"},
            "invalid",
            "title holds a character that XML cannot",
        ),
    ],
)
def test_what_cannot_be_written_is_named(change: dict[str, object], kind: str, message: str) -> None:
    wanted = replace(machine_config(KEPT), **change)  # type: ignore[arg-type]
    with pytest.raises(BackendError) as caught:
        write_config(document(KEPT, "domain"), wanted)
    assert (caught.value.kind, caught.value.message) == (kind, message)


def test_numa_cells_say_the_memory() -> None:
    xml = KEPT.replace("<cpu mode", "<cpu><numa><cell id='0' memory='65536'/></numa></cpu><cpu mode", 1)
    old = machine_config(xml)
    wanted = replace(old, memory=replace(old.memory, maximum_kib=1 << 20))
    refused = "memory.maximum_kib: the machine's virtual NUMA nodes hold another sum"
    with pytest.raises(BackendError, match=refused):
        write_config(document(xml, "domain"), wanted)
