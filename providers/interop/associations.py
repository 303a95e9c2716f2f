"""What joins the server with its host, namespaces and mechanisms, and profiles with what conforms.

Of several hosts only the one that the server's record names hosts the server.

Source: DSP1033 1.0, section 7 (CIM_ReferencedProfile, CIM_ElementConformsToProfile).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import AssocSpec, Link
from xencim.providers.host import host_system
from xencim.providers.host.pools import (
    allocation_capabilities,
    controller_pool,
    graphics_pool,
    input_pool,
    memory_pool,
    processor_pool,
)
from xencim.providers.host.rows import host_row
from xencim.providers.host.security import security_policy_service
from xencim.providers.host.services import (
    console_redirection_service,
    text_redirection_service,
    virtual_system_migration_service,
)
from xencim.providers.interop import (
    communication_mechanism,
    indications,
    namespace,
    object_manager,
    registered_profile,
)
from xencim.providers.interop.communication_mechanism import mechanisms
from xencim.providers.interop.indications import indication_service
from xencim.providers.interop.indications.indication_service import service_rows
from xencim.providers.interop.namespace import namespaces
from xencim.providers.interop.object_manager import manager, manager_rows
from xencim.providers.interop.profiles import REFERENCED_BY, REFERENCES
from xencim.providers.interop.registered_profile import profile_rows
from xencim.providers.jobs import concrete_job
from xencim.providers.logs import record_log
from xencim.providers.metrics import base_metric_definition
from xencim.providers.network import network_pool
from xencim.providers.network.switches import switch
from xencim.providers.storage import disk_pool
from xencim.providers.vm import computer_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xencim.providers.core.spec import ClassSpec, Context, Row


def _hosts_server(context: Context) -> bool:
    server, host = manager(context), context.view.host
    return (
        server is not None
        and server.system_name == host.name
        and server.system_class == f"{host.prefix}_{host_system.SPEC.cim_class}"
    )


def _on_host(element: ClassSpec, rows: Callable[[Context], Iterable[Row]]) -> Link:
    """Join the host of the server with what is the server's."""
    return Link(
        left=host_system.SPEC,
        right=element,
        rights_of=lambda context, _row: rows(context) if _hosts_server(context) else (),
        lefts_of=lambda context, _row: (host_row(context),) if _hosts_server(context) else (),
    )


def _of_manager(element: ClassSpec, rows: Callable[[Context], Iterable[Row]]) -> Link:
    return Link(
        left=object_manager.SPEC,
        right=element,
        rights_of=lambda context, _row: rows(context),
        lefts_of=lambda context, _row: manager_rows(context),
    )


HOSTED_SERVICE = AssocSpec(
    cim_class="HostedService",
    left_role="Antecedent",
    right_role="Dependent",
    links=(_on_host(object_manager.SPEC, manager_rows), _on_host(indication_service.SPEC, service_rows)),
)

HOSTED_ACCESS_POINT = AssocSpec(
    cim_class="HostedAccessPoint",
    left_role="Antecedent",
    right_role="Dependent",
    links=(_on_host(communication_mechanism.SPEC, mechanisms),),
)

NAMESPACE_IN_MANAGER = AssocSpec(
    cim_class="CIM_NamespaceInManager",
    left_role="Antecedent",
    right_role="Dependent",
    links=(_of_manager(namespace.SPEC, namespaces),),
)

COMM_MECHANISM_FOR_MANAGER = AssocSpec(
    cim_class="CIM_CommMechanismForManager",
    left_role="Antecedent",
    right_role="Dependent",
    links=(_of_manager(communication_mechanism.SPEC, mechanisms),),
)

REFERENCED_PROFILE = AssocSpec(
    cim_class="ReferencedProfile",
    left_role="Antecedent",  # the profile that is referred to
    right_role="Dependent",
    profiles=("DSP1033",),
    links=(
        Link(
            left=registered_profile.SPEC,
            right=registered_profile.SPEC,
            rights_of=lambda context, row: profile_rows(context, REFERENCED_BY[row[0].number]),
            lefts_of=lambda context, row: profile_rows(context, REFERENCES.get(row[0].number, ())),
        ),
    ),
)


def _conforms(number: str, element: ClassSpec) -> Link:
    def rights_of(context: Context, row: Row) -> Iterable[Row]:
        return element.rows.all(context) if row[0].number == number else ()

    def lefts_of(context: Context, _row: Row) -> Iterable[Row]:
        return profile_rows(context, (number,))

    return Link(left=registered_profile.SPEC, right=element, rights_of=rights_of, lefts_of=lefts_of)


POOL_PROFILES = {
    "DSP1044": (processor_pool.SPEC,),
    "DSP1045": (memory_pool.SPEC,),
    "DSP1047": (disk_pool.SPEC,),
    "DSP1050": (network_pool.SPEC,),
    "DSP1059": (graphics_pool.SPEC, input_pool.SPEC, controller_pool.SPEC),
}

CENTRAL_CLASSES: dict[str, tuple[ClassSpec, ...]] = {
    "DSP1033": (object_manager.SPEC,),
    "DSP1041": tuple(pool for pools in POOL_PROFILES.values() for pool in pools),
    "DSP1042": (host_system.SPEC,),
    "DSP1043": (allocation_capabilities.SPEC,),
    **POOL_PROFILES,
    "DSP1052": (host_system.SPEC, computer_system.SPEC),
    "DSP1054": (indication_service.SPEC,),
    "DSP1057": (computer_system.SPEC,),
    "DSP1010": (record_log.SPEC,),
    "DSP1053": (base_metric_definition.SPEC,),
    "DSP1024": (text_redirection_service.SPEC,),
    "DSP1076": (console_redirection_service.SPEC,),
    "DSP1081": (virtual_system_migration_service.SPEC,),
    "DSP1097": (switch.SPEC,),
    "DSP1103": (concrete_job.SPEC,),
    "SecurityPolicy": (security_policy_service.SPEC,),
}
"""The classes whose instances conform to a profile, by its number."""

ELEMENT_CONFORMS_TO_PROFILE = AssocSpec(
    cim_class="ElementConformsToProfile",
    left_role="ConformantStandard",
    right_role="ManagedElement",
    profiles=("DSP1033",),
    links=tuple(
        _conforms(number, element) for number, elements in CENTRAL_CLASSES.items() for element in elements
    ),
)

ASSOCIATIONS: tuple[AssocSpec, ...] = (
    HOSTED_SERVICE,
    HOSTED_ACCESS_POINT,
    NAMESPACE_IN_MANAGER,
    COMM_MECHANISM_FOR_MANAGER,
    REFERENCED_PROFILE,
    ELEMENT_CONFORMS_TO_PROFILE,
    *indications.ASSOCIATIONS,
)
