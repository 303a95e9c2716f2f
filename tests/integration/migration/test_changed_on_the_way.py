"""Machines that start anew where they are moved, and are another there: made-up hosts, real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pywbem

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import PowerState, VirtualMachine
from xencim.providers.core.errors import Status
from xencim.providers.core.reservations import Stage

from .made_up import OFF_VM, RUNNING_VM, asked

if TYPE_CHECKING:
    import pytest

    from .made_up import Host

MOVE = "MigrateVirtualSystemToHost"
RESTART = {"MigrationType": pywbem.Uint16(4)}


def setting(cls: str, **properties: Any) -> pywbem.CIMInstance:  # noqa: ANN401 - of every type
    return pywbem.CIMInstance(f"Xen_{cls}", properties)


def processors(number: int, instance_id: str = f"{RUNNING_VM}/proc") -> pywbem.CIMInstance:
    cls = "ProcResourceAllocationSettingData"
    return setting(cls, InstanceID=instance_id, VirtualQuantity=pywbem.Uint64(number))


def request(name: str, how: dict[str, Any], *resources: pywbem.CIMInstance, **system: Any) -> dict[str, Any]:  # noqa: ANN401 - of every type
    new = {"NewSystemSettingData": setting("VirtualSystemSettingData", **system)} if system else {}
    return asked(name, "there", how) | new | {"NewResourceSettingData": list(resources)}


async def test_a_machine_starts_anew_as_another(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    before = here.vm(RUNNING_VM)
    code, _out = await here.call(
        MOVE, **request(RUNNING_VM, RESTART, processors(6), Description="moved", AutoStart=pywbem.Uint16(1))
    )
    assert code == 0
    assert RUNNING_VM not in here.names()
    after = there.vm(RUNNING_VM)
    assert (after.uuid, after.state, after.autostart) == (before.uuid, PowerState.RUNNING, True)
    assert (after.current.cpu.count, after.current.description) == (6, "moved")
    assert list(there.site.reservations.open()) == []


async def test_a_machine_that_is_off_is_another_where_it_arrives(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    code, _out = await here.call(MOVE, **request(OFF_VM, {}, processors(3, f"{OFF_VM}/proc")))
    assert code == 0
    assert (there.vm(OFF_VM).state, there.vm(OFF_VM).current.cpu.count) == (PowerState.SHUT_OFF, 3)


async def test_what_does_not_go_on_the_way_is_refused_by_name(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    for given, text in (
        (request(RUNNING_VM, {}, processors(2)), "cpu.count cannot be changed while the machine runs"),
        (
            request(RUNNING_VM, RESTART, processors(2, f"{OFF_VM}/proc")),
            f"these are settings of {OFF_VM}, not {RUNNING_VM}",
        ),
        (request(RUNNING_VM, RESTART | {"WithStorage": True}), "property WithStorage of"),
        (request(RUNNING_VM, RESTART, ElementName="other"), "property ElementName of"),
    ):
        _status, told = await here.refusal(MOVE, **given)
        assert text in told
    assert (RUNNING_VM in here.names(), there.names()) == (True, [])


async def test_what_the_new_machine_needs_is_asked_for(hosts: tuple[Host, Host]) -> None:
    here, _there = hosts
    memory = setting(
        "MemResourceAllocationSettingData",
        InstanceID=f"{RUNNING_VM}/mem",
        VirtualQuantity=pywbem.Uint64(1 << 40),
        Limit=pywbem.Uint64(1 << 40),
    )
    status, text = await here.refusal(MOVE, **request(RUNNING_VM, RESTART, memory))
    assert (status, f"it needs {1 << 30} MiB of memory" in text) == (Status.FAILED, True)
    assert here.vm(RUNNING_VM).state is PowerState.RUNNING


async def test_one_that_does_not_get_there_is_started_here_again(
    hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = hosts
    seen = []

    async def fail(machine_uuid: str, _wish: object) -> None:
        machine = here.site.inventory.view.get(VirtualMachine, machine_uuid)
        assert machine is not None
        seen.append(machine.state)
        raise BackendError("failed", "the line broke")

    monkeypatch.setattr(here.fake, "migrate", fail)
    assert (await here.refusal(MOVE, **request(RUNNING_VM, RESTART)))[1] == f"{MOVE}: the line broke"
    assert seen == [PowerState.SHUT_OFF]
    assert (here.vm(RUNNING_VM).state, there.names()) == (PowerState.RUNNING, [])
    assert [one.stage for one in there.site.reservations._all.values()] == [Stage.CANCELLED]


async def test_a_promise_is_cancelled_by_the_machine_s_name(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    token = await there.prepare(here, RUNNING_VM)
    await there.call("CommitIncomingMigration", Token=token)
    method = "CancelIncomingMigration"
    assert await there.refusal(method, account="stranger", Name="other") == (
        Status.NOT_FOUND,
        f"{method}: no room is kept for a machine 'other'",
    )
    assert (await there.call(method, account="stranger", Name=RUNNING_VM))[0] == 0
    assert list(there.site.reservations.open()) == []
    for given in ({}, {"Name": RUNNING_VM, "Token": token}):
        assert await there.refusal(method, **given) == (
            Status.INVALID_PARAMETER,
            f"{method}: give the token, or the machine's name",
        )
