"""A machine that is to be: what a client gave, what a reference configuration adds, and what is usual.

Source: DSP1042 1.0, 8.2.1 (DefineSystem); libvirt-cim for what is usual.
Errors: CimError INVALID_PARAMETER, NOT_FOUND, INVALID_CLASS.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from xencim.mof.values import Path
from xencim.providers.backends.records import (
    Console,
    CpuAllocation,
    MachineConfig,
    MemoryAllocation,
    PowerState,
    VirtualMachine,
)
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management import system
from xencim.providers.management.asked import reference, template
from xencim.providers.management.copying import can_link, copied, is_own
from xencim.providers.management.resource import add, set_first
from xencim.providers.management.resources.graphics import CHOSEN_AT_START, default_display
from xencim.providers.management.resources.network import free_mac
from xencim.providers.management.resources.plain import default_mouse
from xencim.providers.management.working import SYSTEM_SETTINGS
from xencim.providers.vm.rows import Origin
from xencim.providers.vm.system_type import system_type

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import GuestSupport, Host, Nic, StoragePool
    from xencim.providers.core.spec import ClassSpec, Context, MethodCall, Row
    from xencim.providers.management.copying import Copy
    from xencim.providers.management.given import Given
    from xencim.providers.management.resource import Resource

DEFAULT_MEMORY_KIB = 256 * 1024
"""As the template of memory says."""
_HVM, _CONTAINER = "hvm", "exe"


def described(
    call: MethodCall,
    templates: Sequence[ClassSpec],
    asked: Given,
    settings: Sequence[tuple[Resource, Given]],
) -> tuple[VirtualMachine, list[Copy]]:
    """Return the machine that DefineSystem's parameters describe, and what is copied of a template."""
    context = call.context
    model = _model(call, templates)
    kinds = {resource.field for resource, _ in settings}
    copies: list[Copy] = []
    if model is not None and _is_copy(model):
        config, copies = _like_definition(context.view, model, _name(asked), kinds)
    else:
        config = _plain(context.view, asked, model)
    machine = _new(context, asked, config)
    for resource, one in settings:
        base = template(context, templates, resource, one)
        if resource.make is None:
            machine = set_first(resource, context, machine, one, base).machine
        else:
            machine = add(resource, context, machine, Origin.CURRENT, one, template=base).machine
    machine = replace(machine, current=_rounded_off(machine.current, kinds, is_copy=_is_copy(model)))
    return machine, copies


def copy_described(
    context: Context, asked: Given, model: Row, *, pool: StoragePool | None, linked: bool
) -> tuple[VirtualMachine, list[Copy]]:
    """Return the machine that CopySystem's parameters describe, and its disks that are to be copied."""
    source, config, *_ = model
    config, copies = copied(context.view, config, _name(asked), pool=pool, linked=linked)
    return _new(context, asked, _like(context.view, source, config)), copies


def _name(asked: Given) -> str:
    name = asked.text("VirtualSystemIdentifier") or asked.text("ElementName")
    if name is None:
        raise asked.refusal("VirtualSystemIdentifier", "the machine needs a name")
    return name


def _new(context: Context, asked: Given, config: MachineConfig) -> VirtualMachine:
    """Return a machine that is to be, with its settings as a whole as they are given."""
    asked = asked.without({"InstanceID"}, **_own(context.view.host, asked))
    machine = VirtualMachine(
        uuid=str(asked.values.get("UUID") or uuid4()),
        name=_name(asked),
        state=PowerState.SHUT_OFF,
        current=config,
        autostart=False,
    )
    return system.apply(context, machine, Origin.CURRENT, asked).machine


def _own(host: Host, asked: Given) -> dict[str, str]:
    """Return what of the machine's own is given, as it is told afterwards."""
    own = {}
    if uuid := asked.text("UUID"):
        try:
            own["UUID"] = str(UUID(uuid))
        except ValueError as error:
            raise asked.refusal("UUID", f"{uuid!r} is no UUID") from error
    if kind := asked.text("VirtualSystemType"):
        own["VirtualSystemType"] = host.prefix if kind.lower() == host.prefix.lower() else kind.upper()
    return own


# What it is modelled on ------------------------------------------------------------------------


def _model(call: MethodCall, templates: Sequence[ClassSpec]) -> Row | None:
    """Return the row that ReferenceConfiguration names: of a machine's settings, or of a template."""
    path = call.parameters.get("referenceconfiguration")
    if not isinstance(path, Path):
        return None
    own = [spec for spec in templates if spec.cim_class == SYSTEM_SETTINGS.cim_class]
    return reference(call, call.context, (SYSTEM_SETTINGS, *own), path)[1]


def _is_copy(model: Row | None) -> bool:
    return model is not None and isinstance(model[0], VirtualMachine)


