"""Where a machine's text console is reached: a terminal, a socket or a port of the host.

A console that writes to a file, or to nowhere, cannot be talked to and is no access point. A terminal has
its name from the machine's start on; what can be told of it is on the host itself (`virsh console`).

Source: DSP1024 1.0, section 10 (CIM_TextRedirectionSAP).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.consoles.access_points import NO_HEALTH, AccessPoints
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.rows import CONSOLES

if TYPE_CHECKING:
    from xencim.providers.backends.records import Console, Host, VirtualMachine

_CHARACTER_STREAM = 2
_REACHED = frozenset({"pty", "dev", "unix", "tcp", "udp"})


def lines(machine: VirtualMachine) -> list[Console]:
    """Return a machine's consoles that can be talked to."""
    return [console for console in machine.current.consoles if console.source_type in _REACHED]


def _name(_machine: VirtualMachine, console: Console, _host: Host) -> str:
    return CONSOLES.ident(console)


def _end(console: Console) -> str | None:
    return console.bind or console.connect or console.source_path


def _access_info(machine: VirtualMachine, console: Console, _host: Host) -> str | None:
    end = _end(console)
    if not machine.state.is_active or end is None:
        return None
    # A path begins with a slash of its own: pty:///dev/pts/3.
    return f"{console.source_type}://{end}"


def _caption(machine: VirtualMachine, console: Console, _host: Host) -> str:
    return f"Text console {console.index} of {machine.name}"[:64]  # MaxLen of Caption


_SOURCE = "virDomainGetXMLDesc of the running machine: devices/console/source"

POINTS = AccessPoints(lines, _name, lambda _machine, console: bool(_end(console)))
SPEC = ClassSpec(
    cim_class="TextRedirectionSAP",
    rows=POINTS.rows,
    profiles=("DSP1024",),
    keys=POINTS.keys("the console's number"),
    props=(
        Prop("ElementName", _name, source="the console's number"),
        Prop("Caption", _caption, source="virDomainGetName; the console's number"),
        Prop("AccessInfo", _access_info, source=_SOURCE),
        Prop(
            "TextFlowType", Const(_CHARACTER_STREAM), source="constant: what the guest sends comes as it is"
        ),
        *POINTS.states(_SOURCE),
    ),
    unfilled={
        **NO_HEALTH,
        "SessionTerminateSequence": "who connects ends it: the stream has no command line of its own",
        "OtherTextFlowType": "the type is a standard one",
    },
)
