"""A machine's definition written into libvirt's domain XML: a new one, or the differences to an old one.

Both go the same way: each property that the tree does not say already is written, and nothing else is
touched, so that what records do not know (metadata, QEMU's own arguments, secrets) stays.

Source: libvirt's documentation, "Domain XML format".
Errors: BackendError (unsupported, invalid).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml import edit
from xencim.providers.backends.libvirt.xml.device_writer import write_devices
from xencim.providers.backends.libvirt.xml.machine_xml import TEMPLATE, config_of
from xencim.providers.backends.libvirt.xml.parse import size_kib
from xencim.providers.backends.records import NumaCell

if TYPE_CHECKING:
    from lxml.etree import _Element

    from xencim.providers.backends.records import (
        CpuAllocation,
        MachineConfig,
        MemoryAllocation,
        Vcpu,
    )

_TEXTS = (
    ("title", "title"),
    ("description", "description"),
    ("os_type", "os/type"),
    ("kernel", "os/kernel"),
    ("initrd", "os/initrd"),
    ("command_line", "os/cmdline"),
    ("init_path", "os/init"),
    ("bootloader", "bootloader"),
    ("bootloader_args", "bootloader_args"),
    ("on_poweroff", "on_poweroff"),
    ("on_reboot", "on_reboot"),
    ("on_crash", "on_crash"),
    ("emulator", "devices/emulator"),
)
_ATTRIBUTES = (
    ("domain_type", "", "type"),
    ("arch", "os/type", "arch"),
    ("machine", "os/type", "machine"),
    ("clock_offset", "clock", "offset"),
)
_FEATURES = ("acpi", "apic", "pae")
PERIOD_US = 100_000
_MODULES = 16
"""How many memory modules may come to a machine."""


def new_domain(name: str, uuid: str, config: MachineConfig) -> _Element:
    """Return the XML of a machine that is not there yet."""
    domain = etree.Element("domain")
    edit.set_text(domain, "name", name)
    edit.set_text(domain, "uuid", uuid)
    edit.set_text(domain, "os/type", config.os_type)
    etree.SubElement(domain, "devices")
    write_config(domain, config)
    return domain


def domain_text(domain: _Element) -> str:
    """Return the document."""
    return etree.tostring(domain, encoding="unicode")


def write_config(domain: _Element, config: MachineConfig) -> None:
    """Make a domain's XML say what a definition says."""
    now = config_of(domain)
    for field, path in _TEXTS:
        if getattr(config, field) != getattr(now, field):
            edit.set_text(domain, path, getattr(config, field))
    for field, path, name in _ATTRIBUTES:
        if getattr(config, field) != getattr(now, field):
            edit.set_attribute(domain, path, name, getattr(config, field) or None)
    if config.is_template != now.is_template:
        _write_template(domain, is_template=config.is_template)
    if config.security_context != now.security_context:
        _write_security_context(domain, config.security_context)
    if config.boot_devices != now.boot_devices:
        _write_boot_devices(domain, config.boot_devices)
    for feature in _FEATURES:
        if getattr(config, feature) != getattr(now, feature):
            edit.set_flag(edit.child(domain, "features"), feature, on=getattr(config, feature))
    _write_firmware(domain, config, now)
    _write_tpm(edit.child(domain, "devices"), config.tpm_version, now.tpm_version)
    _write_numa_cells(domain, config.numa_cells, now.numa_cells)
    _write_memory(domain, config.memory, config_of(domain).memory)
    _write_cpu(domain, config.cpu, now.cpu)
    _write_pins(domain, config.vcpus, now.vcpus)
    write_devices(edit.child(domain, "devices"), config)


def _write_boot_devices(domain: _Element, devices: tuple[str, ...]) -> None:
    edit.drop(domain, "os/boot")
    for device in devices:
        boot = etree.SubElement(edit.child(domain, "os"), "boot")
        edit.set_attribute(boot, "", "dev", device)


def _write_template(domain: _Element, *, is_template: bool) -> None:
    if is_template:
        namespace = etree.QName(TEMPLATE).namespace
        etree.SubElement(edit.child(domain, "metadata"), TEMPLATE, nsmap={"xencim": namespace})
    else:
        edit.drop(domain, f"metadata/{TEMPLATE}")


def _write_security_context(domain: _Element, context: str | None) -> None:
    edit.drop(domain, "seclabel[@model='flask']")
    if context is not None:
        label = etree.SubElement(domain, "seclabel", type="static", model="flask", relabel="no")
        edit.set_text(label, "label", context)


