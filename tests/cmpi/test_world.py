"""Everything that the embedded server serves, through the provider library: the same objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from xencim.cimom_glue.cmpi import CmpiServer, CmpiSettings
from xencim.mof.repository import load
from xencim.providers.assembly import Placement, World, assemble
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.core.access import AccessPolicy, Principal
from xencim.providers.core.operations import EnumerateInstances
from xencim.providers.core.results import Instances

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.cmpi.conftest import Built, Daemon


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = await assemble(load().repository, [Placement(FakeBackend(3))], AccessPolicy(), version="0.0.0")
    yield made
    await made.stop()


async def test_every_class_has_the_instances_it_has_in_the_engine(
    plain: Built, daemon: Daemon, world: World
) -> None:
    engine = world.engine
    counted = {}
    answered = {}
    async with daemon(engine) as socket:
        for namespace in engine.registry.namespaces.values():
            for name in sorted({served.name for served in namespace.served}):
                request = EnumerateInstances(namespace=namespace.name, class_name=name)
                result = await engine.execute(request, Principal("root"))
                assert isinstance(result, Instances)
                count = sum(len(list(batch.rows)) for batch in result.batches)
                place = f"{namespace.name}:{name}"
                counted[place] = (count, count, "rc 0 ")
                names = await plain.call(socket, "names", namespace.name, name)
                whole = await plain.call(socket, "-f", "2", "enumerate", namespace.name, name, "-")
                answered[place] = (len(names.lines) - 2, len(whole.lines) - 2, whole.status)
    assert len(counted) > 60
    assert answered == counted


async def test_values_are_those_of_the_engine(plain: Built, daemon: Daemon, world: World) -> None:
    async with daemon(world.engine) as socket:
        answer = await plain.call(
            socket,
            "get",
            "root/virt",
            "Xen_ComputerSystem",
            "EnabledState,ElementName",
            "Name=vm-00001",
            "CreationClassName=Xen_ComputerSystem",
        )
    assert answer.lines == [
        'instance of Xen_ComputerSystem{ElementName="vm-00001",EnabledState=uint16 2}',
        "done",
        "rc 0 ",
    ]


async def test_references_name_the_namespaces_of_both_ends(
    plain: Built, daemon: Daemon, world: World
) -> None:
    async with daemon(world.engine) as socket:
        answer = await plain.call(socket, "enumerate", "interop", "Xen_ElementConformsToProfile", "-")
    ends = [line.partition("ConformantStandard=ref ")[2].partition(":")[0] for line in answer.lines[:-2]]
    assert ends
    assert set(ends) == {"interop"}
    assert any("ManagedElement=ref root/virt:" in line for line in answer.lines)


async def test_references_name_namespaces_as_the_cimom_calls_them(
    plain: Built, world: World, tmp_path: Path
) -> None:
    names = {"interop": "root/PG_InterOp"}
    server = CmpiServer(CmpiSettings(socket=tmp_path / "cmpi.sock", names=names), world.engine)
    await server.start()
    try:
        answer = await plain.call(
            tmp_path / "cmpi.sock", "enumerate", "root/virt", "Xen_ElementConformsToProfile", "-"
        )
    finally:
        await server.stop()
    assert answer.status == "rc 0 "
    ends = {line.partition("ConformantStandard=ref ")[2].partition(":")[0] for line in answer.lines[:-2]}
    assert ends == {"root/PG_InterOp"}


async def test_a_method_runs_with_the_callers_rights(plain: Built, daemon: Daemon, world: World) -> None:
    machine = ("Name=vm-00002", "CreationClassName=Xen_ComputerSystem")
    call = ("invoke", "root/virt", "Xen_ComputerSystem", "RequestStateChange", "-", *machine)
    async with daemon(world.engine) as socket:
        refused = await plain.call(socket, "-p", "nobody", *call)
        allowed = await plain.call(socket, *call)
    assert refused.status.startswith("rc 2 'nobody' has no read access")
    assert allowed.status == "rc 0 "
    assert [line for line in allowed.lines if line.startswith("value")] == ["value uint32 5"], json.dumps(
        allowed.lines
    )
