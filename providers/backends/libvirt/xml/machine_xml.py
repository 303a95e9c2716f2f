"""libvirt's domain XML as a MachineConfig.

Source: libvirt's documentation, "Domain XML format".
Errors: BackendError (failed) for what is no domain XML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.libvirt.xml import device_xml
from xencim.providers.backends.libvirt.xml.parse import (
    MAX_INDEX,
    attribute,
    cpu_set,
    document,
    number,
    scaled,
    size_kib,
    text,
    yes,
)
from xencim.providers.backends.records import (
    CpuAllocation,
    MachineConfig,
    MemoryAllocation,
    NumaCell,
    Vcpu,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

TEMPLATE = "{urn:xencim:machine}template"
"""The element of a domain's metadata that makes it a template: libvirt itself has none."""
_REQUIRED = {"require", "force"}
_HIDDEN = {"disable", "forbid"}


def machine_config(xml: str) -> MachineConfig:
    """Return what a domain's XML says."""
    return config_of(document(xml, "domain"))


def config_of(domain: _Element) -> MachineConfig:
    """Return what a domain's element says."""
    devices = domain.find("devices")
    if devices is None:
        devices = etree.Element("devices")
    features = domain.find("features")
    os = domain.find("os")
    if os is None:
        os = etree.Element("os")
    cpu = _cpu(domain)
    return MachineConfig(
        cpu=cpu,
        memory=_memory(domain),
        title=text(domain, "title"),
        description=text(domain, "description"),
        is_template=domain.find(f"metadata/{TEMPLATE}") is not None,
        domain_type=domain.get("type") or "",
        os_type=text(os, "type") or "hvm",
        arch=attribute(os, "type", "arch"),
        machine=attribute(os, "type", "machine"),
        emulator=text(devices, "emulator"),
        loader=text(os, "loader"),
        firmware=_firmware(os),
        secure_boot=_secure_boot(os),
        tpm_version=attribute(devices, "tpm/backend[@type='emulator']", "version"),
        numa_cells=_numa_cells(domain),
        kernel=text(os, "kernel"),
        initrd=text(os, "initrd"),
        command_line=text(os, "cmdline"),
        bootloader=text(domain, "bootloader"),
        bootloader_args=text(domain, "bootloader_args"),
        init_path=text(os, "init"),
        boot_devices=tuple(dev for boot in os.iterfind("boot") if (dev := boot.get("dev"))),
        acpi=_feature(features, "acpi"),
        apic=_feature(features, "apic"),
        pae=_feature(features, "pae"),
        clock_offset=attribute(domain, "clock", "offset"),
        on_poweroff=text(domain, "on_poweroff"),
        on_reboot=text(domain, "on_reboot"),
        on_crash=text(domain, "on_crash"),
        security_context=text(domain, "seclabel[@type='static'][@model='flask']/label"),
        vcpus=_vcpus(domain, cpu.count),
        disks=device_xml.disks(devices),
        nics=device_xml.nics(devices),
        graphics=device_xml.graphics(devices),
        inputs=device_xml.inputs(devices),
        consoles=device_xml.consoles(devices),
        controllers=device_xml.controllers(devices),
    )


def _cpu(domain: _Element) -> CpuAllocation:
    maximum = _count(text(domain, "vcpu")) or 1
    features = [(f.get("policy", "require"), f.get("name", "")) for f in domain.iterfind("cpu/feature")]
    count = _count(attribute(domain, "vcpu", "current")) or maximum
    return CpuAllocation(
        count=count,
        maximum=maximum,
        weight=number(text(domain, "cputune/shares")),
        cap_percent=_cap_percent(domain, count),
        model=text(domain, "cpu/model"),
        mode=attribute(domain, "cpu", "mode"),
        features_required=tuple(name for policy, name in features if policy in _REQUIRED and name),
        features_hidden=tuple(name for policy, name in features if policy in _HIDDEN and name),
    )


def _count(value: str | None) -> int | None:
    count = number(value)
    return count if count is not None and 0 < count <= MAX_INDEX else None


def _cap_percent(domain: _Element, count: int) -> int | None:
    """Return how much of host processors the machine may take; no quota, no cap."""
    for scope, processors in (("global_", 1), ("", count)):
        period = number(text(domain, f"cputune/{scope}period"))
        quota = number(text(domain, f"cputune/{scope}quota"))
        if period and quota and period > 0 and quota > 0:
            return round(100 * processors * quota / period)
    return None


def _vcpus(domain: _Element, count: int) -> tuple[Vcpu, ...]:
    """Return the processors that are in use."""
    everyone = cpu_set(attribute(domain, "vcpu", "cpuset"))
    pinned = {pin.get("vcpu"): cpu_set(pin.get("cpuset")) for pin in domain.iterfind("cputune/vcpupin")}
    named = [number(v.get("id")) for v in domain.iterfind("vcpus/vcpu") if yes(v.get("enabled"))]
    in_use = [index for index in named if index is not None] or range(count)
    return tuple(Vcpu(index=index, pinned_to=pinned.get(str(index), everyone)) for index in in_use)


def _memory(domain: _Element) -> MemoryAllocation:
    memory = domain.find("memory")
    maximum = size_kib(memory) or 0
    current = size_kib(domain.find("currentMemory"))
    page = domain.find("memoryBacking/hugepages/page")
    return MemoryAllocation(
        current_kib=maximum if current is None else current,
        maximum_kib=maximum,
        hot_plug_limit_kib=size_kib(domain.find("maxMemory")),
        huge_page_kib=_page_kib(page),
        is_locked=domain.find("memoryBacking/locked") is not None,
        dump_core=None if memory is None else yes(memory.get("dumpCore")),
        numa_mode=attribute(domain, "numatune/memory", "mode"),
        numa_nodes=cpu_set(attribute(domain, "numatune/memory", "nodeset")) or (),
    )


def _numa_cells(domain: _Element) -> tuple[NumaCell, ...]:
    return tuple(
        NumaCell(
            cpus=cpu_set(cell.get("cpus")) or (),
            memory_kib=(scaled(cell.get("memory"), cell.get("unit")) or 0) // 1024,
        )
        for cell in domain.iterfind("cpu/numa/cell")
    )


def _page_kib(page: _Element | None) -> int | None:
    size = None if page is None else scaled(page.get("size"), page.get("unit"))
    return None if size is None else size // 1024


def _firmware(os: _Element) -> str | None:
    named = os.get("firmware")
    if named:
        return named
    loader = attribute(os, "loader", "type")
    return {"pflash": "efi", "rom": "bios"}.get(loader or "")


def _secure_boot(os: _Element) -> bool | None:
    for feature in os.iterfind("firmware/feature"):
        if feature.get("name") == "secure-boot":
            return yes(feature.get("enabled"))
    return yes(attribute(os, "loader", "secure"))


def _feature(features: _Element | None, name: str) -> bool:
    element = None if features is None else features.find(name)
    return element is not None and element.get("state") != "off"
