"""A made-up host under a policy of two banks in conflict, asked through the engine."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from xencim.acm.language import write_policy
from xencim.acm.model import (
    UNLABELED,
    ConflictSet,
    Header,
    Label,
    LabelKind,
    Policy,
    PolicyReference,
    Version,
)
from xencim.mof.repository import load
from xencim.mof.values import Path, TypedValue
from xencim.providers.assembly import Placement, World, assemble
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import Labelled, VirtualMachine
from xencim.providers.core import operations as op
from xencim.providers.core.access import AccessPolicy, Principal, Rule
from xencim.providers.core.results import MethodReturn
from xencim.providers.security.applying import apply
from xencim.providers.security.labelling import Target, assign

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.model import ClassRepository
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.core.state import State
    from xencim.providers.security.enforcement.keeper import Security

A_BANK, B_BANK, SHARED, HOST = "A-Bank", "B-Bank", "Shared", "SystemManagement"
RUNNING, OFF, OFF_TOO, PAUSED = "vm-00000", "vm-00002", "vm-00006", "vm-00004"
IMAGES = "/var/lib/xen/images"
ACCESS = AccessPolicy(
    read=Rule(users=frozenset({"reader"})),
    admin=Rule(users=frozenset({"root", "admin"})),
    policy=Rule(users=frozenset({"root", "officer"})),
)


def machine_label(name: str, *ste: str, wall: tuple[str, ...] = (), previous: str | None = None) -> Label:
    return Label(name, LabelKind.MACHINE, frozenset(ste), frozenset(wall), previous)


def resource_label(name: str, ste: str, previous: str | None = None) -> Label:
    return Label(name, LabelKind.RESOURCE, frozenset({ste}), previous=previous)


def banks(version: str = "1.0", previous: str | None = None) -> Policy:
    """The policy; the unlabeled run, and use what is unlabeled, beside anybody."""
    major, minor = map(int, version.split("."))
    types = (HOST, UNLABELED, A_BANK, B_BANK)
    return Policy(
        Header(
            "banks",
            Version(major, minor),
            previous=PolicyReference("banks", previous) if previous else None,
        ),
        ste_types=types,
        chinese_wall_types=types,
        conflict_sets=(ConflictSet("RER", frozenset({A_BANK, B_BANK})),),
        bootstrap=HOST,
        machine_labels=(
            machine_label(HOST, *types, wall=(HOST,)),
            machine_label(UNLABELED, UNLABELED, wall=(UNLABELED,)),
            machine_label(A_BANK, A_BANK, UNLABELED, wall=(A_BANK,)),
            machine_label(B_BANK, B_BANK, UNLABELED, wall=(B_BANK,)),
        ),
        resource_labels=(resource_label(A_BANK, A_BANK), resource_label(B_BANK, B_BANK)),
    )


def without_b_bank(policy: Policy) -> Policy:
    """The same policy with the label of the second bank gone."""
    return replace(
        policy,
        machine_labels=tuple(label for label in policy.machine_labels if label.name != B_BANK),
        resource_labels=tuple(label for label in policy.resource_labels if label.name != B_BANK),
    )


class Secured:
    """One host under a policy."""

    def __init__(self, world: World, fake: FakeBackend) -> None:
        self.world = world
        self.fake = fake
        (self.site,) = world.sites

    @property
    def inventory(self) -> Inventory:
        return self.site.inventory

    @property
    def security(self) -> Security:
        return self.site.security

    def vm(self, name: str) -> VirtualMachine:
        found = self.inventory.view.machine_named(name)
        assert found is not None
        return found

    async def put_in_force(self, policy: Policy, expected: str | None = None) -> None:
        await apply(self.security, write_policy(policy), principal="alice", expected=expected)

    async def label(self, name: str, label: str | None) -> None:
        target = Target(Labelled.MACHINE, self.vm(name).uuid)
        await assign(self.security, target, label, principal="alice")

    async def label_disk(self, path: str, label: str | None) -> None:
        await assign(self.security, Target(Labelled.DISK, path), label, principal="alice")

    async def request(
        self, name: str, state: int, who: str = "root", *, is_rehearsal: bool = False
    ) -> MethodReturn:
        keys = (("CreationClassName", "Xen_ComputerSystem"), ("Name", name))
        asked = op.InvokeMethod(
            namespace="root/virt",
            object_name=Path("Xen_ComputerSystem", keys),
            method_name="RequestStateChange",
            parameters={"RequestedState": TypedValue("uint16", state)},
            is_rehearsal=is_rehearsal,
        )
        result = await self.world.engine.execute(asked, Principal(who))
        assert isinstance(result, MethodReturn)
        return result


@cache
def schema() -> ClassRepository:
    return load().repository


@asynccontextmanager
async def secured(
    machines: int = 8, *, state: State | None = None, policy: Policy | None = None
) -> AsyncIterator[Secured]:
    """A host of that many machines; with a policy, two that are off have the labels of the two banks."""
    fake = FakeBackend(machines)
    world = await assemble(schema(), [Placement(fake)], ACCESS, version="1", state=state)
    try:
        host = Secured(world, fake)
        if policy is not None:
            await host.put_in_force(policy)
            await host.label(OFF, A_BANK)
            await host.label(OFF_TOO, B_BANK)
        yield host
    finally:
        await world.stop()
