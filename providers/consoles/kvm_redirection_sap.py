"""The port at which a machine's remote display is reached: VNC, SPICE or RDP.

The key ``Name`` is ``<port>:<peer's port>`` as libvirt-cim has it; the hypervisor does not tell the peer,
which is -1. A display without a port (of a machine that is off) is ``-1:-1``, and a machine's further ones
carry their number, for keys are unique. A window on the host itself is no access point.

Source: DSP1076 1.0, section 10 (CIM_KVMRedirectionSAP).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Graphics, Host, VirtualMachine
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Prop, Rows
from xencim.providers.vm.display import display_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.spec import Context, Keys, Row

UNKNOWN = 0
DISABLED = 3
LISTENING = 6  # "Enabled but Offline": a client can connect
_OPERATIONAL_STATUS = {UNKNOWN: 0, DISABLED: 10, LISTENING: 2}
_OTHER = 1
_PROTOCOLS = {"vnc": 4, "rdp": 3, "spice": _OTHER}


def displays(machine: VirtualMachine) -> list[Graphics]:
    """Return a machine's displays that are reached by a network."""
    return [graphics for graphics in machine.current.graphics if graphics.type in _PROTOCOLS]


def access_points(context: Context, machine: VirtualMachine) -> Iterator[Row]:
    """Yield the rows of a machine's access points: ``(machine, graphics, host)``."""
    host = context.view.host
    return ((machine, graphics, host) for graphics in displays(machine))


def all_access_points(context: Context) -> Iterable[Row]:
    """Yield the rows of all machines' access points."""
    for machine in context.view.all(VirtualMachine).values():
        yield from access_points(context, machine)


def _find(context: Context, keys: Keys) -> Row | None:
    machine = context.view.machine_named(str(keys.get("systemname")))
    if machine is None:
        return None
    return next((row for row in access_points(context, machine) if _name(*row) == keys.get("name")), None)


def _port(machine: VirtualMachine, graphics: Graphics) -> int:
    if not machine.state.is_active or graphics.port is None or graphics.port < 0:
        return -1
    return graphics.port


def _name(machine: VirtualMachine, graphics: Graphics, _host: Host) -> str:
    port, place = _port(machine, graphics), displays(machine).index(graphics)
    return f"{port}:-1;{place}" if port < 0 and place else f"{port}:-1"


def _enabled_state(machine: VirtualMachine, graphics: Graphics, _host: Host) -> int:
    if not machine.state.is_active:
        return DISABLED
    return LISTENING if _port(machine, graphics) >= 0 else UNKNOWN


def _operational_status(machine: VirtualMachine, graphics: Graphics, host: Host) -> tuple[int, ...]:
    return (_OPERATIONAL_STATUS[_enabled_state(machine, graphics, host)],)


def _caption(machine: VirtualMachine, graphics: Graphics, _host: Host) -> str:
    port = _port(machine, graphics)
    where = f" on {graphics.type}://{graphics.listen or '*'}:{port}" if port >= 0 else ""
    return f"Display of {machine.name}{where}"


def _other_protocol(_machine: VirtualMachine, graphics: Graphics, _host: Host) -> str | None:
    return graphics.type.upper() if _PROTOCOLS[graphics.type] == _OTHER else None


def _access_info(machine: VirtualMachine, graphics: Graphics, _host: Host) -> str | None:
    return display_url(graphics) if machine.state.is_active else None


_PORT = "virDomainGetXMLDesc of the running machine: devices/graphics/port"
_TYPE = "virDomainGetXMLDesc: devices/graphics/@type"

SPEC = ClassSpec(
    cim_class="KVMRedirectionSAP",
    rows=Rows(kinds=(VirtualMachine, Host), all=all_access_points, find=_find),
    profiles=("DSP1076",),
    keys=(
        Prop("SystemCreationClassName", ClassName("ComputerSystem"), source="the machine's class"),
        Prop("SystemName", lambda machine, *_: machine.name, source="virDomainGetName"),
        Prop("CreationClassName", ClassName(), source="the class's name"),
        Prop("Name", _name, source=_PORT),
    ),
    props=(
        Prop("ElementName", _name, source=_PORT),
        Prop("Caption", _caption, source="virDomainGetXMLDesc: devices/graphics/listen"),
        Prop("AccessInfo", _access_info, source="virDomainGetXMLDesc: devices/graphics/listen and @port"),
        Prop("KVMProtocol", lambda _machine, graphics, _host: _PROTOCOLS[graphics.type], source=_TYPE),
        Prop("OtherKVMProtocol", _other_protocol, source=_TYPE),
        Prop("EnabledState", _enabled_state, source="virDomainGetInfo: state; " + _PORT),
        Prop("RequestedState", Const(12), source="constant: it follows the machine's state"),
        Prop("EnabledDefault", Const(LISTENING), source="constant: it listens while the machine runs"),
        Prop("TransitioningToState", Const(12), source="constant: as RequestedState"),
        Prop("OperationalStatus", _operational_status, source="as EnabledState"),
    ),
    unfilled={
        "HealthState": "nothing but OperationalStatus is known",
        "PrimaryStatus": "nothing but OperationalStatus is known",
    },
)
