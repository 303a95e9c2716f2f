"""The policy before real QEMU guests: a second start refused, one made past us destroyed; virsh looks on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.acm.language import write_policy
from xencim.acm.model import ConflictSet, Header, Label, LabelKind, Policy, Version
from xencim.providers.backends.records import (
    Action,
    CpuAllocation,
    Denial,
    Labelled,
    MachineConfig,
    MemoryAllocation,
    PowerState,
    Reaction,
    VirtualMachine,
)
from xencim.providers.core.reservations import Reservations
from xencim.providers.core.state import State
from xencim.providers.security.applying import apply, set_reaction
from xencim.providers.security.enforcement.guard import guarded
from xencim.providers.security.enforcement.keeper import Security
from xencim.providers.security.enforcement.refusals import DeniedError
from xencim.providers.security.labelling import Target, assign

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = pytest.mark.libvirtd

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"

ONE, TWO = (f"50000000-0000-4000-8000-0000000000a{n}" for n in (1, 2))
GUEST = MachineConfig(
    cpu=CpuAllocation(count=1, maximum=1),
    memory=MemoryAllocation(current_kib=65536, maximum_kib=65536),
    domain_type="qemu",
    machine="pc",
)


def label(name: str, *types: str) -> Label:
    return Label(name, LabelKind.MACHINE, frozenset(types), frozenset({name}))


RIVALS = Policy(
    Header("rivals", Version(1, 0)),
    ste_types=("a", "b"),
    chinese_wall_types=("a", "b", "host"),
    conflict_sets=(ConflictSet("rivals", frozenset({"a", "b"})),),
    bootstrap="host",
    machine_labels=(label("host", "a", "b"), label("a", "a"), label("b", "b")),
)


async def test_rivals_do_not_run_at_once(backends: Start, libvirtd: Libvirtd) -> None:
    backend, inventory = await backends(libvirtd.uri)
    state, security = State.open(None), Security(inventory, backend, Reservations())
    await security.start(state, "test")
    secured = guarded(backend, security)
    await apply(security, write_policy(RIVALS), principal="alice")
    for uuid, name in ((ONE, "a"), (TWO, "b")):
        await assign(security, Target(Labelled.MACHINE, uuid), name, principal="alice")
        await secured.define(f"rival-{name}", GUEST, uuid=uuid)
    try:
        await secured.control(ONE, Action.START, 30)
        with pytest.raises(DeniedError, match="in conflict with 'rival-a' running with label 'a'"):
            await secured.control(TWO, Action.START, 30)
        assert libvirtd.virsh("list", "--name").split() == ["rival-a"]
        await set_reaction(security, Reaction.DESTROY, principal="alice")
        libvirtd.virsh("start", "rival-b")
        while not inventory.view.all(Denial).get("2"):
            await next_change(inventory)
        await security.settled()
        assert inventory.view.all(Denial)["2"].outcome == "destroyed"
        assert libvirtd.virsh("list", "--name").split() == ["rival-a"]
        await secured.control(ONE, Action.DESTROY, 10)
        await secured.control(TWO, Action.START, 30)
        assert inventory.view.all(VirtualMachine)[TWO].state is PowerState.RUNNING
    finally:
        for uuid in (ONE, TWO):
            await backend.undefine(uuid)
        await security.stop()
        state.close()


async def next_change(inventory: Inventory) -> None:
    changed = asyncio.Event()
    end = inventory.subscribe(lambda _old, _new: changed.set())
    try:
        await asyncio.wait_for(changed.wait(), 30)
    finally:
        end()
