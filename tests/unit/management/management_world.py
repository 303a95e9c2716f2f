"""A made-up host, and the methods of its virtual system management service as the engine runs them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from xencim.cimom_glue.wire import parse_embedded_instance
from xencim.mof.repository import load
from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.assembly import Placement, World, assemble
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.core import operations as op
from xencim.providers.core.access import AccessPolicy, Principal
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import MethodReturn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Value
    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import MachineConfig, VirtualMachine

SERVICE = "VirtualSystemManagementService"
RASD = {
    "proc": "ProcResourceAllocationSettingData",
    "mem": "MemResourceAllocationSettingData",
    "disk": "DiskResourceAllocationSettingData",
    "net": "NetResourceAllocationSettingData",
    "graphics": "GraphicsResourceAllocationSettingData",
    "input": "InputResourceAllocationSettingData",
    "console": "ConsoleResourceAllocationSettingData",
    "controller": "ControllerResourceAllocationSettingData",
    "system": "VirtualSystemSettingData",
}


class Host:
    """One host of the world; the first by default."""

    def __init__(self, world: World, number: int = 0) -> None:
        self.world = world
        self.site = world.sites[number]
        self.principal = Principal("root")
        self.is_rehearsal = False

    @property
    def view(self) -> View:
        return self.site.inventory.view

    def machine(self, name: str) -> VirtualMachine:
        found = self.view.machine_named(name)
        assert found is not None, name
        return found

    def stored(self, name: str) -> MachineConfig:
        found = self.machine(name).stored
        assert found is not None, name
        return found

    def settings(self, kind: str, **properties: Any) -> Instance:  # noqa: ANN401 - of every type
        typed = {name: TypedValue(None, value) for name, value in properties.items()}
        return Instance(f"{self.site.prefix}_{RASD[kind]}", typed)

    def setting(self, kind: str, instance_id: str) -> Path:
        return Path(f"{self.site.prefix}_{RASD[kind]}", (("InstanceID", instance_id),))

    def system(self, name: str) -> Path:
        cls = f"{self.site.prefix}_ComputerSystem"
        return Path(cls, (("CreationClassName", cls), ("Name", name)))

    async def call(self, method: str, **parameters: Value) -> dict[str, Any]:
        """Return what a method gives back; it must have been done."""
        result = await self.invoke(method, **parameters)
        assert result.return_value == 0, (method, result.return_value)
        return {p.name: p.value for p in result.out}

    async def invoke(self, method: str, **parameters: Value) -> MethodReturn:
        prefix = self.site.prefix
        keys = (
            ("SystemCreationClassName", f"{prefix}_HostSystem"),
            ("SystemName", self.view.host.name),
            ("CreationClassName", f"{prefix}_{SERVICE}"),
            ("Name", "Management Service"),
        )
        request = op.InvokeMethod(
            namespace=self.site.namespace,
            object_name=Path(f"{prefix}_{SERVICE}", keys),
            method_name=method,
            parameters={name: TypedValue(None, value) for name, value in parameters.items()},
            is_rehearsal=self.is_rehearsal,
        )
        result = await self.world.engine.execute(request, self.principal)
        assert isinstance(result, MethodReturn)
        return result

    async def refusal(self, method: str, **parameters: Value) -> tuple[Status, str]:
        """Return why a method is refused."""
        with pytest.raises(CimError) as caught:
            await self.invoke(method, **parameters)
        return caught.value.status, caught.value.description

    async def modify(self, kind: str, instance_id: str, **properties: Any) -> list[str]:  # noqa: ANN401 - as above
        """Modify one resource's settings and return the InstanceIDs that come back."""
        one = self.settings(kind, InstanceID=instance_id, **properties)
        return ids(await self.call("ModifyResourceSettings", ResourceSettings=(one,)))

    async def modify_refused(self, kind: str, instance_id: str, **properties: Any) -> tuple[Status, str]:  # noqa: ANN401 - as above
        one = self.settings(kind, InstanceID=instance_id, **properties)
        return await self.refusal("ModifyResourceSettings", ResourceSettings=(one,))

    async def add(self, name: str, *settings: Instance | str) -> list[str]:
        """Add resources to a definition (vm-00000, vm-00000;stored) and return their InstanceIDs."""
        whole = self.setting("system", f"{self.site.prefix}:{name}")
        out = await self.call("AddResourceSettings", AffectedConfiguration=whole, ResourceSettings=settings)
        return ids(out)

    async def add_refused(self, name: str, *settings: Instance | str) -> tuple[Status, str]:
        whole = self.setting("system", f"{self.site.prefix}:{name}")
        return await self.refusal(
            "AddResourceSettings", AffectedConfiguration=whole, ResourceSettings=settings
        )


def ids(out: dict[str, Any]) -> list[str]:
    """Return the InstanceIDs of the resulting settings."""
    return [str(path.key("InstanceID")) for path in out["ResultingResourceSettings"]]


@asynccontextmanager
async def managing(*backends: FakeBackend) -> AsyncIterator[Host]:
    """Put an engine over backends (eight Xen machines) until it is no longer needed."""
    world = await assemble(
        load().repository,
        [Placement(backend) for backend in backends or (FakeBackend(8),)],
        AccessPolicy(),
        version="0.0.0",
        parse_xml=parse_embedded_instance,
    )
    try:
        yield Host(world)
    finally:
        await world.stop()
