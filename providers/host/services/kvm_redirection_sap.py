"""The port at which a machine's VNC display is reached.

The key ``Name`` is ``<port>:<peer's port>`` as libvirt-cim has it; the hypervisor does not tell
the peer, which is -1. A display without a port (of a machine that is off) is ``-1:-1``, and a
machine's further ones of that kind carry their number, for keys are unique.

Source: DSP1076 1.0, section 10 (CIM_KVMRedirectionSAP).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Graphics, Host, VirtualMachine
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Prop, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.spec import Context, Keys, Row

UNKNOWN = 0
DISABLED = 3
LISTENING = 6  # "Enabled but Offline": a client can connect
VNC = 4
_OPERATIONAL_STATUS = {UNKNOWN: 0, DISABLED: 10, LISTENING: 2}


def access_points(context: Context, machine: VirtualMachine) -> Iterator[Row]:
    """Yield the rows of a machine's access points: ``(machine, graphics, host)``."""
    host = context.view.host
    return ((machine, graphics, host) for graphics in machine.current.graphics if graphics.type == "vnc")


def _all(context: Context) -> Iterable[Row]:
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
    port = _port(machine, graphics)
    number = f";{graphics.index}" if port < 0 and graphics.index else ""
    return f"{port}:-1{number}"


def _enabled_state(machine: VirtualMachine, graphics: Graphics, _host: Host) -> int:
    if not machine.state.is_active:
        return DISABLED
    return LISTENING if _port(machine, graphics) >= 0 else UNKNOWN


def _operational_status(machine: VirtualMachine, graphics: Graphics, host: Host) -> tuple[int, ...]:
    return (_OPERATIONAL_STATUS[_enabled_state(machine, graphics, host)],)


def _caption(machine: VirtualMachine, graphics: Graphics, _host: Host) -> str:
    port = _port(machine, graphics)
    where = f" on vnc://{graphics.listen or '*'}:{port}" if port >= 0 else ""
    return f"Display of {machine.name}{where}"


_PORT = "virDomainGetXMLDesc of the running machine: devices/graphics/port"

SPEC = ClassSpec(
    cim_class="KVMRedirectionSAP",
    rows=Rows(kinds=(VirtualMachine, Host), all=_all, find=_find),
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
        Prop("KVMProtocol", Const(VNC), source="constant: only VNC displays are access points"),
        Prop("EnabledState", _enabled_state, source="virDomainGetInfo: state; " + _PORT),
        Prop("RequestedState", Const(12), source="constant: it follows the machine's state"),
        Prop("EnabledDefault", Const(LISTENING), source="constant: it listens while the machine runs"),
        Prop("TransitioningToState", Const(12), source="constant: as RequestedState"),
        Prop("OperationalStatus", _operational_status, source="as EnabledState"),
    ),
    unfilled={
        "OtherKVMProtocol": "the protocol is a standard one",
        "HealthState": "nothing but OperationalStatus is known",
        "PrimaryStatus": "nothing but OperationalStatus is known",
    },
)