def _write_firmware(domain: _Element, config: MachineConfig, now: MachineConfig) -> None:
    """Name the firmware's image where one is given, else its kind: libvirt finds an image of that kind."""
    wanted = config.loader, config.firmware, config.secure_boot
    if wanted == (now.loader, now.firmware, now.secure_boot):
        return
    os = edit.child(domain, "os")
    for name in ("loader", "nvram", "firmware"):
        edit.drop(os, name)
    edit.set_attribute(os, "", "firmware", None)
    secure = {True: "yes", False: "no", None: None}[config.secure_boot]
    if config.loader is not None and config.loader != now.loader:
        edit.set_text(os, "loader", config.loader)
        kind = {"efi": "pflash", "bios": "rom"}.get(config.firmware or "")
        edit.set_attribute(os, "loader", "type", kind)
        edit.set_attribute(os, "loader", "readonly", "yes" if kind == "pflash" else None)
        edit.set_attribute(os, "loader", "secure", secure)
        return
    edit.set_attribute(os, "", "firmware", config.firmware)
    if secure:
        firmware = etree.SubElement(os, "firmware")
        etree.SubElement(firmware, "feature", enabled=secure, name="secure-boot")


def _write_tpm(devices: _Element, version: str | None, now: str | None) -> None:
    """Give a machine a TPM that the host emulates, of the model that speaks its version."""
    if version == now:
        return
    edit.drop(devices, "tpm")
    if version is not None:
        tpm = etree.SubElement(devices, "tpm", model="tpm-tis" if version == "1.2" else "tpm-crb")
        edit.set_attribute(etree.SubElement(tpm, "backend", type="emulator"), "", "version", version)


def _write_numa_cells(domain: _Element, cells: tuple[NumaCell, ...], now: tuple[NumaCell, ...]) -> None:
    """Show a guest these nodes."""
    if cells == now:
        return
    edit.drop(domain, "cpu/numa")
    for number, cell in enumerate(cells):
        element = etree.SubElement(edit.child(domain, "cpu/numa"), "cell", id=str(number), unit="KiB")
        edit.set_attribute(element, "", "cpus", ",".join(map(str, cell.cpus)))
        edit.set_attribute(element, "", "memory", cell.memory_kib)


def _write_memory(domain: _Element, memory: MemoryAllocation, now: MemoryAllocation) -> None:
    if memory.hot_plug_limit_kib != now.hot_plug_limit_kib:
        _write_hot_plug(domain, memory)
    cells = config_of(domain).numa_cells
    if cells:
        fit_modules(domain, memory, sum(cell.memory_kib for cell in cells))
    if (memory.maximum_kib, memory.current_kib) != (now.maximum_kib, now.current_kib):
        for path, size_kib in (("memory", memory.maximum_kib), ("currentMemory", memory.current_kib)):
            edit.set_text(domain, path, size_kib)
            edit.set_attribute(domain, path, "unit", "KiB")
    if memory.dump_core != now.dump_core:
        state = {True: "on", False: "off", None: None}[memory.dump_core]
        edit.set_attribute(domain, "memory", "dumpCore", state)
    if (memory.numa_mode, memory.numa_nodes) != (now.numa_mode, now.numa_nodes):
        nodes = ",".join(map(str, memory.numa_nodes)) or None
        edit.set_attribute(domain, "numatune/memory", "nodeset", nodes)
        edit.set_attribute(domain, "numatune/memory", "mode", nodes and (memory.numa_mode or "strict"))
    if memory.is_locked != now.is_locked:
        edit.set_flag(edit.child(domain, "memoryBacking"), "locked", on=memory.is_locked)
    if memory.huge_page_kib != now.huge_page_kib:
        edit.drop(domain, "memoryBacking/hugepages")
        if memory.huge_page_kib is not None:
            page = edit.child(domain, "memoryBacking/hugepages/page")
            page.attrib.update({"size": str(memory.huge_page_kib), "unit": "KiB"})


def _write_hot_plug(domain: _Element, memory: MemoryAllocation) -> None:
    """Let modules come while the machine runs; QEMU wants a node that they belong to."""
    if memory.hot_plug_limit_kib is None:
        edit.drop(domain, "maxMemory")
        return
    edit.set_text(domain, "maxMemory", memory.hot_plug_limit_kib)
    edit.set_attribute(domain, "maxMemory", "slots", _MODULES)
    edit.set_attribute(domain, "maxMemory", "unit", "KiB")
    now = config_of(domain)
    if not now.numa_cells:
        node = NumaCell(cpus=tuple(range(now.cpu.maximum)), memory_kib=memory.maximum_kib)
        _write_numa_cells(domain, (node,), ())


