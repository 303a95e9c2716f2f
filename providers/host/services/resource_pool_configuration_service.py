"""The service that creates and removes pools and what is in them.

Storage pools and virtual networks are created here; CreateResourceInPool, DeleteResourceInPool and
RefreshResourcesInPool are libvirt-cim's additions to the schema's class.

Source: DSP1041 1.1, section 10 (CIM_ResourcePoolConfigurationService).
"""

from __future__ import annotations

from xencim.providers.core.access import Access
from xencim.providers.core.spec import ClassSpec, MethodSpec
from xencim.providers.host.rows import HOST
from xencim.providers.host.services import child_pools
from xencim.providers.host.services.common import named, service_keys, service_props
from xencim.providers.storage import pool_methods, volume_methods

_METHODS: tuple[MethodSpec, ...] = (
    MethodSpec("CreateChildResourcePool", child_pools.create_child_resource_pool, access=Access.ADMIN),
    MethodSpec("DeleteResourcePool", child_pools.delete_resource_pool, access=Access.ADMIN),
    MethodSpec(
        "DeleteResourcePoolWithContent",
        pool_methods.delete_resource_pool_with_content,
        access=Access.ADMIN,
    ),
    MethodSpec("FindPoolSources", pool_methods.find_pool_sources, access=Access.ADMIN),
    MethodSpec("CreateResourceInPool", volume_methods.create_resource_in_pool, access=Access.ADMIN),
    MethodSpec("DeleteResourceInPool", volume_methods.delete_resource_in_pool, access=Access.ADMIN),
    MethodSpec("RefreshResourcesInPool", pool_methods.refresh_resources_in_pool, access=Access.ADMIN),
)

SPEC = ClassSpec(
    cim_class="ResourcePoolConfigurationService",
    rows=HOST,
    profiles=("DSP1041",),
    keys=service_keys("RPCS"),
    props=(*named("Resource pool configuration"), *service_props(enabled=bool(_METHODS))),
    methods=_METHODS,
)
