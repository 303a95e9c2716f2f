"""Tokens of promises at a real server: good once, for who was given them, and for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.records import Action, Snapshot, SnapshotKind
from xencim.providers.core.errors import CimError, Status

from .made_up import OFF_VM, PAUSED_VM, RUNNING_VM, machine_path

if TYPE_CHECKING:
    from .made_up import Host

COMES = f"{RUNNING_VM!r}, which comes at the wish of mover"
COMMIT = "CommitIncomingMigration"


async def test_a_token_is_used_once(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    token = await there.prepare(here, RUNNING_VM)
    code, out = await there.call(COMMIT, Token=token)
    assert (code, out["ComputerSystem"]["Name"]) == (0, RUNNING_VM)
    assert await there.refusal(COMMIT, Token=token) == (
        Status.FAILED,
        f"the token for {RUNNING_VM} has been used already",
    )
    assert await there.refusal("FinishIncomingMigration", Token=token) == (
        Status.FAILED,
        f"FinishIncomingMigration: {RUNNING_VM!r} is not here",
    )
    assert (await there.call("CancelIncomingMigration", Token=token))[0] == 0
    assert await there.refusal(COMMIT, Token=token) == (
        Status.FAILED,
        f"the token for {RUNNING_VM} was cancelled",
    )


async def test_a_token_that_was_not_used_expires(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    token = await there.prepare(here, RUNNING_VM)
    expired = datetime.now(UTC) - timedelta(seconds=1)
    [one] = there.site.reservations.open()
    await there.site.reservations._keep(replace(one, expires=expired))
    assert await there.refusal(COMMIT, Token=token) == (
        Status.FAILED,
        f"the token for {RUNNING_VM} has expired at {expired:%Y-%m-%d %H:%M:%S} UTC",
    )
    assert await there.prepare(here, RUNNING_VM) != token


async def test_unknown_tokens_and_those_of_others_look_alike(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    unknown = (Status.NOT_FOUND, "the token is not known here to be 'stranger''s")
    token = await there.prepare(here, RUNNING_VM)
    for given in (token, "made-up"):
        for method in (COMMIT, "FinishIncomingMigration", "CancelIncomingMigration"):
            assert await there.refusal(method, account="stranger", Token=given) == unknown
    assert (await there.call(COMMIT, Token=token))[0] == 0


async def test_who_only_reads_prepares_nothing(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    description = await here.site.backend.describe(here.vm(OFF_VM).uuid)
    status, _text = await there.refusal("PrepareIncomingMigration", account="reader", Definition=description)
    assert status == Status.ACCESS_DENIED
    assert list(there.site.reservations.open()) == []


async def test_a_promise_is_one_machine_s(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    await there.prepare(here, RUNNING_VM)
    description = await here.site.backend.describe(here.vm(RUNNING_VM).uuid)
    assert await there.refusal("PrepareIncomingMigration", account="stranger", Definition=description) == (
        Status.FAILED,
        f"PrepareIncomingMigration: room for a machine {RUNNING_VM!r} is kept for mover already",
    )


async def test_promised_memory_is_promised_once(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    wanted = here.vm(RUNNING_VM).current.memory.maximum_kib // 1024
    there.limit_memory(wanted + 1)
    token = await there.prepare(here, RUNNING_VM)
    description = await here.site.backend.describe(here.vm(PAUSED_VM).uuid)
    status, text = await there.refusal("PrepareIncomingMigration", Definition=description, IsActive=True)
    needed = here.vm(PAUSED_VM).current.memory.maximum_kib // 1024
    assert (status, text) == (
        Status.FAILED,
        (
            f"PrepareIncomingMigration: {PAUSED_VM} cannot run on there.example: it needs {needed} MiB of"
            f" memory, and 1 of {wanted + 1} are free"
        ),
    )
    assert (await there.call("CancelIncomingMigration", Token=token))[0] == 0
    await there.prepare(here, OFF_VM)  # takes none


async def test_a_promised_name_is_defined_by_nobody_else(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    other = here.vm(OFF_VM)
    token = await there.prepare(here, RUNNING_VM)
    status, text = await there.defined(RUNNING_VM)
    assert (status, text) == (
        Status.FAILED,
        f"definition of {RUNNING_VM!r}: the name {RUNNING_VM!r} is kept for {COMES}",
    )
    assert there.names() == []
    await there.call("CancelIncomingMigration", Token=token)
    assert (await there.defined(RUNNING_VM))[0] == 0
    assert there.vm(RUNNING_VM).uuid not in {here.vm(RUNNING_VM).uuid, other.uuid}


async def test_promised_memory_is_taken_by_no_start(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    own = replace(here.vm(OFF_VM), name="own", uuid="0f0f0f0f-0000-4000-8000-000000000000")
    there.put(own)
    wanted = here.vm(RUNNING_VM).current.memory.maximum_kib // 1024
    there.limit_memory(wanted)
    token = await there.prepare(here, RUNNING_VM)
    needed = own.current.memory.maximum_kib // 1024
    assert await there.started("own") == (
        Status.FAILED,
        f"start of 'own': it needs {needed} MiB of memory, and 0 are free beside what is kept for {COMES}",
    )
    await there.call("CancelIncomingMigration", Token=token)
    assert await there.started("own") == (0, "")


async def test_promised_memory_is_taken_by_no_return_to_a_snapshot_and_no_change(
    hosts: tuple[Host, Host],
) -> None:
    here, there = hosts
    own = replace(here.vm(RUNNING_VM), name="own", uuid="0f0f0f0f-0000-4000-8000-000000000000")
    memory = replace(own.current.memory, current_kib=own.current.memory.maximum_kib)
    config = replace(own.current, memory=memory)
    snapshot = Snapshot(name="before", kind=SnapshotKind.FULL, config=config)
    there.put(replace(own, current=config, stored=config, snapshots=(snapshot,)))
    there.limit_memory(memory.maximum_kib // 1024)
    token = await there.prepare(here, RUNNING_VM)
    backend, mib = there.site.backend, memory.maximum_kib // 1024
    await backend.apply_snapshot(own.uuid, "before")  # it has its memory already

    bigger = replace(memory, current_kib=memory.current_kib + 1024, maximum_kib=memory.maximum_kib + 1024)
    beside = f"0 are free beside what is kept for {COMES}"
    with pytest.raises(CimError) as caught:
        await backend.reconfigure(own.uuid, current=replace(config, memory=bigger))
    assert caught.value.message == f"more memory for 'own': it needs 1 MiB of memory, and {beside}"

    await backend.control(own.uuid, Action.DESTROY, None)
    there.limit_memory(memory.maximum_kib // 1024)
    with pytest.raises(CimError) as caught:
        await backend.apply_snapshot(own.uuid, "before")
    assert caught.value.message == f"return of 'own' to 'before': it needs {mib} MiB of memory, and {beside}"

    await there.call("CancelIncomingMigration", Token=token)
    await backend.apply_snapshot(own.uuid, "before")
    assert there.vm("own").state.is_active


async def test_a_machine_that_arrives_is_left_alone(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    token = await there.prepare(here, PAUSED_VM)
    await there.call(COMMIT, Token=token)
    there.put(here.vm(PAUSED_VM))  # what a hypervisor shows of a machine while it arrives
    reason = f"{PAUSED_VM} is being moved to this host at the wish of mover"
    assert await there.started(PAUSED_VM) == (Status.FAILED, f"RequestStateChange is refused: {reason}")
    assert await there.refusal(
        "MigrateVirtualSystemToHost", ComputerSystem=machine_path(PAUSED_VM), DestinationHost="nowhere"
    ) == (Status.INVALID_PARAMETER, "MigrateVirtualSystemToHost: 'nowhere' is no destination of this server")
    await there.call("FinishIncomingMigration", Token=token)
    assert await there.started(PAUSED_VM) == (0, "")
