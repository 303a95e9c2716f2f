"""A rehearsal checks what the call would check, and does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from xencim.providers.core import operations as op
from xencim.providers.core.access import Principal
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Paths

from ..security.security_world import OFF as LABELLED
from ..security.security_world import OFF_TOO, banks, secured
from .management_world import managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .management_world import Host

RUNNING, OFF = "vm-00001", "vm-00002"
ENABLED = 2


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with managing() as one:
        one.is_rehearsal = True
        yield one


async def test_what_would_be_done_is_done_by_the_call_alone(host: Host) -> None:
    before = host.view.generation
    more = host.settings("disk", Address="/images/more.img", VirtualDevice="xvdb")
    asked: dict[str, dict[str, Any]] = {
        "DefineSystem": {"SystemSettings": host.settings("system", VirtualSystemIdentifier="made")},
        "AddResourceSettings": {
            "AffectedConfiguration": host.setting("system", f"Xen:{OFF}"),
            "ResourceSettings": (more,),
        },
        "RemoveResourceSettings": {"ResourceSettings": (host.setting("disk", f"{OFF}/xvda"),)},
        "ConvertToXenTemplate": {"System": host.system(OFF)},
        "DestroySystem": {"AffectedSystem": host.system(RUNNING)},
    }
    for method, parameters in asked.items():
        assert await host.call(method, **parameters) == {}
    assert host.view.generation == before
    host.is_rehearsal = False
    for method, parameters in asked.items():
        await host.call(method, **parameters)
    assert host.view.machine_named("made") is not None
    assert host.view.machine_named(RUNNING) is None


async def test_what_the_call_refuses_is_refused_with_the_same_words(host: Host) -> None:
    async def refusals() -> list[tuple[Status, str]]:
        named = host.settings("system", VirtualSystemIdentifier=RUNNING)
        unlimited = host.settings("system", InstanceID=f"Xen:{OFF}", EnabledState=3)
        return [
            await host.refusal("DefineSystem", SystemSettings=named),
            await host.refusal("DestroySystem", AffectedSystem=host.system("nobody")),
            await host.refusal("ModifySystemSettings", SystemSettings=unlimited),
            await host.add_refused(OFF, host.settings("disk", VirtualDevice="xvdz")),
        ]

    rehearsed = await refusals()
    host.is_rehearsal = False
    assert await refusals() == rehearsed


async def test_a_right_is_needed_as_for_the_call(host: Host) -> None:
    host.principal = Principal("nobody")
    status, _ = await host.refusal("DestroySystem", AffectedSystem=host.system(RUNNING))
    assert status is Status.ACCESS_DENIED


async def test_the_policy_s_answer_is_told_and_nobody_is_told_of_it() -> None:
    async with secured(policy=banks()) as host:
        await host.request(LABELLED, ENABLED)
        with pytest.raises(CimError) as caught:
            await host.request(OFF_TOO, ENABLED, is_rehearsal=True)
        assert caught.value.status is Status.ACCESS_DENIED
        assert f"start of '{OFF_TOO}' is refused by policy 'banks' 1.0" in caught.value.description
        before = host.inventory.view.generation
        with pytest.raises(CimError) as really:
            await host.request(OFF_TOO, ENABLED)
        assert really.value.description == caught.value.description
        assert host.inventory.view.generation > before  # the refusal's record


async def test_what_has_no_job_is_not_rehearsed() -> None:
    async with secured(policy=banks()) as host:
        root, before = Principal("root"), host.inventory.view.generation
        for cls, method in (("SecurityPolicyService", "ResetPolicy"), ("RecordLog", "ClearLog")):
            names = op.EnumerateInstanceNames(namespace="root/virt", class_name=f"Xen_{cls}")
            found = await host.world.engine.execute(names, root)
            assert isinstance(found, Paths)
            [path] = [batch.served.path(row) for batch in found.batches for row in batch.rows]
            asked = op.InvokeMethod(
                namespace="root/virt", object_name=path, method_name=method, is_rehearsal=True
            )
            with pytest.raises(CimError, match="cannot be rehearsed") as caught:
                await host.world.engine.execute(asked, root)
            assert caught.value.status is Status.NOT_SUPPORTED
        assert host.inventory.view.generation == before
