"""The hypervisor's log of the made-up host: its lines, and how it is cleared."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from xencim.mof.repository import load
from xencim.mof.values import Path
from xencim.providers.assembly import Placement, assemble
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.core import operations as op
from xencim.providers.core.access import Access, AccessPolicy, Principal
from xencim.providers.core.asking.samples import Asked
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Instances, MethodReturn, Paths
from xencim.providers.logs.record_log import SPEC

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.providers.assembly import World

VIRT = "root/virt"
LOG = Path("Xen_RecordLog", (("InstanceID", "Xen:ConsoleLog"),), VIRT)
CLEAR = op.InvokeMethod(namespace=VIRT, object_name=LOG, method_name="ClearLog", parameters={})


@pytest.fixture
async def world() -> AsyncIterator[World]:
    policy = AccessPolicy()
    made = await assemble(load().repository, [Placement(FakeBackend(1))], policy, version="0")
    yield made
    await made.stop()


def backend_of(world: World) -> Any:  # noqa: ANN401 - the backend behind its guards
    return world.sites[0].backend._backend._backend  # type: ignore[attr-defined]


async def told(world: World, request: op.Operation) -> list[dict[str, Any]]:
    result = await world.engine.execute(request, Principal("root"))
    assert isinstance(result, Instances | Paths)
    return [
        {prop.decl.name: batch.served.value(row, prop.decl.name) for prop in batch.served.properties}
        for batch in result.batches
        for row in batch.rows
    ]


def lines() -> op.EnumerateInstances:
    return op.EnumerateInstances(namespace=VIRT, class_name="Xen_LogEntry")


async def test_lines_are_entries(world: World) -> None:
    found = await told(world, lines())
    assert [(one["InstanceID"], one["RecordID"], one["RecordData"]) for one in found] == [
        ("Xen:ConsoleLog/1", "1", "(XEN) A hypervisor made up in memory"),
        ("Xen:ConsoleLog/2", "2", "(XEN) [2026-01-01 00:00:00] Scrubbing Free RAM"),
        ("Xen:ConsoleLog/3", "3", "(XEN) *** Ready"),
    ]
    assert [one["CreationTimeStamp"] for one in found] == [
        None,
        datetime.fromisoformat("2026-01-01T00:00:00+00:00"),
        None,
    ]
    assert {one["LogInstanceID"] for one in found} == {"Xen:ConsoleLog"}
    [log] = await told(world, op.GetInstance(namespace=VIRT, instance_name=LOG))
    facts = ("CurrentNumberOfRecords", "OverwritePolicy", "LogState", "MaxNumberOfRecords")
    assert [log[name] for name in facts] == [3, 2, 2, None]


async def test_a_log_is_cleared(world: World) -> None:
    await told(world, lines())
    answer = await world.engine.execute(CLEAR, Principal("root"))
    assert isinstance(answer, MethodReturn)
    assert answer.return_value == 0
    assert await told(world, lines()) == []
    backend_of(world).log = "(XEN) more\n"
    world.sites[0].sampler.forget(Asked.LOG)
    assert [one["RecordID"] for one in await told(world, lines())] == ["4"]


async def test_who_may_not_clear_it(world: World) -> None:
    [method] = SPEC.methods
    assert method.access is Access.ADMIN
    with pytest.raises(CimError) as caught:
        await world.engine.execute(CLEAR, Principal("nobody"))
    assert caught.value.status is Status.ACCESS_DENIED
    assert len(await told(world, lines())) == 3


@pytest.mark.parametrize(("kind", "code"), [("unsupported", 1), ("timeout", 3), ("failed", 4)])
async def test_what_became_of_it_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str, code: int
) -> None:
    async def fail() -> None:
        raise BackendError(kind, "it does not")

    monkeypatch.setattr(backend_of(world), "clear_log", fail)
    answer = await world.engine.execute(CLEAR, Principal("root"))
    assert isinstance(answer, MethodReturn)
    assert answer.return_value == code
