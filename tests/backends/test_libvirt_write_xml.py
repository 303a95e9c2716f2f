"""Definitions written as libvirt's XML: read back they are the same, and what they do not know stays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.machine_writer import domain_text, new_domain, write_config
from xencim.providers.backends.libvirt.machine_xml import config_of, machine_config
from xencim.providers.backends.libvirt.parse import document
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
    }
    files = st.builds(Disk, source_type=st.sampled_from(["file", "block", "dir"]), source=MAYBE, **common)  # type: ignore[arg-type]
    volumes = st.builds(Disk, source_type=st.just("volume"), pool=NAMES, volume=NAMES, **common)  # type: ignore[arg-type]
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
    one = st.one_of(
        st.builds(Nic, source_type=st.sampled_from(["user", "ethernet"]), **common),  # type: ignore[arg-type]
        st.builds(Nic, source_type=st.just("network"), network=MAYBE, **common),  # type: ignore[arg-type]
        st.builds(Nic, source_type=st.just("bridge"), bridge=MAYBE, **common),  # type: ignore[arg-type]
        st.builds(Nic, source_type=st.just("direct"), source_dev=MAYBE, mode=MAYBE, **common),  # type: ignore[arg-type]
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
                source_path=draw(MAYBE) if kind in {"file"} else draw(NAMES) if kind == "unix" else None,
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
