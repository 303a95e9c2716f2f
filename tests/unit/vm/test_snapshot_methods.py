"""The snapshot service on a made-up host: what is taken, returned to and removed, and every refusal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.backends.records import PowerState, VirtualMachine
from xencim.providers.core import operations as op
from xencim.providers.core.access import Principal
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Instances, MethodReturn
from xencim.providers.snapshots import RECONCILERS

from ..management.management_world import Host, managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.mof.values import Value

RUNNING, PAUSED, OFF = "vm-00000", "vm-00004", "vm-00002"
SETTINGS = "Xen_VirtualSystemSnapshotSettingData"
FULL, DISK, MEMORY, MEMORY_THEN_OFF = 2, 3, 32768, 32769
UNSUPPORTED, INVALID_STATE, INVALID_TYPE = 1, 5, 6


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with managing() as made:
        yield made


async def invoke(host: Host, method: str, **parameters: Value) -> MethodReturn:
    keys = (
        ("SystemCreationClassName", "Xen_HostSystem"),
        ("SystemName", host.view.host.name),
        ("CreationClassName", "Xen_VirtualSystemSnapshotService"),
        ("Name", "SnapshotService"),
    )
    request = op.InvokeMethod(
        namespace="root/virt",
        object_name=Path("Xen_VirtualSystemSnapshotService", keys),
        method_name=method,
        parameters={name: TypedValue(None, value) for name, value in parameters.items()},
    )
    result = await host.world.engine.execute(request, host.principal)
    assert isinstance(result, MethodReturn)
    return result


async def refused(host: Host, method: str, **parameters: Value) -> tuple[Status, str]:
    with pytest.raises(CimError) as caught:
        await invoke(host, method, **parameters)
    return caught.value.status, caught.value.description


def settings(**properties: Any) -> Instance:  # noqa: ANN401 - of every type
    return Instance(SETTINGS, {name: TypedValue(None, value) for name, value in properties.items()})


async def take(host: Host, machine: str, name: str, kind: int = FULL, **more: Any) -> str:  # noqa: ANN401 - as above
    result = await invoke(
        host,
        "CreateSnapshot",
        AffectedSystem=host.system(machine),
        SnapshotSettings=settings(ElementName=name, **more),
        SnapshotType=kind,
    )
    assert result.return_value == 0
    (out,) = result.out
    assert out.name == "ResultingSnapshot"
    assert isinstance(out.value, Path)
    return str(out.value.key("InstanceID"))


def snapshot(instance_id: str) -> Path:
    return Path("Xen_VirtualSystemSettingData", (("InstanceID", instance_id),))


async def others(host: Host, path: Path, assoc: str, role: str) -> list[str]:
    request = op.Associators(namespace="root/virt", object_name=path, assoc_class=f"Xen_{assoc}", role=role)
    result = await host.world.engine.execute(request, Principal("root"))
    assert isinstance(result, Instances)
    return [str(b.served.value(row, "ElementName")) for b in result.batches for row in b.rows]


async def told(host: Host, instance_id: str) -> dict[str, Value]:
    request = op.GetInstance(namespace="root/virt", instance_name=snapshot(instance_id))
    result = await host.world.engine.execute(request, Principal("root"))
    assert isinstance(result, Instances)
    ((served, row),) = [(b.served, row) for b in result.batches for row in b.rows]
    values = {p.decl.name: served.value(row, p.decl.name) for p in served.properties}
    return {name: value for name, value in values.items() if value is not None}


async def test_a_snapshot_tells_what_its_machine_was(host: Host) -> None:
    instance_id = await take(host, RUNNING, "before", Description="all is well")
    assert instance_id == "Xen:vm-00000;snapshot/before"
    values = await told(host, instance_id)
    created = host.machine(RUNNING).snapshots[0].created
    assert {name: values[name] for name in ("ElementName", "Caption", "Notes", "Description")} == {
        "ElementName": "before",
        "Caption": "Snapshot before of vm-00000",
        "Notes": ("all is well",),
        "Description": "all is well",
    }
    assert (values["VirtualSystemType"], values["VirtualSystemIdentifier"]) == ("Xen:Snapshot:Full", RUNNING)
    assert (values["UUID"], values["CreationTime"]) == (host.machine(RUNNING).uuid, created)
    assert (values["ChangeableType"], values["Machine"]) == (0, "xenfv")
    assert "AutoStart" not in values


async def test_the_tree_is_told_by_associations(host: Host) -> None:
    first = await take(host, RUNNING, "first")
    second = await take(host, RUNNING, "second", DISK)
    system = host.system(RUNNING)
    assert await others(host, system, "LastAppliedSnapshot", "Dependent") == []
    result = await invoke(host, "ApplySnapshot", Snapshot=snapshot(first))
    assert (result.return_value, host.machine(RUNNING).state) == (0, PowerState.RUNNING)
    assert await others(host, system, "MostCurrentSnapshotInBranch", "Antecedent") == ["first"]
    third = await take(host, RUNNING, "third")
    assert await others(host, system, "SnapshotOfVirtualSystem", "Antecedent") == ["first", "second", "third"]
    assert await others(host, system, "MostCurrentSnapshotInBranch", "Antecedent") == ["third"]
    assert await others(host, system, "LastAppliedSnapshot", "Dependent") == ["first"]
    assert await others(host, snapshot(first), "SnapshotDependency", "Antecedent") == ["second", "third"]
    assert await others(host, snapshot(third), "SnapshotDependency", "Dependent") == ["first"]
    assert await others(host, snapshot(second), "SnapshotOfVirtualSystem", "Dependent") == [RUNNING]
    assert await others(host, host.system(OFF), "SnapshotOfVirtualSystem", "Antecedent") == []


async def test_a_snapshot_goes_alone_or_with_its_tree(host: Host) -> None:
    first, second = await take(host, RUNNING, "first"), await take(host, RUNNING, "second")
    await take(host, RUNNING, "third")
    result = await invoke(host, "DestroySnapshot", AffectedSnapshot=snapshot(second))
    assert result.return_value == 0
    assert [(one.name, one.parent) for one in host.machine(RUNNING).snapshots] == [
        ("first", None),
        ("third", "first"),
    ]
    result = await invoke(host, "DestroySnapshotTree", AffectedSnapshot=snapshot(first))
    machine = host.machine(RUNNING)
    assert (result.return_value, machine.snapshots, machine.current_snapshot) == (0, (), None)


async def test_what_a_machine_was_comes_back(host: Host) -> None:
    definition = host.machine(RUNNING).current
    paused, disk = await take(host, PAUSED, "p"), await take(host, RUNNING, "d", DISK)
    host.site.inventory.put(replace(host.machine(RUNNING), current=replace(definition, title="changed")))
    assert (await invoke(host, "ApplySnapshot", Snapshot=snapshot(disk))).return_value == 0
    machine = host.machine(RUNNING)
    assert (machine.state, machine.current, machine.stored) == (PowerState.SHUT_OFF, definition, None)
    assert (await invoke(host, "ApplySnapshot", Snapshot=snapshot(paused))).return_value == 0
    assert host.machine(PAUSED).state is PowerState.PAUSED


async def test_a_template_is_not_brought_back_to_life(host: Host) -> None:
    taken = await take(host, RUNNING, "full")
    machine = host.machine(RUNNING)
    as_template = replace(machine.current, is_template=True)
    host.site.inventory.put(replace(machine, state=PowerState.SHUT_OFF, current=as_template, stored=None))
    status, text = await refused(host, "ApplySnapshot", Snapshot=snapshot(taken))
    assert (status, f"{RUNNING} is a template: it is not started" in text) == (Status.NOT_SUPPORTED, True)
    assert host.machine(RUNNING).state is PowerState.SHUT_OFF


async def test_libvirt_cims_types_mean_memory(host: Host) -> None:
    await take(host, RUNNING, "m", MEMORY)
    assert host.machine(RUNNING).state is PowerState.RUNNING
    await take(host, RUNNING, "e", MEMORY_THEN_OFF)
    assert host.machine(RUNNING).state is PowerState.SHUT_OFF
    for kind, value in ((MEMORY, INVALID_STATE), (MEMORY_THEN_OFF, INVALID_STATE), (4, INVALID_TYPE)):
        result = await invoke(host, "CreateSnapshot", AffectedSystem=host.system(OFF), SnapshotType=kind)
        assert result.return_value == value, kind
    instance_id = await take(host, OFF, "whole", FULL)
    assert (await told(host, instance_id))["VirtualSystemType"] == "Xen:Snapshot:Disk"


async def test_a_snapshot_without_a_name_is_called_by_the_time(host: Host) -> None:
    for _ in range(2):
        result = await invoke(host, "CreateSnapshot", AffectedSystem=host.system(RUNNING), SnapshotType=FULL)
        assert result.return_value == 0
    first, second = (one.name for one in host.machine(RUNNING).snapshots)
    assert first < second


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ({"ElementName": "a/b"}, FULL, "property ElementName"),
        ({"ElementName": ".."}, FULL, "property ElementName"),
        ({"ElementName": "x" * 129}, FULL, "property ElementName"),
        ({"ElementName": "a\nb"}, FULL, "property ElementName"),
        ({"Description": "a\x1bb"}, FULL, "property Description"),
        ({"ChangeableType": 2}, FULL, "property ChangeableType"),
        ({"ConsistencyLevel": 7}, DISK, "ConsistencyLevel"),
        ({"ConsistencyLevel": 2}, FULL, "no guest is quiesced"),
    ],
)
async def test_settings_are_applied_or_refused_by_name(
    host: Host, properties: dict[str, Any], kind: int, words: str
) -> None:
    status, text = await refused(
        host,
        "CreateSnapshot",
        AffectedSystem=host.system(RUNNING),
        SnapshotSettings=settings(**properties),
        SnapshotType=kind,
    )
    assert status is Status.INVALID_PARAMETER
    assert words in text
    assert host.machine(RUNNING).snapshots == ()


async def test_a_guest_without_agent_is_not_quiesced(host: Host) -> None:
    status, text = await refused(
        host,
        "CreateSnapshot",
        AffectedSystem=host.system(RUNNING),
        SnapshotSettings=settings(ConsistencyLevel=2),
        SnapshotType=DISK,
    )
    assert status is Status.NOT_SUPPORTED
    assert "no agent in vm-00000 answers" in text


async def test_what_is_not_there_is_named(host: Host) -> None:
    await take(host, RUNNING, "one")
    create: dict[str, Value] = {
        "AffectedSystem": host.system(RUNNING),
        "SnapshotSettings": settings(ElementName="one"),
    }
    assert await refused(host, "CreateSnapshot", SnapshotType=FULL, **create) == (
        Status.FAILED,
        "CreateSnapshot: vm-00000 has a snapshot 'one' already",
    )
    assert (await refused(host, "CreateSnapshot", **create))[0] is Status.INVALID_PARAMETER
    assert (await refused(host, "CreateSnapshot", SnapshotType=FULL))[0] is Status.INVALID_PARAMETER
    for name, status in (
        ("Xen:vm-00000;snapshot/two", Status.NOT_FOUND),
        ("Xen:nobody;snapshot/one", Status.NOT_FOUND),
        ("Xen:vm-00000", Status.INVALID_PARAMETER),
    ):
        for method, parameter in (
            ("ApplySnapshot", "Snapshot"),
            ("DestroySnapshot", "AffectedSnapshot"),
            ("DestroySnapshotTree", "AffectedSnapshot"),
        ):
            assert (await refused(host, method, **{parameter: snapshot(name)}))[0] is status, (method, name)
    host.principal = Principal("nobody")
    status, _text = await refused(host, "DestroySnapshot", AffectedSnapshot=snapshot("Xen:vm-00000"))
    assert status is Status.ACCESS_DENIED


async def test_names_with_marks_are_told_apart(host: Host) -> None:
    machine = host.machine(RUNNING)
    odd = replace(machine, uuid="12345678-0000-4000-8000-000000000000", name="vm-00000;snapshot/a")
    host.site.inventory.put(odd)
    inner, outer = await take(host, RUNNING, "a;snapshot"), await take(host, odd.name, "b")
    assert outer == "Xen:vm-00000;;snapshot/a;snapshot/b"
    assert (await told(host, inner))["ElementName"] == "a;snapshot"
    assert (await told(host, outer))["ElementName"] == "b"


async def test_a_restarted_server_tells_what_became_of_it(host: Host) -> None:
    await take(host, RUNNING, "one")
    facts = {"machine": host.machine(RUNNING).uuid, "snapshot": "one", "was_current": "False"}
    missing = {**facts, "snapshot": "two"}
    assert RECONCILERS["CreateSnapshot"](host.view, facts) is None
    assert RECONCILERS["CreateSnapshot"](host.view, missing) == "there is no snapshot 'two'"
    for method in ("DestroySnapshot", "DestroySnapshotTree"):
        assert RECONCILERS[method](host.view, missing) is None
        assert RECONCILERS[method](host.view, facts) == "snapshot 'one' is still there"
    apply = RECONCILERS["ApplySnapshot"]
    assert apply(host.view, facts) is None
    assert apply(host.view, missing) == "the machine was not returned to snapshot 'two'"
    assert "cannot be seen" in str(apply(host.view, {**facts, "was_current": "True"}))


async def test_a_host_whose_driver_takes_none_says_so(host: Host) -> None:
    inventory = host.site.inventory
    assert inventory.view.get(VirtualMachine, host.machine(RUNNING).uuid) is not None
    for kinds, state, types in (
        (inventory.view.host.snapshot_kinds, 2, (FULL, DISK, MEMORY, MEMORY_THEN_OFF)),
        ((), 3, None),
    ):
        inventory.put(replace(inventory.view.host, snapshot_kinds=kinds))
        for name, prop, value in (
            ("VirtualSystemSnapshotService", "EnabledState", state),
            ("VirtualSystemSnapshotServiceCapabilities", "SnapshotTypesSupported", types),
            ("VirtualSystemSnapshotServiceCapabilities", "SynchronousMethodsSupported", types and (2, 3, 4)),
        ):
            request = op.EnumerateInstances(namespace="root/virt", class_name=f"Xen_{name}")
            result = await host.world.engine.execute(request, Principal("root"))
            assert isinstance(result, Instances)
            assert [b.served.value(row, prop) for b in result.batches for row in b.rows] == [value]
