"""Templates of machines as a whole: one for each kind of machine that the host can run.

Source: DSP1042 1.0, section 7 (virtual system types and their default settings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import GuestSupport, Host
from xencim.providers.core.spec import ClassSpec, Const, Prop, Rows
from xencim.providers.vm.system_type import system_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row

_NAMES = {
    ("Xen", "linux"): "Xen_Paravirt_Guest",
    ("Xen", "xen"): "Xen_Paravirt_Guest",
    ("Xen", "xenpvh"): "Xen_PVH_Guest",
    ("Xen", "hvm"): "Xen_Fullvirt_Guest",
    ("KVM", "hvm"): "KVM_guest",
    ("LXC", "exe"): "LXC",
}
_FULLY_VIRTUALIZED = "hvm"


def templates(context: Context) -> Iterator[Row]:
    """Yield the rows of the host's templates: ``(guest, host)``."""
    host = context.view.host
    return ((guest, host) for guest in host.guests)


def guest_types(host: Host) -> tuple[str, ...]:
    """Return the types of machine that the host can run, as the settings of machines call them."""
    kinds = (kind for guest in host.guests for kind in guest.domain_types)
    return tuple(dict.fromkeys((host.prefix, *(system_type(host, kind) for kind in kinds))))


def _find(context: Context, keys: Keys) -> Row | None:
    return next((row for row in templates(context) if _id(*row) == keys.get("instanceid")), None)


def _id(guest: GuestSupport, host: Host) -> str:
    name = _NAMES.get((host.prefix, guest.os_type), f"{host.prefix}_{guest.os_type}_Guest")
    return name if guest.arch == host.arch else f"{name}/{guest.arch}"


_GUEST = "virConnectGetCapabilities: guest"

SPEC = ClassSpec(
    cim_class="VirtualSystemSettingData",
    rows=Rows(kinds=(Host,), all=templates, find=_find),
    profiles=("DSP1042",),
    keys=(Prop("InstanceID", _id, source="the kind of machine"),),
    props=(
        Prop("ElementName", _id, source="as InstanceID"),
        Prop("Caption", lambda *row: f"Template: {_id(*row)}", source="as InstanceID"),
        Prop("VirtualSystemType", lambda _guest, host: host.prefix, source="virConnectGetType"),
        Prop("ChangeableType", Const(0), source="constant: templates cannot be changed"),
        Prop(
            "IsFullVirt", lambda guest, _host: guest.os_type == _FULLY_VIRTUALIZED, source=f"{_GUEST}/os_type"
        ),
        Prop("Arch", lambda guest, _host: guest.arch, source=f"{_GUEST}/arch/@name"),
        Prop(
            "Machine",
            lambda guest, _host: next(iter(guest.machines), None),
            source=f"{_GUEST}/arch/machine: the first is the default",
        ),
    ),
    unfilled=dict.fromkeys(
        (
            *("VirtualSystemIdentifier", "UUID", "Notes", "CreationTime", "ConfigurationID", "LogDataRoot"),
            *("ConfigurationDataRoot", "ConfigurationFile", "SnapshotDataRoot", "SuspendDataRoot"),
            *("SwapFileDataRoot", "AutomaticStartupAction", "AutomaticStartupActionDelay", "RecoveryFile"),
            *("AutomaticStartupActionSequenceNumber", "AutomaticShutdownAction", "AutomaticRecoveryAction"),
            *("AutoStart", "ClockOffset", "EnableACPI", "EnableAPIC", "EnablePAE", "Bootloader"),
            *("BootloaderArgs", "Kernel", "Ramdisk", "CommandLine", "BootDevices", "Emulator", "InitPath"),
            *("Firmware", "Loader", "SecureBoot", "IsTemplate", "TPMVersion", "VirtualNUMANodes"),
        ),
        "it is set for one machine, not for all",
    ),
)
