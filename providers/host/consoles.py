"""What joins the redirection services with access points, machines and the devices that are redirected.

An access point is hosted by the machine whose console it is: its key SystemName is the machine's, and
a key that is propagated through CIM_HostedAccessPoint tells its antecedent.

Source: DSP1076 1.0 and DSP1024 1.0, section 7 each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xencim.providers.backends.records import VirtualMachine
from xencim.providers.consoles import kvm_redirection_sap, text_redirection_sap
from xencim.providers.core.spec import AssocSpec, Const, Link, Prop
from xencim.providers.host.rows import the_host
from xencim.providers.host.services import console_redirection_service, text_redirection_service
from xencim.providers.vm import computer_system, rows
from xencim.providers.vm.devices import (
    console_display_controller,
    display_controller,
    keyboard,
    pointing_device,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.core.spec import ClassSpec, Context, Row

MANAGES = (Prop("ElementEffects", Const((5,)), source="constant: DSP1042, the service manages the element"),)


@dataclass(frozen=True, slots=True, eq=False)
class _Redirection:
    """One kind of console: the service, its access points, and what of a machine it redirects."""

    service: ClassSpec
    point: ClassSpec
    points_of: Callable[[Context, VirtualMachine], Iterator[Row]]
    redirects: Callable[[VirtualMachine], object]
    devices: tuple[tuple[ClassSpec, rows.Parts], ...]

    def machines(self, context: Context) -> Iterator[VirtualMachine]:
        """Yield the machines that have such a console."""
        return (one for one in context.view.all(VirtualMachine).values() if self.redirects(one))

    def machine_rows(self, context: Context, _row: Row) -> Iterator[Row]:
        """Yield the rows of these machines."""
        return (rows.machine_row(context, machine) for machine in self.machines(context))

    def points_of_row(self, context: Context, row: Row) -> Iterator[Row]:
        """Yield the access points of a row's machine."""
        return self.points_of(context, row[0])

    def all_points(self, context: Context, _row: Row) -> Iterable[Row]:
        """Return all access points."""
        return self.point.rows.all(context)

    def service_of(self, context: Context, row: Row) -> Iterable[Row]:
        """Return the service where it affects a row's machine."""
        return the_host(context, row) if self.redirects(row[0]) else ()

    def affected(self) -> Iterator[Link]:
        """Yield the links of the service to machines and their devices."""
        yield self._affects(computer_system.SPEC, self.machine_rows)
        for spec, parts in self.devices:
            yield self._affects(spec, self._devices(parts))

    def _affects(self, element: ClassSpec, elements: Callable[[Context, Row], Iterable[Row]]) -> Link:
        return Link(
            left=element, right=self.service, rights_of=self.service_of, lefts_of=elements, props=MANAGES
        )

    def _devices(self, parts: rows.Parts) -> Callable[[Context, Row], Iterator[Row]]:
        return lambda context, _row: (
            device for machine in self.machines(context) for device in parts.devices(context, machine)
        )


_KINDS = (
    _Redirection(
        console_redirection_service.SPEC,
        kvm_redirection_sap.SPEC,
        kvm_redirection_sap.POINTS.of,
        kvm_redirection_sap.displays,
        (
            (display_controller.SPEC, rows.GRAPHICS),
            (pointing_device.SPEC, rows.POINTERS),
            (keyboard.SPEC, rows.KEYBOARDS),
        ),
    ),
    _Redirection(
        text_redirection_service.SPEC,
        text_redirection_sap.SPEC,
        text_redirection_sap.POINTS.of,
        text_redirection_sap.lines,
        ((console_display_controller.SPEC, rows.CONSOLES),),
    ),
)
_PROFILES = ("DSP1076", "DSP1024")


def _machine_of(context: Context, row: Row) -> Iterable[Row]:
    return (rows.machine_row(context, row[0]),)


HOSTED_ACCESS_POINT = AssocSpec(
    cim_class="HostedAccessPoint",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=_PROFILES,
    links=tuple(
        Link(left=computer_system.SPEC, right=kind.point, rights_of=kind.points_of_row, lefts_of=_machine_of)
        for kind in _KINDS
    ),
)

SERVICE_ACCESS_BY_SAP = AssocSpec(
    cim_class="ServiceAccessBySAP",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=_PROFILES,
    links=tuple(
        Link(
            left=kind.service,
            right=kind.point,
            rights_of=kind.all_points,
            lefts_of=the_host,
        )
        for kind in _KINDS
    ),
)

SAP_AVAILABLE_FOR_ELEMENT = AssocSpec(
    cim_class="SAPAvailableForElement",
    left_role="AvailableSAP",
    right_role="ManagedElement",
    profiles=_PROFILES,
    links=tuple(
        Link(left=kind.point, right=computer_system.SPEC, rights_of=_machine_of, lefts_of=kind.points_of_row)
        for kind in _KINDS
    ),
)

REDIRECTED = tuple(link for kind in _KINDS for link in kind.affected())
"""What the services affect."""
