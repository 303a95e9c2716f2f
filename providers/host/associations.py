"""What joins the host with its machines, services, pools and remote displays.

An access point is hosted by the machine whose display it is: its key SystemName is the machine's, and
a key that is propagated through CIM_HostedAccessPoint tells its antecedent.

Source: DSP1042 1.0, DSP1041 1.1, DSP1076 1.0, section 7 each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import VirtualMachine
from xencim.providers.core.spec import AssocSpec, Const, Link, Prop
from xencim.providers.host import allocations, host_system
from xencim.providers.host.capabilities import ELEMENT_CAPABILITIES, SETTINGS_DEFINE_CAPABILITIES
from xencim.providers.host.pools.allocation_capabilities import POOLS
from xencim.providers.host.rows import the_host
from xencim.providers.host.services import (
    SERVICES,
    console_redirection_service,
    kvm_redirection_sap,
    resource_pool_configuration_service,
    virtual_system_management_service,
    virtual_system_snapshot_service,
)
from xencim.providers.host.services.kvm_redirection_sap import access_points
from xencim.providers.storage import storage_volume
from xencim.providers.storage.associations import VOLUME_LINK
from xencim.providers.storage.rows import all_volumes
from xencim.providers.vm import computer_system, rows
from xencim.providers.vm.devices import display_controller, keyboard, pointing_device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.core.spec import ClassSpec, Context, Row
    from xencim.providers.pools.kind import PoolKind


def _machines(context: Context, _row: Row) -> Iterator[Row]:
    return (rows.machine_row(context, machine) for machine in context.view.all(VirtualMachine).values())


def _machine_of(context: Context, row: Row) -> Iterable[Row]:
    return (rows.machine_row(context, row[0]),)


def _access_points_of(context: Context, row: Row) -> Iterable[Row]:
    return access_points(context, row[0])


def _all_access_points(context: Context, _row: Row) -> Iterable[Row]:
    return kvm_redirection_sap.SPEC.rows.all(context)


HOSTED_DEPENDENCY = AssocSpec(
    cim_class="HostedDependency",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1042",),
    links=(Link(left=host_system.SPEC, right=computer_system.SPEC, rights_of=_machines, lefts_of=the_host),),
)

HOSTED_SERVICE = AssocSpec(
    cim_class="HostedService",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1042",),
    links=tuple(
        Link(left=host_system.SPEC, right=service, rights_of=the_host, lefts_of=the_host)
        for service in SERVICES
    ),
)


def _hosted_pools(kind: PoolKind, pool: ClassSpec) -> Link:
    return Link(
        left=host_system.SPEC,
        right=pool,
        rights_of=lambda context, _row: kind.all(context),
        lefts_of=the_host,
    )


HOSTED_RESOURCE_POOL = AssocSpec(
    cim_class="HostedResourcePool",
    left_role="GroupComponent",
    right_role="PartComponent",
    profiles=("DSP1041", "DSP1042"),
    links=tuple(_hosted_pools(kind, pool) for kind, pool in POOLS.items()),
)

ELEMENT_ALLOCATED_FROM_POOL = AssocSpec(
    cim_class="ElementAllocatedFromPool",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1041",),
    links=(*allocations.DEVICE_LINKS, *allocations.POOL_LINKS, VOLUME_LINK),
)

HOST_SYSTEM_DEVICE = AssocSpec(
    cim_class="HostSystemDevice",
    left_role="GroupComponent",
    right_role="PartComponent",
    profiles=("DSP1047",),
    links=(
        Link(
            left=host_system.SPEC,
            right=storage_volume.SPEC,
            rights_of=lambda context, _row: all_volumes(context),
            lefts_of=the_host,
        ),
    ),
)

RESOURCE_ALLOCATION_FROM_POOL = AssocSpec(
    cim_class="ResourceAllocationFromPool",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1041",),
    links=allocations.SETTING_LINKS,
)

HOSTED_ACCESS_POINT = AssocSpec(
    cim_class="HostedAccessPoint",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1076",),
    links=(
        Link(
            left=computer_system.SPEC,
            right=kvm_redirection_sap.SPEC,
            rights_of=_access_points_of,
            lefts_of=_machine_of,
        ),
    ),
)

SERVICE_ACCESS_BY_SAP = AssocSpec(
    cim_class="ServiceAccessBySAP",
    left_role="Antecedent",
    right_role="Dependent",
    profiles=("DSP1076",),
    links=(
        Link(
            left=console_redirection_service.SPEC,
            right=kvm_redirection_sap.SPEC,
            rights_of=_all_access_points,
            lefts_of=the_host,
        ),
    ),
)

SAP_AVAILABLE_FOR_ELEMENT = AssocSpec(
    cim_class="SAPAvailableForElement",
    left_role="AvailableSAP",
    right_role="ManagedElement",
    profiles=("DSP1076",),
    links=(
        Link(
            left=kvm_redirection_sap.SPEC,
            right=computer_system.SPEC,
            rights_of=_machine_of,
            lefts_of=_access_points_of,
        ),
    ),
)

_MANAGES = (Prop("ElementEffects", Const((5,)), source="constant: DSP1042, the service manages the element"),)


def _managed(
    service: ClassSpec,
    element: ClassSpec,
    elements: Callable[[Context, Row], Iterable[Row]],
    services: Callable[[Context, Row], Iterable[Row]] = the_host,
) -> Link:
    return Link(left=element, right=service, rights_of=services, lefts_of=elements, props=_MANAGES)


def _has_display(machine: VirtualMachine) -> bool:
    return any(graphics.type == "vnc" for graphics in machine.current.graphics)


def _service_of_displayed(context: Context, row: Row) -> Iterable[Row]:
    return the_host(context, row) if _has_display(row[0]) else ()


def _displayed(context: Context) -> Iterator[VirtualMachine]:
    return (machine for machine in context.view.all(VirtualMachine).values() if _has_display(machine))


def _redirected(element: ClassSpec, parts: rows.Parts) -> Link:
    def elements(context: Context, _row: Row) -> Iterator[Row]:
        for machine in _displayed(context):
            yield from parts.devices(context, machine)

    return _managed(console_redirection_service.SPEC, element, elements, _service_of_displayed)


def _displayed_machines(context: Context, _row: Row) -> Iterator[Row]:
    return (rows.machine_row(context, machine) for machine in _displayed(context))


def _configured_pools(kind: PoolKind, pool: ClassSpec) -> Link:
    return _managed(resource_pool_configuration_service.SPEC, pool, lambda context, _row: kind.all(context))


SERVICE_AFFECTS_ELEMENT = AssocSpec(
    cim_class="ServiceAffectsElement",
    left_role="AffectedElement",
    right_role="AffectingElement",
    profiles=("DSP1042", "DSP1041", "DSP1076"),
    links=(
        _managed(virtual_system_management_service.SPEC, computer_system.SPEC, _machines),
        _managed(virtual_system_snapshot_service.SPEC, computer_system.SPEC, _machines),
        *(_configured_pools(kind, pool) for kind, pool in POOLS.items()),
        _managed(
            console_redirection_service.SPEC,
            computer_system.SPEC,
            _displayed_machines,
            _service_of_displayed,
        ),
        _redirected(display_controller.SPEC, rows.GRAPHICS),
        _redirected(pointing_device.SPEC, rows.POINTERS),
        _redirected(keyboard.SPEC, rows.KEYBOARDS),
    ),
    unfilled={
        "OtherElementEffectsDescriptions": "no effect is Other",
        "AssignedSequence": "a service has no order among those that affect an element",
    },
)

ASSOCIATIONS: tuple[AssocSpec, ...] = (
    HOSTED_DEPENDENCY,
    HOSTED_SERVICE,
    HOSTED_RESOURCE_POOL,
    HOSTED_ACCESS_POINT,
    ELEMENT_ALLOCATED_FROM_POOL,
    HOST_SYSTEM_DEVICE,
    RESOURCE_ALLOCATION_FROM_POOL,
    ELEMENT_CAPABILITIES,
    SETTINGS_DEFINE_CAPABILITIES,
    SERVICE_ACCESS_BY_SAP,
    SERVICE_AFFECTS_ELEMENT,
    SAP_AVAILABLE_FOR_ELEMENT,
)
