"""The port at which a machine's remote display is reached: VNC, SPICE or RDP.

The key ``Name`` is ``<port>:<peer's port>`` as libvirt-cim has it; the hypervisor does not tell the peer,
which is -1. A display without a port (of a machine that is off) is ``-1:-1``, and a machine's further ones
carry their number, for keys are unique. A window on the host itself is no access point.

Source: DSP1076 1.0, section 10 (CIM_KVMRedirectionSAP).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.consoles.access_points import NO_HEALTH, AccessPoints
from xencim.providers.core.spec import ClassSpec, Prop
from xencim.providers.vm.display import display_url

if TYPE_CHECKING:
    from xencim.providers.backends.records import Graphics, Host, VirtualMachine

_OTHER = 1
_PROTOCOLS = {"vnc": 4, "rdp": 3, "spice": _OTHER}


def displays(machine: VirtualMachine) -> list[Graphics]:
    """Return a machine's displays that are reached by a network."""
    return [graphics for graphics in machine.current.graphics if graphics.type in _PROTOCOLS]


def _port(machine: VirtualMachine, graphics: Graphics) -> int:
    if not machine.state.is_active or graphics.port is None or graphics.port < 0:
        return -1
    return graphics.port


def _name(machine: VirtualMachine, graphics: Graphics, _host: Host) -> str:
    port, place = _port(machine, graphics), displays(machine).index(graphics)
    return f"{port}:-1;{place}" if port < 0 and place else f"{port}:-1"


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

POINTS = AccessPoints(displays, _name, lambda machine, graphics: _port(machine, graphics) >= 0)
SPEC = ClassSpec(
    cim_class="KVMRedirectionSAP",
    rows=POINTS.rows,
    profiles=("DSP1076",),
    keys=POINTS.keys(_PORT),
    props=(
        Prop("ElementName", _name, source=_PORT),
        Prop("Caption", _caption, source="virDomainGetXMLDesc: devices/graphics/listen"),
        Prop("AccessInfo", _access_info, source="virDomainGetXMLDesc: devices/graphics/listen and @port"),
        Prop("KVMProtocol", lambda _machine, graphics, _host: _PROTOCOLS[graphics.type], source=_TYPE),
        Prop("OtherKVMProtocol", _other_protocol, source=_TYPE),
        *POINTS.states(_PORT),
    ),
    unfilled=NO_HEALTH,
)
