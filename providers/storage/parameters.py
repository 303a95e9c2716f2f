"""Storage pools in the parameters of methods.

Source: DSP1041 1.1 (CIM_ResourcePoolConfigurationService); libvirt-cim's messages where they name more.
Errors: CimError INVALID_PARAMETER, NOT_FOUND.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.records import StoragePool
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.pool_ids import pool_name

if TYPE_CHECKING:
    from xencim.providers.core.spec import MethodCall


def pool_parameter(call: MethodCall, parameter: str = "Pool") -> StoragePool:
    """Return the storage pool that a parameter refers to."""
    path = call.parameters.get(parameter.lower())
    if not isinstance(path, Path):
        raise CimError(Status.INVALID_PARAMETER, f"Missing argument `{parameter}'")
    name = named_pool(path)
    if name is None:
        raise CimError(
            Status.INVALID_PARAMETER, f"{parameter}: {path} is all storage of the host, no storage pool"
        )
    pool = call.inventory.view.get(StoragePool, name)
    if pool is None:
        raise CimError(Status.NOT_FOUND, f"{parameter}: there is no storage pool {name!r}")
    return pool


def named_pool(path: Path) -> str | None:
    """Return the name of the storage pool at a path, None for the primordial one."""
    instance_id = next((str(value) for _name, value in path.keys), "")
    try:
        _bridge, name = pool_name("Disk", instance_id)
    except LookupError:
        raise CimError(
            Status.INVALID_PARAMETER,
            f"Pool: {path} has an invalid InstanceID: a storage pool's is DiskPool/ and its name",
        ) from None
    return name
