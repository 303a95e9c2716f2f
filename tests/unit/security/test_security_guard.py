"""What the policy refuses on a host, and how it is told: end to end over the engine."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from xencim.acm.model import UNLABELED, XsErr
from xencim.providers.backends.base import Backend, BackendError
from xencim.providers.backends.records import (
    Action,
    AssignedLabel,
    Denial,
    Disk,
    DumpWish,
    Mode,
    PowerState,
    Reaction,
    SnapshotKind,
    SnapshotWish,
    VirtualMachine,
    Volume,
)
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.jobs.errors import describe, embedded
from xencim.providers.security.applying import set_mode, set_reaction
from xencim.providers.security.enforcement.guard import GUARDED, PASSED, GuardedBackend
from xencim.providers.security.enforcement.refusals import DeniedError
from xencim.providers.security.stores import history, store

from .security_world import A_BANK, B_BANK, IMAGES, OFF, OFF_TOO, PAUSED, RUNNING, Secured, banks, secured

ENABLED, DISABLED = 2, 3
CONFLICT = (
    f"start of '{OFF_TOO}' is refused by policy 'banks' 1.0: label 'B-Bank' is in conflict with '{OFF}' "
    "running with label 'A-Bank': conflict set 'RER' keeps Chinese Wall type 'B-Bank' from starting beside "
    "'A-Bank'"
)


def test_every_call_of_a_backend_is_guarded_or_passed_on_by_name() -> None:
    protocol = {name for name in (*vars(Backend), *Backend.__annotations__) if not name.startswith("_")}
    assert protocol == PASSED | GUARDED
    assert set(vars(GuardedBackend)) >= GUARDED
    assert not PASSED & GUARDED


async def test_the_second_of_two_in_conflict_is_refused_until_the_first_stops() -> None:
    async with secured(policy=banks()) as host:
        assert (await host.request(OFF, ENABLED)).return_value == 0
        with pytest.raises(CimError) as refused:
            await host.request(OFF_TOO, ENABLED)
        assert (refused.value.status, refused.value.description) == (Status.ACCESS_DENIED, CONFLICT)
        assert host.vm(OFF_TOO).state is PowerState.SAVED
        assert (await host.request(OFF, DISABLED)).return_value == 0
        assert (await host.request(OFF_TOO, ENABLED)).return_value == 0


async def test_a_refusal_has_its_reasons_as_data_too() -> None:
    async with secured(policy=banks()) as host:
        backend = host.site.backend
        await backend.control(host.vm(OFF).uuid, Action.START, None)
        with pytest.raises(DeniedError) as refused:
            await backend.control(host.vm(OFF_TOO).uuid, Action.START, None)
        (finding,) = refused.value.findings
        assert (finding.xserr, finding.rule) == (XsErr.VM_IN_CONFLICT, "conflict set RER")
        error = embedded(describe(refused.value), "a path")
        told = {name: typed.value for name, typed in error.properties.items()}
        assert (told["ErrorType"], told["CIMStatusCode"], told["ProbableCause"]) == (7, 2, 65)
        arguments = told["MessageArguments"]
        assert isinstance(arguments, tuple)
        assert json.loads(str(arguments[0])) == {
            "message": CONFLICT.partition("1.0: ")[2],
            "xserr": 0x101B,
            "hypervisor_code": 0x103,
            "rule": "conflict set RER",
            "labels": [B_BANK, A_BANK],
            "types": [B_BANK],
            "machines": [OFF],
        }
        (denial,) = host.inventory.view.all(Denial).values()
        assert (denial.machine_name, denial.outcome) == (OFF_TOO, "refused")
        assert (denial.action, denial.reasons[0].xserr) == (f"start of '{OFF_TOO}'", 0x101B)


async def test_two_in_conflict_cannot_start_at_once() -> None:
    async with secured(policy=banks()) as host:
        host.fake.delay_s = 0.2
        first = host.request(OFF, ENABLED)
        second = host.request(OFF_TOO, ENABLED)
        answers = await asyncio.gather(first, second, return_exceptions=True)
        assert sorted(type(answer).__name__ for answer in answers) == ["CimError", "MethodReturn"]


async def test_permissive_tells_and_refuses_nothing() -> None:
    async with secured(policy=banks()) as host:
        await set_mode(host.security, Mode.PERMISSIVE, principal="alice", reason="a try")
        await host.request(OFF, ENABLED)
        assert (await host.request(OFF_TOO, ENABLED)).return_value == 0
        assert [d.outcome for d in host.inventory.view.all(Denial).values()] == ["permitted"]


async def test_off_looks_at_nothing() -> None:
    async with secured(policy=banks()) as host:
        await set_mode(host.security, Mode.OFF, principal="alice")
        await host.request(OFF, ENABLED)
        assert (await host.request(OFF_TOO, ENABLED)).return_value == 0
        assert not host.inventory.view.all(Denial)
        await set_mode(host.security, Mode.ENFORCING, principal="alice")
        await host.request(OFF_TOO, DISABLED)
        with pytest.raises(CimError, match="in conflict with"):  # what ran meanwhile is known
            await host.request(OFF_TOO, ENABLED)


async def test_a_paused_machine_goes_on_only_if_it_still_may() -> None:
    async with secured(policy=banks()) as host:
        await host.label(PAUSED, A_BANK)
        assert (await host.request(PAUSED, ENABLED)).return_value == 0  # it is not in conflict with itself
        with pytest.raises(CimError, match="in conflict with 'vm-00004' running"):
            await host.request(OFF_TOO, ENABLED)


async def test_a_disk_of_somebody_else() -> None:
    async with secured(policy=banks()) as host:
        await host.label_disk(f"{IMAGES}/{OFF}.qcow2", B_BANK)
        with pytest.raises(CimError) as refused:
            await host.request(OFF, ENABLED)
        assert refused.value.description == (
            f"start of '{OFF}' is refused by policy 'banks' 1.0: disk 'xvda' (file:{IMAGES}/{OFF}.qcow2): a "
            "machine labelled 'A-Bank' ('__UNLABELED__', 'A-Bank') and a resource labelled 'B-Bank' "
            "('B-Bank') have no Simple Type Enforcement type in common"
        )


async def add_disk(host: Secured, name: str, path: str) -> None:
    machine = host.vm(name)
    disk = Disk(target="xvdb", bus="xen", source_type="file", source=path, driver_type="raw")
    wanted = replace(machine.current, disks=(*machine.current.disks, disk))
    await host.site.backend.reconfigure(machine.uuid, stored=wanted)


async def test_a_disk_of_somebody_else_is_not_attached() -> None:
    async with secured(policy=banks()) as host:
        await host.label_disk("/srv/b.img", B_BANK)
        with pytest.raises(
            DeniedError, match=f"^change of '{OFF}' is refused .*disk 'xvdb' \\(file:/srv/b.img"
        ):
            await add_disk(host, OFF, "/srv/b.img")
        await add_disk(host, OFF_TOO, "/srv/b.img")
        # What a machine has already is no reason against another change.
        await host.label_disk("/srv/b.img", A_BANK)
        machine = host.vm(OFF_TOO)
        await host.site.backend.reconfigure(machine.uuid, stored=replace(machine.current, title="a"))
        assert host.vm(OFF_TOO).current.title == "a"


async def test_definitions() -> None:
    async with secured(policy=banks()) as host:
        await host.label_disk("/srv/b.img", B_BANK)
        config = host.vm(OFF).current
        disk = replace(config.disks[0], source="/srv/b.img")
        with pytest.raises(DeniedError, match="definition of 'new' is refused"):
            await host.site.backend.define("new", replace(config, disks=(disk,)))
        assert host.inventory.view.machine_named("new") is None
        await host.site.backend.define("new", replace(config, disks=()))
        assert host.vm("new").name == "new"


async def test_a_copy_has_the_label_of_what_it_is_a_copy_of() -> None:
    async with secured(policy=banks()) as host:
        await host.label_disk(f"{IMAGES}/{OFF_TOO}.qcow2", B_BANK)
        source = host.inventory.view.all(Volume)[f"default/{OFF_TOO}.qcow2"]
        copy = replace(source, name="copy.qcow2", path=None)
        await host.site.backend.clone_volume(source, copy)
        with pytest.raises(DeniedError, match="resource labelled 'B-Bank'"):
            await add_disk(host, OFF, f"{IMAGES}/copy.qcow2")


async def test_a_copy_that_is_not_made_leaves_labels_as_they_were() -> None:
    async with secured(policy=banks()) as host:
        await host.label_disk(f"{IMAGES}/{OFF_TOO}.qcow2", B_BANK)
        await host.label_disk(f"{IMAGES}/{OFF}.qcow2", A_BANK)
        before = dict(host.inventory.view.all(AssignedLabel))
        source, present = (host.inventory.view.all(Volume)[f"default/{n}.qcow2"] for n in (OFF_TOO, OFF))
        with pytest.raises(BackendError, match=f"{OFF}.qcow2"):
            await host.site.backend.clone_volume(source, present)
        assert host.inventory.view.all(AssignedLabel) == before
        host.inventory.remove(Volume, present.key)
        with pytest.raises(BackendError, match="nowhere"):
            await host.site.backend.clone_volume(source, replace(present, pool="nowhere"))
        assert host.inventory.view.all(AssignedLabel) == before


async def test_a_machines_memory_goes_only_where_the_machine_may_write() -> None:
    async with secured(policy=banks()) as host:
        uuid = host.vm(OFF).uuid
        await host.request(OFF, ENABLED)
        ours, others, nobodys = (Volume(pool="default", name=name) for name in ("ours", "others", "nobodys"))
        await host.label_disk(f"{IMAGES}/ours", A_BANK)
        await host.label_disk(f"{IMAGES}/others", B_BANK)
        with pytest.raises(DeniedError) as refused:
            await host.site.backend.dump_core(uuid, others, DumpWish())
        assert refused.value.message == (
            f"dump of '{OFF}' is refused by policy 'banks' 1.0: volume 'default/others': a machine labelled "
            "'A-Bank' ('__UNLABELED__', 'A-Bank') and a resource labelled 'B-Bank' ('B-Bank') have no Simple "
            "Type Enforcement type in common"
        )
        for volume in (ours, nobodys):
            await host.site.backend.dump_core(uuid, volume, DumpWish())
        assert {"default/ours", "default/nobodys"} <= host.inventory.view.all(Volume).keys()
        assert "default/others" not in host.inventory.view.all(Volume)


async def start_past(host: Secured, name: str) -> None:
    """Have a machine run as if somebody had used the hypervisor's own tools."""
    host.inventory.put(replace(host.vm(name), state=PowerState.RUNNING, id=77))


