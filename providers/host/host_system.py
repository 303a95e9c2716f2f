"""The host as a CIM_ComputerSystem.

Source: DSP1042 1.0 (the host system), DSP1052 1.0 (Computer System).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassName, ClassSpec, Const, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.pools.status import (
    CONTACT,
    communication_status,
    health_state,
    operational_status,
    primary_status,
    status_descriptions,
)

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host

_IDENTITY = "virConnectGetCapabilities: host/uuid; virConnectGetSysinfo: system"


def _identities(host: Host) -> list[tuple[str, str]]:
    known = (
        ("CIM:GUID", host.uuid),
        ("CIM:Model:SerialNumber", f"{host.product}:{host.serial}" if host.product and host.serial else None),
    )
    return [(what, value) for what, value in known if value]


def _caption(host: Host) -> str:
    return " ".join(part for part in (host.hypervisor, host.hypervisor_version) if part)


def _description(host: Host) -> str:
    library = " ".join(part for part in (host.library, host.library_version) if part)
    processors = " ".join(part for part in (str(host.cpu_count), host.arch, "processors") if part)
    model = " ".join(part for part in (host.vendor, host.product) if part)
    return ", ".join(part for part in (_caption(host), library, processors, host.cpu_model, model) if part)


SPEC = ClassSpec(
    cim_class="HostSystem",
    rows=HOST,
    profiles=("DSP1042", "DSP1052"),
    keys=(
        Prop("CreationClassName", ClassName(), source="DSP1052: the class's name"),
        Prop("Name", lambda host: host.name, source="virConnectGetHostname, fully qualified"),
    ),
    props=(
        Prop("NameFormat", Const("IP"), source="constant: Name is a name of the DNS"),
        Prop("ElementName", lambda host: host.name, source="virConnectGetHostname"),
        Prop("Caption", _caption, source="virConnectGetType, virConnectGetVersion"),
        Prop(
            "Description", _description, source="virConnectGetVersion, virNodeGetInfo, virConnectGetSysinfo"
        ),
        Prop(
            "IdentifyingDescriptions",
            lambda host: tuple(what for what, _ in _identities(host)) or None,
            source=_IDENTITY,
        ),
        Prop(
            "OtherIdentifyingInfo",
            lambda host: tuple(value for _, value in _identities(host)) or None,
            source=_IDENTITY,
        ),
        Prop("Dedicated", Const((0,)), source="constant: a host may serve other ends as well"),
        Prop(
            "EnabledState",
            lambda host: 0 if host.no_contact_since else 2,
            source=CONTACT,
        ),
        Prop("RequestedState", Const(12), source="constant: the host's state cannot be changed from here"),
        Prop("EnabledDefault", Const(2), source="constant: a host runs unless it is switched off"),
        Prop("TransitioningToState", Const(12), source="constant: as RequestedState"),
        Prop("OperationalStatus", operational_status, source=CONTACT),
        Prop("StatusDescriptions", status_descriptions, source=CONTACT),
        Prop("HealthState", health_state, source=CONTACT),
        Prop("CommunicationStatus", communication_status, source=CONTACT),
        Prop("PrimaryStatus", primary_status, source=CONTACT),
    ),
)
