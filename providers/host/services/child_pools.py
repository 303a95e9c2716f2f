"""CreateChildResourcePool and DeleteResourcePool by what the pool is: storage, or a virtual network.

Source: DSP1041 1.1 (CIM_ResourcePoolConfigurationService).
Errors: CimError, of the methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Instance, Path
from xencim.providers.network import network_methods
from xencim.providers.storage import pool_methods

if TYPE_CHECKING:
    from xencim.providers.core.spec import MethodCall, MethodResult


async def create_child_resource_pool(call: MethodCall) -> MethodResult:
    """Make the pool that the settings' class is for."""
    settings = call.parameters.get("settings")
    for one in settings if isinstance(settings, tuple) else ():
        if isinstance(one, Instance) and one.class_name.endswith(f"_{network_methods.SETTINGS}"):
            return await network_methods.create_child_resource_pool(call)
    return await pool_methods.create_child_resource_pool(call)


async def delete_resource_pool(call: MethodCall) -> MethodResult:
    """Take the pool away that is named."""
    pool = call.parameters.get("pool")
    if isinstance(pool, Path) and pool.class_name.endswith("_NetworkPool"):
        return await network_methods.delete_resource_pool(call)
    return await pool_methods.delete_resource_pool(call)