def _plain(view: View, asked: Given, model: Row | None) -> MachineConfig:
    """Return a machine with nothing but what its kind has."""
    guest = model[0] if model is not None else _guest(view.host, asked)
    is_x86 = guest.arch in {"x86_64", "i686"}
    is_hvm = guest.os_type == _HVM
    return MachineConfig(
        cpu=CpuAllocation(count=1, maximum=1),
        memory=MemoryAllocation(current_kib=0, maximum_kib=0),
        domain_type=_domain_type(view.host, guest, asked),
        os_type=guest.os_type,
        arch=guest.arch,
        init_path="/sbin/init" if guest.os_type == _CONTAINER else None,
        boot_devices=("hd",) if is_hvm and not asked.text("Kernel") else (),
        acpi=is_hvm and is_x86,
        apic=is_hvm and is_x86,
        pae=is_hvm and is_x86,
        clock_offset="utc",
        on_poweroff="destroy",
        on_reboot="restart",
        on_crash="destroy",
    )


def _guest(host: Host, asked: Given) -> GuestSupport:
    """Choose the kind of machine; one with a kernel of its own on Xen is a paravirtualized one."""
    arch = asked.text("Arch") or host.arch
    is_full = asked.values.get("IsFullVirt")
    if is_full is None and host.prefix == "Xen":
        is_full = not (asked.text("Kernel") or asked.text("Bootloader"))
    of_arch = [guest for guest in host.guests if guest.arch == arch]
    for guest in of_arch:
        if is_full is None or (guest.os_type == _HVM) == is_full:
            return guest
    if not of_arch:
        raise asked.refusal("Arch", f"the host runs no machines of architecture {arch!r}")
    if "IsFullVirt" in asked.values:
        raise asked.refusal("IsFullVirt", f"the host runs no such machines of architecture {arch!r}")
    return of_arch[0]


def _domain_type(host: Host, guest: GuestSupport, asked: Given) -> str:
    wanted = asked.text("VirtualSystemType")
    kinds = guest.domain_types
    own = host.prefix.lower()
    if wanted is not None and wanted.lower() != own:
        return next((kind for kind in kinds if system_type(host, kind) == wanted), "")
    return own if own in kinds or not kinds else kinds[0]


def _like_definition(view: View, model: Row, name: str, kinds: set[str]) -> tuple[MachineConfig, list[Copy]]:
    """Return a definition like another's; kinds of resources that are given are not taken over.

    The disks of a template are copied, as overlays where they can be. A disk that both machines could
    write is refused: their systems would destroy it.
    """
    machine, config, *_ = model
    copies: list[Copy] = []
    if "disks" not in kinds and config.is_template:
        is_ground = not machine.state.is_active and can_link(view, config)
        config, copies = copied(view, config, name, linked=is_ground)
    elif "disks" not in kinds:
        for disk in filter(is_own, config.disks):
            raise CimError(
                Status.INVALID_PARAMETER,
                f"ReferenceConfiguration: {machine.name} could write its disk {disk.target} as well",
                hint="give disks of the new machine's own in ResourceSettings, or copy it by CopySystem",
            )
    emptied: dict[str, Any] = dict.fromkeys(kinds - {"cpu", "memory"}, ())
    return _like(view, machine, replace(config, **emptied)), copies


def _like(view: View, machine: VirtualMachine, config: MachineConfig) -> MachineConfig:
    """Return one of a machine's definitions for another machine: addresses are new."""
    nics: list[Nic] = []
    for nic in config.nics:
        mac = free_mac(view, replace(machine, current=replace(config, nics=tuple(nics)), stored=None))
        bridge = None if nic.network else nic.bridge
        nics.append(replace(nic, mac=mac, target_dev=None, bridge=bridge))
    return replace(
        config,
        is_template=False,
        disks=tuple(replace(disk, capacity_bytes=None) for disk in config.disks),
        nics=tuple(nics),
        graphics=tuple(
            replace(display, port=CHOSEN_AT_START) if display.autoport else display
            for display in config.graphics
        ),
        consoles=tuple(
            replace(console, source_path=None) if console.source_type == "pty" else console
            for console in config.consoles
        ),
    )


def _rounded_off(config: MachineConfig, kinds: set[str], *, is_copy: bool) -> MachineConfig:
    """Give a machine what it needs and nobody named."""
    memory = config.memory
    current_kib = memory.current_kib or memory.maximum_kib or DEFAULT_MEMORY_KIB
    config = replace(
        config,
        memory=replace(memory, current_kib=current_kib, maximum_kib=max(memory.maximum_kib, current_kib)),
    )
    if is_copy:
        return config
    if config.os_type == _CONTAINER:
        return (
            config
            if "consoles" in kinds
            else replace(config, consoles=(Console(index=0, source_type="pty"),))
        )
    if "graphics" not in kinds:
        config = replace(config, graphics=(default_display(),))
    if "inputs" not in kinds:
        config = replace(config, inputs=(default_mouse(is_paravirtualized=config.os_type != _HVM),))
    return config
