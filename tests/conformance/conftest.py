"""An engine over hosts made up in memory, with every class that is served."""

from __future__ import annotations

import asyncio
import pathlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from xencim.mof.repository import load
from xencim.mof.values import Path
from xencim.providers.assembly import Placement, World, assemble
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import (
    Bridge,
    Delivery,
    IndicationFilter,
    IndicationSubscription,
    Labelled,
    Listener,
    ListenerDestination,
    SnapshotKind,
    SnapshotWish,
    VirtualMachine,
    Volume,
)
from xencim.providers.core.access import AccessPolicy, Principal
from xencim.providers.core.carrying.reading import Found
from xencim.providers.core.jobs.engine import GRACE_S, JobRequest
from xencim.providers.core.results import Instances, Page, Paths
from xencim.providers.security.applying import apply
from xencim.providers.security.labelling import Target, assign

from ..unit.security.made_up_flask import MadeUpFlask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xencim.mof.values import Value
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.operations import Operation
    from xencim.providers.core.results import Result

ROOT = Principal("root")


class Asker:
    """Asks an engine as root, and unfolds what it answers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.engine = world.engine
        self.registry = world.engine.registry

    def __call__(self, request: Operation, principal: Principal = ROOT) -> Result:
        return asyncio.run(self.engine.execute(request, principal))

    def found(self, request: Operation) -> list[Found]:
        """Return the instances or paths of an answer as rows."""
        result = self(request)
        if isinstance(result, Page):
            result = result.content
        assert isinstance(result, Instances | Paths)
        return [Found(batch.served, row) for batch in result.batches for row in batch.rows]

    def paths(self, request: Operation) -> list[str]:
        """Return the paths of an answer, as text."""
        return [str(found.served.path(found.row)) for found in self.found(request)]


def make_world(*backends: FakeBackend) -> World:
    """Put an engine over backends, with two listeners."""
    world = asyncio.run(
        assemble(
            load().repository, [Placement(backend) for backend in backends], AccessPolicy(), version="0.0.0"
        )
    )
    world.announce(
        [
            Listener(url="https://fake.example:5989", scheme="https"),
            Listener(url="http://127.0.0.1:5988", scheme="http"),
        ]
    )
    return world


@pytest.fixture(scope="session")
def ask() -> Iterator[Asker]:
    """One Xen host with ten machines of all states."""
    yield from _asking(FakeBackend(10))


@pytest.fixture(scope="session")
def ask_three() -> Iterator[Asker]:
    """Two Xen hosts and one of KVM in one server."""
    yield from _asking(
        FakeBackend(3),
        FakeBackend(2, host_name="second.example"),
        FakeBackend(2, prefix="KVM", host_name="third.example"),
    )


async def _begin_jobs(world: World) -> None:
    """Leave on each site one job that succeeded and one that failed, asked of and changing all they can."""
    for site in world.sites:
        host = site.inventory.view.host.name
        systems = [
            Path(
                site.class_name("ComputerSystem"),
                (("CreationClassName", site.class_name("ComputerSystem")), ("Name", machine.name)),
            )
            for machine in list(site.inventory.view.all(VirtualMachine).values())[:2]
        ]
        service = Path(
            site.class_name("VirtualSystemManagementService"),
            (("SystemName", host), ("Name", "Management Service")),
        )
        pool = Path(site.class_name("DiskPool"), (("InstanceID", "DiskPool/default"),))
        site.jobs.grace_s = 0.0
        for name, owner, work in (("Succeed", systems[0], _succeed), ("Fail", service, _fail)):
            job = JobRequest(
                name=name,
                owner=owner,
                affected=(*systems, pool),
                queue=None,
                principal="root",
                work=work,
                kind="test",
            )
            result = await site.jobs.run(job)
            reference = result.out["Job"]
            assert isinstance(reference, Path)
            await site.jobs.finished(str(reference.key("InstanceID")).partition(":")[2])
        site.jobs.grace_s = GRACE_S


def _stack_volumes(world: World) -> None:
    """Leave on each site a volume that is based on another."""
    for site in world.sites:
        below = next(iter(site.inventory.view.all(Volume).values()))
        above = replace(
            below, name="above", path=f"{below.path}-above", backing_path=below.path, backing_format="qcow2"
        )
        site.inventory.put(above)


async def _take_snapshots(world: World) -> None:
    """Leave on each site a machine with a tree of snapshots, returned to one amid it."""
    for site in world.sites:
        uuid = next(iter(site.inventory.view.all(VirtualMachine)))
        for name, kind in (("first", SnapshotKind.FULL), ("second", SnapshotKind.DISK)):
            await site.backend.create_snapshot(uuid, SnapshotWish(name=name, kind=kind, description=name))
        await site.backend.apply_snapshot(uuid, "first")
        await site.backend.create_snapshot(uuid, SnapshotWish(name="third", kind=SnapshotKind.FULL))


async def _put_policy_in_force(world: World) -> None:
    """Leave on each site a policy in force, and labels of a machine, a volume and a network."""
    document = (pathlib.Path(__file__).parent.parent / "data" / "policies" / "rivals.xml").read_bytes()
    for site in world.sites:
        await apply(site.security, document, principal="root")
        view = site.inventory.view
        volume = next(iter(view.all(Volume).values()))
        site.inventory.put(replace(volume, name="free", path=f"{volume.path}-free"))
        site.inventory.put(Bridge(name="quiet"))
        for target, label in (
            (Target(Labelled.MACHINE, next(iter(view.all(VirtualMachine)))), "red"),
            (Target(Labelled.DISK, f"{volume.path}-free"), "red-disk"),
            (Target(Labelled.NETWORK, "bridge:quiet"), "red-disk"),
        ):
            await assign(site.security, target, label, principal="root")


async def _find_flask(world: World, backends: tuple[FakeBackend, ...]) -> None:
    """Have the hypervisors of the Xen hosts enforce too."""
    for site, backend in zip(world.sites, backends, strict=True):
        if backend.prefix == "Xen":
            backend.flask = MadeUpFlask()
            await site.security.hypervisor.tell()


async def _succeed(progress: Progress) -> Mapping[str, Value]:
    progress.tell(50, "half done")
    return {}


async def _fail(_progress: Progress) -> Mapping[str, Value]:
    raise BackendError("failed", "it went wrong", hint="try it once more")


async def _subscribe(world: World) -> None:
    """Leave two filters and two destinations, joined but for one pair; one does not get all."""
    queries = ("SELECT * FROM CIM_InstModification", "SELECT * FROM Xen_ComputerSystemDeletedIndication")
    for number, query in enumerate(queries):
        await world.subscriptions.add_filter(
            IndicationFilter(
                name=f"filter-{number}",
                query=query,
                language="WQL",
                namespaces=("root/virt",) * number,
                system_class="Xen_HostSystem",
                system_name="fake.example",
                owner="root",
            )
        )
        await world.subscriptions.add_destination(
            ListenerDestination(
                name=f"listener-{number}",
                url=f"http://127.0.0.1:{number + 1}",
                persistence=3,
                system_class="Xen_HostSystem",
                system_name="fake.example",
                owner="root",
            )
        )
    now = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    for filter_number, number in ((0, 0), (0, 1), (1, 1)):
        subscription = IndicationSubscription(
            filter=f"filter-{filter_number}",
            owner="root",
            started=now,
            changed=now,
            on_fatal_error=2,
            failure_trigger_s=60,
            repeat_policy=2,
            info="test",
        )
        await world.subscriptions.add_subscription(f"listener-{number}", subscription)
    world.server.put(
        Delivery(destination="listener-1", waiting=3, dropped=1, failing_since=now, error="refused")
    )


def _asking(*backends: FakeBackend) -> Iterator[Asker]:
    world = make_world(*backends)
    _stack_volumes(world)
    asyncio.run(_take_snapshots(world))
    asyncio.run(_begin_jobs(world))
    asyncio.run(_subscribe(world))
    asyncio.run(_put_policy_in_force(world))
    asyncio.run(_find_flask(world, backends))
    yield Asker(world)
    asyncio.run(world.stop())
