"""A made-up host whose storage is asked for through the engine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

import pytest

from xencim.mof.repository import load
from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.assembly import Placement, World, assemble
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import StoragePool, Volume
from xencim.providers.core import operations as op
from xencim.providers.core.access import AccessPolicy, Principal
from xencim.providers.core.errors import CimError
from xencim.providers.core.results import Instances, MethodReturn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.model import ClassRepository
    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View

VIRT = "root/virt"
SERVICE = Path(
    "Xen_ResourcePoolConfigurationService",
    (
        ("SystemCreationClassName", "Xen_HostSystem"),
        ("SystemName", "fake.example"),
        ("CreationClassName", "Xen_ResourcePoolConfigurationService"),
        ("Name", "RPCS"),
    ),
)
MACHINE_DISK = "vm-00000.qcow2"  # of a machine that runs
STOPPED_DISK = "vm-00002.qcow2"  # of one that does not


def pool_path(name: str) -> Path:
    return Path("Xen_DiskPool", (("InstanceID", f"DiskPool/{name}"),))


def volume_path(name: str, pool: str = "default") -> Path:
    return Path(
        "Xen_StorageVolume",
        (
            ("SystemCreationClassName", "Xen_HostSystem"),
            ("SystemName", "fake.example"),
            ("CreationClassName", "Xen_StorageVolume"),
            ("DeviceID", f"{pool}/{name}"),
        ),
    )


def settings(kind: str, **properties: Value) -> Instance:
    values = {name: TypedValue(None, value) for name, value in properties.items()}
    return Instance(f"Xen_{kind}ResourceAllocationSettingData", values)


class Storage:
    """Asks one host, as root unless somebody else is named."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.inventory = world.sites[0].inventory

    @property
    def view(self) -> View:
        return self.inventory.view

    def pool(self, name: str = "default") -> StoragePool:
        return self.view.all(StoragePool)[name]

    def volume(self, name: str, pool: str = "default") -> Volume:
        return self.view.all(Volume)[f"{pool}/{name}"]

    async def call(self, path: Path, method: str, user: str = "root", **parameters: Value) -> MethodReturn:
        request = op.InvokeMethod(
            namespace=VIRT,
            object_name=path,
            method_name=method,
            parameters={name: TypedValue(None, value) for name, value in parameters.items()},
        )
        result = await self.world.engine.execute(request, Principal(user))
        assert isinstance(result, MethodReturn)
        return result

    async def refused(self, path: Path, method: str, user: str = "root", **parameters: Value) -> CimError:
        with pytest.raises(CimError) as caught:
            await self.call(path, method, user, **parameters)
        return caught.value

    async def create_pool(self, name: str | None = "new", /, **properties: Value) -> MethodReturn:
        one = settings("DiskPool", **properties)
        return await self.call(SERVICE, "CreateChildResourcePool", ElementName=name, Settings=(one,))

    async def create_volume(self, pool: str = "default", /, **properties: Value) -> MethodReturn:
        one = settings("StorageVolume", **properties)
        return await self.call(SERVICE, "CreateResourceInPool", Settings=one, Pool=pool_path(pool))

    async def delete_volume(self, pool: str = "default", /, **properties: Value) -> MethodReturn:
        one = settings("StorageVolume", **properties)
        return await self.call(SERVICE, "DeleteResourceInPool", Resource=one, Pool=pool_path(pool))

    async def associators(self, path: Path, assoc: str, role: str) -> list[str]:
        request = op.Associators(namespace=VIRT, object_name=path, assoc_class=assoc, role=role)
        result = await self.world.engine.execute(request, Principal("root"))
        assert isinstance(result, Instances)
        return [str(batch.served.path(row).key("DeviceID")) for batch in result.batches for row in batch.rows]


@asynccontextmanager
async def running() -> AsyncIterator[Storage]:
    """Put an engine over a host with three machines."""
    world = await assemble(_schema(), [Placement(FakeBackend(3))], AccessPolicy(), version="0.0.0")
    try:
        yield Storage(world)
    finally:
        await world.stop()


@cache
def _schema() -> ClassRepository:
    return load().repository


def out(result: MethodReturn) -> dict[str, str]:
    return {parameter.name: str(parameter.value) for parameter in result.out}