def module(size_kib: int) -> _Element:
    """Return a memory module of the first node."""
    memory = etree.Element("memory", model="dimm")
    edit.set_text(memory, "target/size", size_kib)
    edit.set_attribute(memory, "target/size", "unit", "KiB")
    edit.set_text(memory, "target/node", 0)
    return memory


def modules(domain: _Element) -> list[tuple[_Element, int]]:
    """Return a machine's memory modules and their sizes in KiB."""
    found = domain.findall("devices/memory[@model='dimm']")
    return [(memory, size_kib(memory.find("target/size")) or 0) for memory in found]


def fit_modules(domain: _Element, memory: MemoryAllocation, nodes_kib: int) -> None:
    """Add a module or take some away, so that they and the nodes hold what the machine is to have."""
    there = modules(domain)
    missing_kib = memory.maximum_kib - nodes_kib - sum(size for _, size in there)
    while missing_kib < 0 and there and there[-1][1] <= -missing_kib:
        element, size = there.pop()
        edit.remove(element)
        missing_kib += size
    if missing_kib > 0 and memory.hot_plug_limit_kib is not None:
        edit.child(domain, "devices").append(module(missing_kib))
    elif missing_kib:
        raise BackendError("invalid", "memory.maximum_kib: the machine's virtual NUMA nodes hold another sum")


def _write_cpu(domain: _Element, cpu: CpuAllocation, now: CpuAllocation) -> None:
    if (cpu.maximum, cpu.count) != (now.maximum, now.count) or domain.find("vcpu") is None:
        edit.set_text(domain, "vcpu", cpu.maximum)
        edit.set_attribute(domain, "vcpu", "current", None if cpu.count == cpu.maximum else cpu.count)
        edit.drop(domain, "vcpus")  # which of them, libvirt finds out by the count
    if cpu.weight != now.weight:
        edit.set_text(domain, "cputune/shares", cpu.weight)
    # A limit of each processor is another limit of the machine now that their number may be another.
    cap_percent = config_of(domain).cpu.cap_percent
    if (cpu.cap_percent or None) != cap_percent:
        for name in ("quota", "period", "global_quota", "global_period"):
            edit.set_text(domain, f"cputune/{name}", None)
        if cpu.cap_percent:
            edit.set_text(domain, "cputune/global_period", PERIOD_US)
            edit.set_text(domain, "cputune/global_quota", cpu.cap_percent * PERIOD_US // 100)
    if cpu.mode != now.mode:
        edit.set_attribute(domain, "cpu", "mode", cpu.mode)
    if cpu.model != now.model:
        edit.set_text(domain, "cpu/model", cpu.model)
    for policies, before, after in (
        (("require", "force"), now.features_required, cpu.features_required),
        (("disable", "forbid"), now.features_hidden, cpu.features_hidden),
    ):
        if before != after:
            _write_features(domain, policies, after)


def _write_features(domain: _Element, policies: tuple[str, str], names: tuple[str, ...]) -> None:
    """Make these the features of a kind; one that was of the kind keeps its exact policy."""
    kept = {
        feature.get("name"): feature.get("policy", "require")
        for feature in domain.findall("cpu/feature")
        if feature.get("policy", "require") in policies
    }
    for feature in domain.findall("cpu/feature"):
        if feature.get("policy", "require") in policies or feature.get("name", "") in names:
            edit.remove(feature)
    for name in names:
        feature = etree.SubElement(edit.child(domain, "cpu"), "feature")
        edit.set_attribute(feature, "", "policy", kept.get(name, policies[0]))
        edit.set_attribute(feature, "", "name", name)


def _write_pins(domain: _Element, vcpus: tuple[Vcpu, ...], now: tuple[Vcpu, ...]) -> None:
    """Pin processors, each for itself; the set for all stays only where it is nobody's freedom lost."""
    before = {vcpu.index: vcpu.pinned_to for vcpu in now}
    if all(vcpu.pinned_to == before.get(vcpu.index) for vcpu in vcpus):
        return
    if any(vcpu.pinned_to is None for vcpu in vcpus):
        edit.set_attribute(domain, "vcpu", "cpuset", None)
    for vcpu in vcpus:
        edit.drop(domain, f"cputune/vcpupin[@vcpu='{vcpu.index}']")
        if vcpu.pinned_to is not None:
            pin = etree.SubElement(edit.child(domain, "cputune"), "vcpupin", vcpu=str(vcpu.index))
            pin.set("cpuset", ",".join(str(number) for number in vcpu.pinned_to))