@pytest.mark.parametrize(
    ("reaction", "state", "outcome"),
    [
        (Reaction.ALERT, PowerState.RUNNING, "alert"),
        (Reaction.PAUSE, PowerState.PAUSED, "paused"),
        (Reaction.DESTROY, PowerState.SHUT_OFF, "destroyed"),
    ],
)
async def test_machines_started_behind_our_back(reaction: Reaction, state: PowerState, outcome: str) -> None:
    async with secured(policy=banks()) as host:
        await set_reaction(host.security, reaction, principal="alice")
        await host.request(OFF, ENABLED)
        await start_past(host, OFF_TOO)
        await host.security.settled()
        assert host.vm(OFF_TOO).state is state
        (denial,) = host.inventory.view.all(Denial).values()
        assert (denial.outcome, denial.action) == (outcome, f"'{OFF_TOO}' was started past this server")


async def test_without_a_policy_everything_goes() -> None:
    async with secured() as host:
        await host.request(OFF, ENABLED)
        assert (await host.request(OFF_TOO, ENABLED)).return_value == 0
        assert host.security.label_of(host.vm(RUNNING).uuid) == UNLABELED
        with pytest.raises(BackendError, match="cannot start"):
            await host.site.backend.control(host.vm(OFF).uuid, Action.START, None)
        assert isinstance(host.vm(OFF), VirtualMachine)


