"""Which element has which capabilities, and which settings tell what capabilities amount to.

Source: DSP1043 1.0, section 7; DSP1042 1.0, section 7 (CIM_ElementCapabilities,
CIM_SettingsDefineCapabilities).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from xencim.providers.core.spec import AssocSpec, Const, Link, Prop
from xencim.providers.host import host_system
from xencim.providers.host.pools import allocation_capabilities
from xencim.providers.host.pools.allocation_capabilities import POOLS, all_capabilities, capabilities_row
from xencim.providers.host.rows import the_host
from xencim.providers.host.security import security_policy_capabilities, security_policy_service
from xencim.providers.host.services import (
    console_redirection_service,
    console_redirection_service_capabilities,
    resource_pool_configuration_capabilities,
    resource_pool_configuration_service,
    virtual_system_management_capabilities,
    virtual_system_management_service,
    virtual_system_migration_capabilities,
    virtual_system_migration_service,
    virtual_system_migration_setting_data,
    virtual_system_snapshot_service,
    virtual_system_snapshot_service_capabilities,
    virtual_system_snapshot_setting_data,
)
from xencim.providers.host.templates import POOLS as POOL_TEMPLATES
from xencim.providers.host.templates import RESOURCES, virtual_system
from xencim.providers.host.templates.common import Level
from xencim.providers.pools.kind import pool_row
from xencim.providers.vm.associations import ELEMENT_CAPABILITIES_LINKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.core.pool_ids import PoolSource
    from xencim.providers.core.spec import ClassSpec, Context, Row
    from xencim.providers.pools.kind import PoolKind

_DEFAULT = (Prop("Characteristics", Const((2,)), source="constant: they are the element's only ones"),)


def _one_to_one(element: ClassSpec, capabilities: ClassSpec) -> Link:
    return Link(left=element, right=capabilities, rights_of=the_host, lefts_of=the_host, props=_DEFAULT)


def _of_pool(kind: PoolKind, pool: ClassSpec) -> Link:
    def rights_of(context: Context, row: Row) -> Iterable[Row]:
        return (capabilities_row(context, kind, row[0]),)

    def lefts_of(context: Context, row: Row) -> Iterable[Row]:
        return (pool_row(context, row[1]),) if row[0] is kind else ()

    return Link(
        left=pool,
        right=allocation_capabilities.SPEC,
        rights_of=rights_of,
        lefts_of=lefts_of,
        props=_DEFAULT,
    )


ELEMENT_CAPABILITIES = AssocSpec(
    cim_class="ElementCapabilities",
    left_role="ManagedElement",
    right_role="Capabilities",
    profiles=("DSP1042", "DSP1043", "DSP1057"),
    links=(
        _one_to_one(host_system.SPEC, virtual_system_management_capabilities.SPEC),
        _one_to_one(host_system.SPEC, virtual_system_migration_capabilities.SPEC),
        _one_to_one(host_system.SPEC, console_redirection_service_capabilities.SPEC),
        Link(
            left=host_system.SPEC,
            right=allocation_capabilities.SPEC,
            rights_of=lambda context, _row: all_capabilities(context),
            lefts_of=the_host,
        ),
        _one_to_one(virtual_system_management_service.SPEC, virtual_system_management_capabilities.SPEC),
        _one_to_one(virtual_system_migration_service.SPEC, virtual_system_migration_capabilities.SPEC),
        _one_to_one(virtual_system_snapshot_service.SPEC, virtual_system_snapshot_service_capabilities.SPEC),
        _one_to_one(resource_pool_configuration_service.SPEC, resource_pool_configuration_capabilities.SPEC),
        _one_to_one(console_redirection_service.SPEC, console_redirection_service_capabilities.SPEC),
        Link(
            left=security_policy_service.SPEC,
            right=security_policy_capabilities.SPEC,
            rights_of=lambda context, _row: (security_policy_capabilities.capabilities_row(context),),
            lefts_of=the_host,
            props=_DEFAULT,
        ),
        *(_of_pool(kind, pool) for kind, pool in POOLS.items()),
        *ELEMENT_CAPABILITIES_LINKS,
    ),
)

# ValueRole and ValueRange: Default or Supported; Point, Minimums, Maximums or Increments.
_ROLES = {
    Level.DEFAULT: (0, 0),
    Level.MINIMUM: (3, 1),
    Level.MAXIMUM: (3, 2),
    Level.INCREMENT: (3, 3),
}
_POINT = (
    Prop("PropertyPolicy", Const(1), source="constant: the values belong together"),
    Prop("ValueRole", Const(0), source="constant: the values are defaults"),
    Prop("ValueRange", Const(0), source="constant: each value stands for itself"),
)


class _TemplatesOfPools(Protocol):
    """The templates of a kind of pool."""

    @property
    def kind(self) -> PoolKind: ...

    def of(self, context: Context, source: PoolSource, /) -> Iterable[Row]: ...


def _templates(templates: _TemplatesOfPools, setting: ClassSpec) -> Link:
    kind = templates.kind

    def rights_of(context: Context, row: Row) -> Iterable[Row]:
        return templates.of(context, row[1]) if row[0] is kind else ()

    def lefts_of(context: Context, row: Row) -> Iterable[Row]:
        return (capabilities_row(context, kind, row[0]),)

    return Link(
        left=allocation_capabilities.SPEC,
        right=setting,
        rights_of=rights_of,
        lefts_of=lefts_of,
        props=(
            Prop("PropertyPolicy", Const(0), source="constant: a template tells the quantity only"),
            Prop("ValueRole", lambda _left, right: _ROLES[right[2]][0], source="what the template tells"),
            Prop("ValueRange", lambda _left, right: _ROLES[right[2]][1], source="what the template tells"),
        ),
    )


SETTINGS_DEFINE_CAPABILITIES = AssocSpec(
    cim_class="SettingsDefineCapabilities",
    left_role="GroupComponent",
    right_role="PartComponent",
    profiles=("DSP1043", "DSP1042"),
    links=(
        *(_templates(module.TEMPLATES, module.SPEC) for module in RESOURCES),
        *(_templates(module.TEMPLATES, module.SPEC) for module in POOL_TEMPLATES),
        Link(
            left=virtual_system_management_capabilities.SPEC,
            right=virtual_system.SPEC,
            rights_of=lambda context, _row: virtual_system.templates(context),
            lefts_of=the_host,
            props=_POINT,
        ),
        Link(
            left=virtual_system_migration_capabilities.SPEC,
            right=virtual_system_migration_setting_data.SPEC,
            rights_of=the_host,
            lefts_of=the_host,
            props=_POINT,
        ),
        Link(
            left=virtual_system_snapshot_service_capabilities.SPEC,
            right=virtual_system_snapshot_setting_data.SPEC,
            rights_of=the_host,
            lefts_of=the_host,
            props=_POINT,
        ),
    ),
)
