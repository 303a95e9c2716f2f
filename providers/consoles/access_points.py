"""What access points have in common: each is a part of a machine, reached while the machine runs.

Their rows are ``(machine, part, host)``.

Source: DSP1076 1.0 and DSP1024 1.0, section 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import Host, VirtualMachine
from xencim.providers.core.spec import ClassName, Const, Prop, Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from xencim.providers.core.spec import Context, Keys, Row

UNKNOWN = 0
DISABLED = 3
LISTENING = 6  # "Enabled but Offline": a client can connect
_OPERATIONAL_STATUS = {UNKNOWN: 0, DISABLED: 10, LISTENING: 2}
NO_HEALTH: Mapping[str, str] = {
    "HealthState": "nothing but OperationalStatus is known",
    "PrimaryStatus": "nothing but OperationalStatus is known",
}
"""Of no access point more is known."""


@dataclass(frozen=True, slots=True, eq=False)
class AccessPoints:
    """The access points of one kind.

    ``is_reached`` tells of a running machine's part whether it is known where it is reached.
    """

    parts: Callable[[VirtualMachine], Sequence[Any]]
    name: Callable[[VirtualMachine, Any, Host], str]
    is_reached: Callable[[VirtualMachine, Any], bool]

    def of(self, context: Context, machine: VirtualMachine) -> Iterator[Row]:
        """Yield the rows of a machine's access points."""
        return ((machine, part, context.view.host) for part in self.parts(machine))

    def _all(self, context: Context) -> Iterator[Row]:
        for machine in context.view.all(VirtualMachine).values():
            yield from self.of(context, machine)

    def _find(self, context: Context, keys: Keys) -> Row | None:
        machine = context.view.machine_named(str(keys.get("systemname")))
        rows = iter(()) if machine is None else self.of(context, machine)
        return next((row for row in rows if self.name(*row) == keys.get("name")), None)

    @property
    def rows(self) -> Rows:
        """Where instances come from."""
        return Rows(kinds=(VirtualMachine, Host), all=self._all, find=self._find)

    def keys(self, source: str) -> tuple[Prop, ...]:
        """Return the keys; ``source`` is that of the name."""
        return (
            Prop("SystemCreationClassName", ClassName("ComputerSystem"), source="the machine's class"),
            Prop("SystemName", lambda machine, *_: machine.name, source="virDomainGetName"),
            Prop("CreationClassName", ClassName(), source="the class's name"),
            Prop("Name", self.name, source=source),
        )

    def states(self, source: str) -> tuple[Prop, ...]:
        """Return the properties that tell whether it is reached; ``source`` is that of where."""
        return (
            Prop("EnabledState", self._enabled_state, source=f"virDomainGetInfo: state; {source}"),
            Prop("RequestedState", Const(12), source="constant: it follows the machine's state"),
            Prop("EnabledDefault", Const(LISTENING), source="constant: it listens while the machine runs"),
            Prop("TransitioningToState", Const(12), source="constant: as RequestedState"),
            Prop("OperationalStatus", self._operational_status, source="as EnabledState"),
        )

    def _enabled_state(self, machine: VirtualMachine, part: object, _host: Host) -> int:
        if not machine.state.is_active:
            return DISABLED
        return LISTENING if self.is_reached(machine, part) else UNKNOWN

    def _operational_status(self, machine: VirtualMachine, part: object, host: Host) -> tuple[int, ...]:
        return (_OPERATIONAL_STATUS[self._enabled_state(machine, part, host)],)
