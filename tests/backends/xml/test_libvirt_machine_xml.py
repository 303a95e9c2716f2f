"""Domain XML as records: a real Xen host's, and one that has everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml.machine_xml import machine_config
from xencim.providers.backends.libvirt.xml.parse import cpu_set
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

DATA = Path(__file__).resolve().parents[2] / "data" / "libvirt"

PV = MachineConfig(
    cpu=CpuAllocation(count=1, maximum=2),
    memory=MemoryAllocation(current_kib=131072, maximum_kib=196608),
    domain_type="xen",
    os_type="linux",
    arch="x86_64",
    machine="xenpv",
    kernel="/guest/vmlinuz",
    initrd="/guest/initrd",
    command_line="console=hvc0 quiet mitigations=off",
    clock_offset="utc",
    on_poweroff="destroy",
    on_reboot="restart",
    on_crash="destroy",
    vcpus=(Vcpu(index=0),),
    disks=(
        Disk(
            target="xvda",
            bus="xen",
            source_type="file",
            source="/var/lib/libvirt/images/v1.raw",
            driver_name="qemu",
            driver_type="raw",
        ),
    ),
    nics=(Nic(mac="00:16:3e:11:22:33", source_type="bridge", bridge="br0", target_dev="vif1.0"),),
    inputs=(InputDevice(type="mouse", bus="xen"), InputDevice(type="keyboard", bus="xen")),
    consoles=(Console(index=0, source_type="pty", source_path="/dev/pts/0", target_type="xen"),),
    controllers=(ControllerDevice(type="xenbus", index=0),),
)


def test_a_paravirtual_machine_of_a_real_xen_host(xen_captures: Path) -> None:
    assert machine_config((xen_captures / "virsh-dumpxml.txt").read_text()) == PV


def test_a_pvh_machine_of_a_real_xen_host(xen_captures: Path) -> None:
    pvh = replace(PV, os_type="xenpvh", machine="xenpvh", disks=(), nics=())
    assert machine_config((xen_captures / "virsh-dumpxml-pvh.txt").read_text()) == pvh


def test_domain_0_of_a_real_xen_host(xen_captures: Path) -> None:
    assert machine_config((xen_captures / "virsh-dumpxml0.txt").read_text()) == MachineConfig(
        cpu=CpuAllocation(count=2, maximum=2),
        memory=MemoryAllocation(current_kib=1048576, maximum_kib=1048576),
        domain_type="xen",
        os_type="linux",
        clock_offset="utc",
        on_poweroff="destroy",
        on_reboot="destroy",
        on_crash="destroy",
        vcpus=(Vcpu(index=0), Vcpu(index=1)),
    )


def full() -> MachineConfig:
    return machine_config((DATA / "full.xml").read_text())


def test_the_machine_itself() -> None:
    assert replace(
        full(), disks=(), nics=(), graphics=(), inputs=(), consoles=(), controllers=()
    ) == MachineConfig(
        cpu=CpuAllocation(
            count=2,
            maximum=4,
            weight=2048,
            cap_percent=100,
            model="Skylake-Server",
            mode="custom",
            features_required=("vmx",),
            features_hidden=("mpx",),
        ),
        memory=MemoryAllocation(
            current_kib=1536 * 1024, maximum_kib=2 * 1024 * 1024, huge_page_kib=2048, dump_core=False
        ),
        title="Mail server",
        description="Receives and keeps mail",
        domain_type="kvm",
        os_type="hvm",
        arch="x86_64",
        machine="pc-q35-7.2",
        emulator="/usr/bin/qemu-system-x86_64",
        loader="/usr/share/OVMF/OVMF_CODE_4M.ms.fd",
        firmware="efi",
        secure_boot=True,
        boot_devices=("network", "hd"),
        acpi=True,
        apic=True,
        pae=False,
        clock_offset="localtime",
        on_poweroff="destroy",
        on_reboot="restart",
        on_crash="preserve",
        vcpus=(Vcpu(index=0, pinned_to=(0, 1, 3)), Vcpu(index=1, pinned_to=(5,))),
    )


def test_disks_of_every_source() -> None:
    assert full().disks == (
        Disk(
            target="vda",
            bus="virtio",
            source_type="volume",
            pool="images",
            volume="mail.qcow2",
            driver_name="qemu",
            driver_type="qcow2",
            cache="none",
            serial="WD-1",
            boot_order=2,
        ),
        Disk(
            target="sda",
            device="lun",
            bus="scsi",
            source_type="network",
            source="pool/image",
            shareable=True,
        ),
        Disk(target="sdb", device="cdrom", bus="sata", source_type="file", readonly=True),
    )


def test_network_interfaces_of_every_source() -> None:
    assert full().nics == (
        Nic(
            mac="52:54:00:aa:bb:01",
            source_type="network",
            network="lan",
            bridge="virbr5",
            model="virtio",
            target_dev="vnet3",
            link_up=False,
            boot_order=1,
            filter_ref="clean-traffic",
            vlan_ids=(42, 43),
            inbound=Bandwidth(average_kib_s=1000, peak_kib_s=5000, burst_kib=1024, floor_kib_s=200),
            outbound=Bandwidth(average_kib_s=128),
        ),
        Nic(
            mac="52:54:00:aa:bb:02",
            source_type="direct",
            source_dev="eth0",
            mode="vepa",
            profile_id="finance",
        ),
    )


def test_displays_are_counted_by_type_and_their_password_is_nowhere() -> None:
    vnc = Graphics(
        type="vnc",
        listen="127.0.0.1",
        port=5901,
        autoport=True,
        keymap="de",
        video_model="qxl",
        video_memory_kib=32768,
        video_heads=2,
    )
    assert full().graphics == (
        vnc,
        replace(vnc, index=1, listen="::1", port=-1, autoport=False, keymap=None),
        replace(vnc, type="spice", listen=None, port=5902, autoport=False, keymap=None),
    )
    assert "never-read" not in repr(full())


def test_inputs_consoles_and_controllers() -> None:
    assert full().inputs == (
        InputDevice(type="tablet", bus="usb", index=0),
        InputDevice(type="tablet", bus="usb", index=1),
        InputDevice(type="mouse", bus="ps2"),
    )
    assert full().consoles == (
        Console(index=0, source_type="pty", source_path="/dev/pts/4", target_type="serial"),
        Console(index=1, source_type="udp", target_type="virtio", connect="log:9999", bind="::1:9998"),
        Console(index=2, source_type="tcp", target_type="serial", bind="0.0.0.0:2445"),
    )
    assert full().controllers == (
        ControllerDevice(type="usb", index=0, model="qemu-xhci", ports=15),
        ControllerDevice(type="scsi", index=1, model="virtio-scsi", queues=4),
        ControllerDevice(type="virtio-serial", index=0, ports=31, vectors=8),
    )


def test_a_container() -> None:
    assert machine_config((DATA / "container.xml").read_text()) == MachineConfig(
        cpu=CpuAllocation(count=1, maximum=1),
        memory=MemoryAllocation(current_kib=262144, maximum_kib=262144),
        domain_type="lxc",
        os_type="exe",
        arch="x86_64",
        init_path="/sbin/init",
        vcpus=(Vcpu(index=0),),
        nics=(Nic(mac="00:16:3e:00:00:01", source_type="bridge", bridge="br1"),),
        consoles=(Console(index=0, source_type="pty"),),
    )


def test_named_processors_replace_the_count() -> None:
    config = machine_config(
        "<domain><vcpu current='2'>3</vcpu><vcpus><vcpu id='0' enabled='yes'/>"
        "<vcpu id='1' enabled='no'/><vcpu id='2' enabled='yes'/></vcpus></domain>"
    )
    assert config.vcpus == (Vcpu(index=0), Vcpu(index=2))


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("0-3,^2,8", (0, 1, 3, 8)),
        ("7", (7,)),
        ("", None),
        ("0-4294967295", None),
        ("3-1", None),
        ("a", None),
        (None, None),
    ],
)
def test_processor_sets(text: str | None, chosen: tuple[int, ...] | None) -> None:
    assert cpu_set(text) == chosen


@pytest.mark.parametrize("xml", ["", "no xml", "<domain", "<pool/>", "<domain>\x00</domain>"])
def test_what_is_no_domain_is_an_error(xml: str) -> None:
    with pytest.raises(BackendError) as caught:
        machine_config(xml)
    assert caught.value.kind == "failed"


def test_nonsense_is_as_good_as_absent() -> None:
    config = machine_config(
        "<domain><memory unit='parsec'>1</memory><vcpu>many</vcpu><devices>"
        "<disk/><interface/><controller index='x'/><console/><graphics port='?'/></devices></domain>"
    )
    assert config == MachineConfig(
        cpu=CpuAllocation(count=1, maximum=1),
        memory=MemoryAllocation(current_kib=0, maximum_kib=0),
        vcpus=(Vcpu(index=0),),
        graphics=(Graphics(type="unknown"),),
        consoles=(Console(index=0),),
        controllers=(ControllerDevice(type="unknown"),),
    )


def test_entities_are_not_expanded() -> None:
    config = machine_config(
        "<!DOCTYPE domain [<!ENTITY e SYSTEM 'file:///etc/hostname'><!ENTITY b 'boom'>]>"
        "<domain><title>&e;</title><description>a&b;</description></domain>"
    )
    assert (config.title, config.description) == (None, "a")
