"""Metrics of the made-up host, exactly; which operations ask for them, and how often."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from xencim.mof.repository import load
from xencim.mof.values import Path
from xencim.providers.assembly import Placement, assemble
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.core import operations as op
from xencim.providers.core.access import AccessPolicy, Principal
from xencim.providers.core.asking import sampler
from xencim.providers.core.results import Instances, Page, Paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.assembly import World

VIRT = "root/virt"
VALUE, DEFINITION, MACHINE = "Xen_BaseMetricValue", "Xen_BaseMetricDefinition", "Xen_ComputerSystem"


class Host:
    """A host made up in memory, and what it was asked."""

    def __init__(self, backend: FakeBackend, world: World) -> None:
        self.backend = backend
        self.world = world

    async def ask(self, request: op.Operation) -> list[Any]:
        result = await self.world.engine.execute(request, Principal("root"))
        content = result.content if isinstance(result, Page) else result
        assert isinstance(content, Instances | Paths)
        return [(batch.served, row) for batch in content.batches for row in batch.rows]

    async def values(self, request: op.Operation) -> dict[str, dict[str, Any]]:
        return {
            served.value(row, served.keys[-1].decl.name): {
                prop.decl.name: served.value(row, prop.decl.name) for prop in served.properties
            }
            for served, row in await self.ask(request)
        }


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Runner]:
    monkeypatch.setattr(sampler, "BASELINE_S", 0.0)
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def host(run: asyncio.Runner) -> Iterator[Host]:
    """Three machines, of which the third is off."""
    backend = FakeBackend(3)
    world = run.run(assemble(load().repository, [Placement(backend)], AccessPolicy(), version="0"))
    yield Host(backend, world)
    run.run(world.stop())


def of(class_name: str, *keys: tuple[str, str]) -> Path:
    return Path(class_name, keys, VIRT)


FIRST = of(MACHINE, ("CreationClassName", MACHINE), ("Name", "vm-00000"))
DEVICE = "vm-00001/00:16:3e:00:00:01"
NAMES = op.EnumerateInstanceNames(namespace=VIRT, class_name=VALUE)


def test_values_of_a_machine(run: asyncio.Runner, host: Host) -> None:
    found = run.run(host.values(op.EnumerateInstances(namespace=VIRT, class_name=VALUE)))
    # Two machines run: three of each, two of each processor, four of each disk, eight of each interface.
    assert len(found) == 2 * (3 + 2 * 4 + 8) + 2 * (1 + 2)
    assert {name: found[f"Xen:{name}"]["MetricValue"] for name in (
        "ProcessorTime/vm-00001",
        "ProcessorUtilization/vm-00001",
        "MemoryInUse/vm-00001",
        "VirtualProcessorTime/vm-00001/1",
        "VirtualProcessorPlace/vm-00001/1",
        "DiskReadBytes/vm-00001/xvda",
        "DiskWriteRequests/vm-00001/hdc",
        f"PortReceivedBytes/{DEVICE}",
        f"PortReceivedDrops/{DEVICE}",
        f"PortSentPackets/{DEVICE}",
    )} == {
        "ProcessorTime/vm-00001": "42000000000",
        "ProcessorUtilization/vm-00001": "10.00",
        "MemoryInUse/vm-00001": "2097152",
        "VirtualProcessorTime/vm-00001/1": "21000000000",
        "VirtualProcessorPlace/vm-00001/1": "3",
        "DiskReadBytes/vm-00001/xvda": "8192",
        "DiskWriteRequests/vm-00001/hdc": "4",
        f"PortReceivedBytes/{DEVICE}": "3000",
        f"PortReceivedDrops/{DEVICE}": "1",
        f"PortSentPackets/{DEVICE}": "4",
    }  # fmt: skip
    one = found["Xen:ProcessorUtilization/vm-00001"]
    assert one == {
        "InstanceID": "Xen:ProcessorUtilization/vm-00001",
        "MetricDefinitionId": "Xen:ProcessorUtilization",
        "MeasuredElementName": "vm-00001",
        "ElementName": "ProcessorUtilization of vm-00001",
        "Caption": "Share of its processors' time that the machine used of late",
        "Description": None,
        "Generation": None,
        "TimeStamp": datetime.fromisoformat("2026-01-01T00:00:10+00:00"),
        "Duration": timedelta(seconds=10),
        "MetricValue": "10.00",
        "Volatile": True,
        "BreakdownDimension": None,
        "BreakdownValue": None,
    } | {name: None for name in one if name not in _TOLD}
    assert found["Xen:ProcessorTime/vm-00001"]["Duration"] is None


_TOLD = {
    "InstanceID",
    "MetricDefinitionId",
    "MeasuredElementName",
    "ElementName",
    "Caption",
    "TimeStamp",
    "Duration",
    "MetricValue",
    "Volatile",
}


def test_what_they_mean(run: asyncio.Runner, host: Host) -> None:
    found = run.run(host.values(op.EnumerateInstances(namespace=VIRT, class_name=DEFINITION)))
    assert len(found) == 17
    share, memory = found["Xen:ProcessorUtilization"], found["Xen:MemoryInUse"]
    facts = ("DataType", "Calculable", "ChangeType", "TimeScope", "GatheringType", "ProgrammaticUnits")
    assert [share[name] for name in facts] == [5, 3, 4, 3, 4, "percent"]
    assert [memory[name] for name in facts] == [13, 3, 4, 2, 4, "byte * 2^10"]
    assert [found["Xen:DiskReadBytes"][name] for name in facts] == [13, 2, 3, 4, 4, "byte"]
    # Reading what is there to be measured asks for nothing.
    assert host.backend.samples_taken == 0


@pytest.mark.parametrize(
    "request_of",
    [
        NAMES,
        op.OpenEnumerateInstances(namespace=VIRT, class_name=VALUE, max_object_count=1),
        op.EnumerateInstances(namespace=VIRT, class_name="CIM_ManagedElement"),
        op.EnumerateInstanceNames(namespace=VIRT, class_name="Xen_MetricForME"),
        op.GetInstance(namespace=VIRT, instance_name=of(VALUE, ("InstanceID", "Xen:MemoryInUse/vm-00000"))),
        op.ExecQuery(namespace=VIRT, query_language="WQL", query="SELECT * FROM Xen_BaseMetricValue"),
        op.AssociatorNames(namespace=VIRT, object_name=FIRST),
        op.Associators(namespace=VIRT, object_name=FIRST, assoc_class="CIM_MetricForME"),
        op.References(namespace=VIRT, object_name=of(DEFINITION, ("Id", "Xen:MemoryInUse"))),
        op.OpenReferenceInstancePaths(
            namespace=VIRT, instance_name=FIRST, result_class="Xen_MetricForME", max_object_count=1
        ),
    ],
    ids=lambda request: type(request).__name__,
)
def test_operations_that_tell_values_ask_for_them(
    run: asyncio.Runner, host: Host, request_of: op.Operation
) -> None:
    assert run.run(host.ask(request_of))
    assert host.backend.samples_taken == 2


@pytest.mark.parametrize(
    "request_of",
    [
        op.EnumerateInstances(namespace=VIRT, class_name=MACHINE),
        op.GetInstance(namespace=VIRT, instance_name=FIRST),
        op.Associators(namespace=VIRT, object_name=FIRST, assoc_class="CIM_SystemDevice"),
        op.AssociatorNames(namespace=VIRT, object_name=FIRST, assoc_class="CIM_MetricDefForME"),
        op.References(namespace=VIRT, object_name=FIRST, result_class="CIM_HostedDependency"),
        op.EnumerateInstanceNames(namespace=VIRT, class_name="Xen_RecordLog"),
    ],
    ids=lambda request: type(request).__name__,
)
def test_others_do_not(run: asyncio.Runner, host: Host, request_of: op.Operation) -> None:
    assert run.run(host.ask(request_of))
    assert host.backend.samples_taken == 0


def test_many_who_ask_at_once_ask_once(run: asyncio.Runner, host: Host) -> None:
    async def all_of_them() -> set[int]:
        return {len(found) for found in await asyncio.gather(*(host.ask(NAMES) for _ in range(40)))}

    assert run.run(all_of_them()) == {44}
    assert host.backend.samples_taken == 2


def test_values_are_joined_with_what_they_are_of(run: asyncio.Runner, host: Host) -> None:
    value = of(VALUE, ("InstanceID", f"Xen:PortSentBytes/{DEVICE}"))
    for assoc, expected in (
        ("Xen_MetricForME", ["Xen_NetworkPort"]),
        ("Xen_MetricInstance", [DEFINITION]),
    ):
        found = run.run(host.ask(op.AssociatorNames(namespace=VIRT, object_name=value, assoc_class=assoc)))
        assert [served.name for served, _row in found] == expected
    of_machine = run.run(
        host.values(op.Associators(namespace=VIRT, object_name=FIRST, assoc_class="Xen_MetricForME"))
    )
    assert list(of_machine) == [
        "Xen:ProcessorTime/vm-00000",
        "Xen:ProcessorUtilization/vm-00000",
        "Xen:MemoryInUse/vm-00000",
    ]
