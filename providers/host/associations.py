"""What joins the host with its machines, services and pools.

Source: DSP1042 1.0, DSP1041 1.1, section 7 each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import VirtualMachine
from xencim.providers.core.spec import AssocSpec, Const, Link, Prop
from xencim.providers.host import allocations, host_system, hypervisor, security
from xencim.providers.host.capabilities import ELEMENT_CAPABILITIES, SETTINGS_DEFINE_CAPABILITIES
from xencim.providers.host.consoles import (
    HOSTED_ACCESS_POINT,
    MANAGES,
    REDIRECTED,
    SAP_AVAILABLE_FOR_ELEMENT,
    SERVICE_ACCESS_BY_SAP,
)
from xencim.providers.host.pools.allocation_capabilities import POOLS
from xencim.providers.host.rows import the_host
from xencim.providers.host.services import (
    SERVICES,
    resource_pool_configuration_service,
    virtual_system_management_service,
    virtual_system_snapshot_service,
)
from xencim.providers.network.switches import switch
from xencim.providers.network.switches.associations import managed_switches, manager_of
from xencim.providers.security.rows import booleans, flasks, host_and_policy
from xencim.providers.storage import storage_volume
from xencim.providers.storage.associations import VOLUME_LINK
from xencim.providers.storage.rows import all_volumes
from xencim.providers.vm import computer_system, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.core.spec import ClassSpec, Context, Row
    from xencim.providers.pools.kind import PoolKind


def _machines(context: Context, _row: Row) -> Iterator[Row]:
    return (rows.machine_row(context, machine) for machine in context.view.all(VirtualMachine).values())


def _flasks(context: Context, _row: Row) -> Iterator[Row]:
    return flasks(context)


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
    links=(
        *(
            Link(left=host_system.SPEC, right=service, rights_of=the_host, lefts_of=the_host)
            for service in (*SERVICES, security.security_policy_service.SPEC)
        ),
        Link(
            left=host_system.SPEC,
            right=security.acm_security_module.SPEC,
            rights_of=lambda context, _row: (host_and_policy(context),),
            lefts_of=the_host,
        ),
        Link(
            left=host_system.SPEC,
            right=security.flask_security_module.SPEC,
            rights_of=_flasks,
            lefts_of=the_host,
        ),
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

RUNNING_OS = AssocSpec(
    cim_class="RunningOS",
    left_role="Antecedent",
    right_role="Dependent",
    links=(
        Link(
            left=hypervisor.SPEC,
            right=host_system.SPEC,
            rights_of=the_host,
            lefts_of=lambda context, _row: hypervisor.hypervisors(context),
        ),
    ),
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


def _managed(
    service: ClassSpec,
    element: ClassSpec,
    elements: Callable[[Context, Row], Iterable[Row]],
    services: Callable[[Context, Row], Iterable[Row]] = the_host,
) -> Link:
    return Link(left=element, right=service, rights_of=services, lefts_of=elements, props=MANAGES)


def _configured_pools(kind: PoolKind, pool: ClassSpec) -> Link:
    return _managed(resource_pool_configuration_service.SPEC, pool, lambda context, _row: kind.all(context))


SERVICE_AFFECTS_ELEMENT = AssocSpec(
    cim_class="ServiceAffectsElement",
    left_role="AffectedElement",
    right_role="AffectingElement",
    profiles=("DSP1042", "DSP1041", "DSP1076", "DSP1024"),
    links=(
        _managed(virtual_system_management_service.SPEC, computer_system.SPEC, _machines),
        _managed(virtual_system_management_service.SPEC, switch.SPEC, managed_switches, manager_of),
        _managed(virtual_system_snapshot_service.SPEC, computer_system.SPEC, _machines),
        *(_configured_pools(kind, pool) for kind, pool in POOLS.items()),
        *REDIRECTED,
    ),
    unfilled={
        "OtherElementEffectsDescriptions": "no effect is Other",
        "AssignedSequence": "a service has no order among those that affect an element",
    },
)

SECURITY_SERVICE_MANAGES_MODULE = AssocSpec(
    cim_class="SecurityServiceManagesModule",
    left_role="AffectedElement",
    right_role="AffectingElement",
    profiles=("SecurityPolicy",),
    links=(
        Link(
            left=security.acm_security_module.SPEC,
            right=security.security_policy_service.SPEC,
            rights_of=the_host,
            lefts_of=lambda context, _row: (host_and_policy(context),),
            props=MANAGES,
        ),
        Link(
            left=security.flask_security_module.SPEC,
            right=security.security_policy_service.SPEC,
            rights_of=the_host,
            lefts_of=_flasks,
            props=MANAGES,
        ),
    ),
    unfilled=SERVICE_AFFECTS_ELEMENT.unfilled,
)

ELEMENT_SETTING_DATA = AssocSpec(
    cim_class="ElementSettingData",
    left_role="ManagedElement",
    right_role="SettingData",
    links=(
        Link(
            left=security.flask_security_module.SPEC,
            right=security.policy_boolean.SPEC,
            rights_of=lambda context, _row: booleans(context),
            lefts_of=_flasks,
            props=(
                Prop("IsDefault", Const(0), source="constant: no tool tells what a policy begins with"),
                Prop("IsCurrent", Const(1), source="constant: the value is the one in force"),
                Prop("IsNext", Const(0), source="constant: the next policy or boot sets it anew"),
            ),
        ),
    ),
)

ASSOCIATIONS: tuple[AssocSpec, ...] = (
    HOSTED_DEPENDENCY,
    HOSTED_SERVICE,
    HOSTED_RESOURCE_POOL,
    HOSTED_ACCESS_POINT,
    ELEMENT_ALLOCATED_FROM_POOL,
    RUNNING_OS,
    HOST_SYSTEM_DEVICE,
    RESOURCE_ALLOCATION_FROM_POOL,
    ELEMENT_CAPABILITIES,
    SETTINGS_DEFINE_CAPABILITIES,
    SERVICE_ACCESS_BY_SAP,
    SERVICE_AFFECTS_ELEMENT,
    SAP_AVAILABLE_FOR_ELEMENT,
    SECURITY_SERVICE_MANAGES_MODULE,
    ELEMENT_SETTING_DATA,
)
