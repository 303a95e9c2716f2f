"""Where a machine's text console is reached: a terminal, a socket or a port of the host.

A console that writes to a file, or to nowhere, cannot be talked to and is no access point. A terminal has
its name from the machine's start on; what can be told of it is on the host itself (`virsh console`).

Source: DSP1024 1.0, section 10 (CIM_TextRedirectionSAP).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Console, Host, VirtualMachine
from xencim.providers.consoles.kvm_redirection_sap import DISABLED, LISTENING, UNKNOWN
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Prop, Rows
from xencim.providers.vm.rows import CONSOLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.spec import Context, Keys, Row

_CHARACTER_STREAM = 2
_REACHED = frozenset({"pty", "dev", "unix", "tcp", "udp"})
_OPERATIONAL_STATUS = {UNKNOWN: 0, DISABLED: 10, LISTENING: 2}


def lines(machine: VirtualMachine) -> list[Console]:
    """Return a machine's consoles that can be talked to."""
    return [console for console in machine.current.consoles if console.source_type in _REACHED]


def access_points(context: Context, machine: VirtualMachine) -> Iterator[Row]:
    """Yield the rows of a machine's access points: ``(machine, console, host)``."""
    host = context.view.host
    return ((machine, console, host) for console in lines(machine))


def all_access_points(context: Context) -> Iterable[Row]:
    """Yield the rows of all machines' access points."""
    for machine in context.view.all(VirtualMachine).values():
        yield from access_points(context, machine)


def _find(context: Context, keys: Keys) -> Row | None:
    machine = context.view.machine_named(str(keys.get("systemname")))
    if machine is None:
        return None
    found = access_points(context, machine)
    return next((row for row in found if CONSOLES.ident(row[1]) == keys.get("name")), None)


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


def _enabled_state(machine: VirtualMachine, console: Console, _host: Host) -> int:
    if not machine.state.is_active:
        return DISABLED
    return LISTENING if _end(console) else UNKNOWN


def _operational_status(machine: VirtualMachine, console: Console, host: Host) -> tuple[int, ...]:
    return (_OPERATIONAL_STATUS[_enabled_state(machine, console, host)],)


_SOURCE = "virDomainGetXMLDesc of the running machine: devices/console/source"

SPEC = ClassSpec(
    cim_class="TextRedirectionSAP",
    rows=Rows(kinds=(VirtualMachine, Host), all=all_access_points, find=_find),
    profiles=("DSP1024",),
    keys=(
        Prop("SystemCreationClassName", ClassName("ComputerSystem"), source="the machine's class"),
        Prop("SystemName", lambda machine, *_: machine.name, source="virDomainGetName"),
        Prop("CreationClassName", ClassName(), source="the class's name"),
        Prop("Name", _name, source="the console's number"),
    ),
    props=(
        Prop("ElementName", _name, source="the console's number"),
        Prop("Caption", _caption, source="virDomainGetName; the console's number"),
        Prop("AccessInfo", _access_info, source=_SOURCE),
        Prop(
            "TextFlowType", Const(_CHARACTER_STREAM), source="constant: what the guest sends comes as it is"
        ),
        Prop("EnabledState", _enabled_state, source="virDomainGetInfo: state; " + _SOURCE),
        Prop("RequestedState", Const(12), source="constant: it follows the machine's state"),
        Prop("EnabledDefault", Const(LISTENING), source="constant: it is there while the machine runs"),
        Prop("TransitioningToState", Const(12), source="constant: as RequestedState"),
        Prop("OperationalStatus", _operational_status, source="as EnabledState"),
    ),
    unfilled={
        "SessionTerminateSequence": "who connects ends it: the stream has no command line of its own",
        "OtherTextFlowType": "the type is a standard one",
        "HealthState": "nothing but OperationalStatus is known",
        "PrimaryStatus": "nothing but OperationalStatus is known",
    },
)