async def test_a_machine_in_conflict_does_not_arrive() -> None:
    async with secured(policy=banks()) as host:
        description = await host.fake.describe(host.vm(OFF_TOO).uuid)
        incoming = await host.site.backend.admit(description)
        assert incoming.name == OFF_TOO
        await host.request(OFF, ENABLED)
        with pytest.raises(
            DeniedError, match=rf"^arrival of '{OFF_TOO}' is refused by policy 'banks' 1.0: label"
        ):
            await host.site.backend.admit(description)


async def test_a_machine_does_not_return_to_a_snapshot_with_a_disk_of_somebody_else() -> None:
    async with secured(policy=banks()) as host:
        uuid = host.vm(OFF).uuid
        wish = SnapshotWish(name="before", kind=SnapshotKind.FULL)
        await host.site.backend.create_snapshot(uuid, wish)
        await host.site.backend.apply_snapshot(uuid, "before")
        await host.label_disk(f"{IMAGES}/{OFF}.qcow2", B_BANK)
        with pytest.raises(DeniedError, match=rf"^return of '{OFF}' to snapshot 'before' is refused"):
            await host.site.backend.apply_snapshot(uuid, "before")


async def test_refusals_are_in_the_history_with_who_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT_DENIALS", 3)
    monkeypatch.setattr(store, "_DENIALS_BETWEEN", 5)
    async with secured(policy=banks()) as host:
        assert (await host.request(OFF, ENABLED)).return_value == 0
        for number in range(5):
            with pytest.raises(CimError):
                await host.request(OFF_TOO, ENABLED, who="admin" if number else "root")
        await host.security.settled()
        entries = [one for one in await host.security.store.history() if one.action == "refused"]
        assert [entry.principal for entry in entries] == ["admin"] * 3
        assert entries[0].detail.startswith(f"start of {OFF_TOO!r}: ")
        assert "conflict set 'RER'" in entries[0].detail
        applied = [one for one in await host.security.store.history() if one.action == "applied"]
        assert len(applied) == 1
