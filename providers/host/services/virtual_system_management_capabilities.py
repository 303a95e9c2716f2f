"""What the virtual system management service can do.

Source: DSP1042 1.0, section 10 (CIM_VirtualSystemManagementCapabilities).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import GuestAccess
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import capabilities_keys, methods_supported, named, synchronous
from xencim.providers.host.services.virtual_system_management_service import SPEC as SERVICE
from xencim.providers.host.templates.virtual_system import guest_types
from xencim.providers.network.switches.telling import SWITCH_TYPE
from xencim.providers.vm.settings.memory import RESERVING

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.mof.values import Value
    from xencim.providers.backends.records import Host, Platform

_METHODS = {
    "DefineSystem": 2,
    "DestroySystem": 3,
    "ModifyResourceSettings": 5,
    "ModifySystemSettings": 6,
    "RemoveResourceSettings": 7,
    "AddResourceSettings": 10,
}

_GUEST_ACCESS = {
    GuestAccess.SCREENSHOT: 2,
    GuestAccess.KEYS: 3,
    GuestAccess.DUMP: 4,
    GuestAccess.MEMORY_DUMP: 5,
}


def _platforms(host: Host) -> list[Platform]:
    """Return what is told of the kinds of machine: of the host's own architecture only."""
    return [guest.platform for guest in host.guests if guest.platform is not None]


def _union(field: str) -> Callable[[Host], Value]:
    def union(host: Host) -> Value:
        told = [values for has in _platforms(host) if (values := getattr(has, field)) is not None]
        return tuple(dict.fromkeys(one for values in told for one in values)) if told else None

    return union


def _secure_boot(host: Host) -> bool | None:
    told = _platforms(host)
    return any(has.secure_boot for has in told) if told else None


def _reserves(host: Host) -> bool:
    kinds = {kind for guest in host.guests for kind in guest.domain_types}
    return not kinds.isdisjoint(RESERVING)


def _machines(host: Host) -> tuple[str, ...] | None:
    own = [guest for guest in host.guests if guest.arch == host.arch]
    return tuple(dict.fromkeys(machine for guest in own for machine in guest.machines)) or None


_DOMAIN = "virConnectGetDomainCapabilities"

SPEC = ClassSpec(
    cim_class="VirtualSystemManagementCapabilities",
    rows=HOST,
    profiles=("DSP1042",),
    keys=capabilities_keys("ManagementCapabilities"),
    props=(
        *named("Virtual system management capabilities"),
        synchronous(SERVICE, _METHODS),
        Prop(
            "AsynchronousMethodsSupported",
            methods_supported(SERVICE.methods, _METHODS),
            source="the methods that the service carries out: each goes on as a job if it takes long",
        ),
        Prop(
            "VirtualSystemTypesSupported",
            lambda host: (*guest_types(host), SWITCH_TYPE),
            source="virConnectGetCapabilities: guest; DSP1097: virtual networks are switches",
        ),
        Prop(
            "GuestAccessSupported",
            lambda host: tuple(_GUEST_ACCESS[one] for one in host.guest_access) or None,
            source="what the driver answers to virDomainScreenshot, -SendKey and -CoreDump",
        ),
        Prop("FirmwaresSupported", _union("firmwares"), source=f"{_DOMAIN}: os"),
        Prop("SecureBootSupported", _secure_boot, source=f"{_DOMAIN}: os/loader"),
        Prop("TPMVersionsSupported", _union("tpm_versions"), source=f"{_DOMAIN}: devices/tpm"),
        Prop("CPUModesSupported", _union("cpu_modes"), source=f"{_DOMAIN}: cpu/mode"),
        Prop("MachinesSupported", _machines, source="virConnectGetCapabilities: guest/arch/machine"),
        Prop("ReservationSupported", _reserves, source="virConnectGetCapabilities: guest/arch/domain"),
        Prop("ElementNameEditSupported", Const(False), source="constant: a machine cannot be renamed"),
    ),
    unfilled={
        "IndicationsSupported": "no indication is sent",
        "RequestedStatesSupported": "the service's own state cannot be changed",
        "StateAwareness": "the service's own state cannot be changed",
        "MaxElementNameLen": "names cannot be edited",
        "ElementNameMask": "names cannot be edited",
    },
)
