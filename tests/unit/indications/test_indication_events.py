"""Changes of machines as indications: which, of what class, with exactly what in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.mof.values import Instance
from xencim.providers.backends.fake import FakeBackend, fake_machine
from xencim.providers.backends.records import (
    Action,
    MachineOperation,
    Nic,
    PoolState,
    PowerState,
    StoragePool,
    VirtualMachine,
)
from xencim.providers.events import told_classes

from .indication_world import destination_record, filter_record, running, subscription_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xencim.mof.values import Value
    from xencim.providers.assembly import World
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.events import Outgoing

NEW = replace(fake_machine(2), name="new", uuid="11111111-2222-3333-4444-555555555555")


class Told:
    """What is told of a world's events to one destination."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.outgoing: list[Outgoing] = []
        world.events.start(self.accept)

    def accept(self, outgoing: Sequence[Outgoing]) -> None:
        self.outgoing += outgoing

    async def want(self, *queries: str, language: str = "WQL", **settings: object) -> None:
        await self.world.subscriptions.add_destination(destination_record())
        for number, query in enumerate(queries):
            record = filter_record(f"f{number}", query=query, language=language, **settings)
            await self.world.subscriptions.add_filter(record)
            await self.world.subscriptions.add_subscription("l", subscription_record(f"f{number}"))

    @property
    def inventory(self) -> Inventory:
        return self.world.sites[0].inventory

    def machine(self, number: int = 0) -> VirtualMachine:
        return list(self.inventory.view.all(VirtualMachine).values())[number]

    def summary(self) -> list[tuple[str, str]]:
        """Class and source of each indication so far; they are forgotten."""
        found = [
            (one.indication.class_name, str(one.indication.get("SourceInstanceModelPath")).partition(":")[2])
            for one in self.outgoing
        ]
        self.outgoing.clear()
        return found


def source(outgoing: Outgoing, name: str = "SourceInstance") -> Instance:
    value = outgoing.indication.get(name)
    assert isinstance(value, Instance)
    return value


def vm(name: str) -> str:
    return f'Xen_ComputerSystem.Name="{name}",CreationClassName="Xen_ComputerSystem"'


async def test_a_machine_that_appears_and_vanishes() -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT * FROM CIM_InstIndication")
        told.inventory.put(NEW)
        created = told.summary()
        assert created[:2] == [
            ("Xen_ComputerSystemCreatedIndication", vm("new")),
            (
                "Xen_VirtualSystemSettingDataCreatedIndication",
                'Xen_VirtualSystemSettingData.InstanceID="Xen:new"',
            ),
        ]
        assert {name for name, _ in created[2:]} == {"Xen_ResourceAllocationSettingDataCreatedIndication"}
        settings = [path for _, path in created[2:]]
        assert 'Xen_DiskResourceAllocationSettingData.InstanceID="new/xvda"' in settings
        assert len(settings) == 10
        told.inventory.remove(VirtualMachine, NEW.uuid)
        deleted = told.summary()
        # What is part of the machine goes before it.
        assert deleted[-1] == ("Xen_ComputerSystemDeletedIndication", vm("new"))
        assert sorted(path for _, path in deleted) == sorted(path for _, path in created)


async def test_a_modification_has_before_and_after_and_all_that_clients_look_at() -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT * FROM Xen_ComputerSystemModifiedIndication")
        machine = told.machine()
        told.inventory.put(replace(machine, state=PowerState.PAUSED))
        [one] = told.outgoing
        assert (one.destination, one.filter) == ("l", "f0")
        values = {name: typed.value for name, typed in one.indication.properties.items()}
        assert values.keys() == {
            "IndicationIdentifier",
            "IndicationTime",
            "PerceivedSeverity",
            "SourceInstance",
            "SourceInstanceModelPath",
            "SourceInstanceHost",
            "PreviousInstance",
            "ChangedPropertyNames",
        }
        assert values["IndicationIdentifier"] == machine.uuid
        assert values["SourceInstanceModelPath"] == f"//fake.example/root/virt:{vm(machine.name)}"
        assert values["SourceInstanceHost"] == "fake.example"
        assert values["ChangedPropertyNames"] == (
            "OperationalStatus",
            "StatusDescriptions",
            "OperatingStatus",
            "EnabledState",
            "AvailableRequestedStates",
        )
        now, before = source(one), source(one, "PreviousInstance")
        assert (now.class_name, now.get("Name")) == ("Xen_ComputerSystem", machine.name)
        assert (now.get("EnabledState"), before.get("EnabledState")) == (9, 2)


async def test_records_that_change_nothing_to_clients_are_no_event() -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT * FROM CIM_InstIndication")
        told.inventory.put(replace(told.machine(), id=4711))
        told.inventory.put(StoragePool(name="p", uuid="u", type="dir", state=PoolState.RUNNING))
        assert told.summary() == []


async def test_indications_hold_what_registrations_say_of_their_classes() -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT * FROM CIM_InstIndication")
        told.inventory.put(NEW)
        told.inventory.put(replace(NEW, state=PowerState.PAUSED))
        told.inventory.remove(VirtualMachine, NEW.uuid)
        known = dict(told_classes(world.sites[0]))
        for _, _, indication in told.outgoing:
            assert set(indication.properties) == set(known[indication.class_name])
        assert len({one.indication.class_name for one in told.outgoing}) == 7  # no settings changed


async def test_a_rename_is_a_deletion_and_a_creation() -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT * FROM CIM_InstIndication WHERE SourceInstance ISA CIM_ComputerSystem")
        machine = told.machine()
        told.inventory.put(replace(machine, name="other"))
        assert told.summary() == [
            ("Xen_ComputerSystemDeletedIndication", vm(machine.name)),
            ("Xen_ComputerSystemCreatedIndication", vm("other")),
        ]


async def test_what_was_asked_of_a_machine_is_told_about() -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT * FROM CIM_InstModification")
        machine = told.machine()
        told.inventory.put(MachineOperation(machine=machine.uuid, requested_state=9, in_progress=True))
        [one] = told.outgoing
        assert one.indication.get("ChangedPropertyNames") == ("RequestedState", "TransitioningToState")
        assert source(one).get("TransitioningToState") == 9
        told.summary()
        told.inventory.remove(VirtualMachine, machine.uuid)
        assert told.summary() == []


async def test_a_device_that_comes_and_changes_is_told_about_as_a_setting() -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT * FROM CIM_InstIndication")
        machine = told.machine()
        nic = Nic(mac="00:16:3e:00:00:99", source_type="network", network="default")
        with_nic = replace(machine, current=replace(machine.current, nics=(*machine.current.nics, nic)))
        told.inventory.put(with_nic)
        path = f'Xen_NetResourceAllocationSettingData.InstanceID="{machine.name}/{nic.mac}"'
        found = told.summary()
        assert ("Xen_ResourceAllocationSettingDataCreatedIndication", path) in found
        assert {name for name, _ in found} == {"Xen_ResourceAllocationSettingDataCreatedIndication"}
        slow = replace(nic, model="e1000")
        told.inventory.put(
            replace(machine, current=replace(machine.current, nics=(*machine.current.nics, slow)))
        )
        assert told.summary() == [("Xen_ResourceAllocationSettingDataModifiedIndication", path)]


@pytest.mark.parametrize(
    ("language", "query", "count"),
    [
        ("WQL", "SELECT * FROM CIM_Indication", 1),
        ("WQL", "SELECT * FROM CIM_InstCreation", 0),
        ("WQL", "SELECT * FROM CIM_AlertIndication", 0),
        ("WQL", "SELECT * FROM CIM_InstModification WHERE SourceInstance ISA 'CIM_ComputerSystem'", 1),
        ("WQL", "SELECT * FROM CIM_InstModification WHERE SourceInstance ISA 'CIM_SettingData'", 0),
        ("WQL", "SELECT * FROM CIM_InstModification WHERE SourceInstance.EnabledState = 9", 1),
        ("WQL", "SELECT * FROM CIM_InstModification WHERE SourceInstance.EnabledState = 3", 0),
        (
            "DMTF:CQL",
            (
                "SELECT * FROM CIM_InstModification WHERE SourceInstance ISA CIM_ComputerSystem AND "
                "SourceInstance.CIM_ComputerSystem::EnabledState <> "
                "PreviousInstance.CIM_ComputerSystem::EnabledState"
            ),
            1,
        ),
        ("DMTF:CQL", "SELECT * FROM CIM_InstModification WHERE ANY ChangedPropertyNames = 'Name'", 0),
        ("DMTF:CQL", "SELECT * FROM CIM_InstModification WHERE ANY ChangedPropertyNames = 'EnabledState'", 1),
    ],
)
async def test_queries_let_through_what_they_say(language: str, query: str, count: int) -> None:
    async with running() as world:
        told = Told(world)
        await told.want(query, language=language)
        told.inventory.put(replace(told.machine(), state=PowerState.PAUSED))
        assert len(told.outgoing) == count


async def test_a_list_of_properties_is_all_that_is_sent() -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT IndicationTime, SourceInstanceModelPath FROM CIM_InstModification")
        told.inventory.put(replace(told.machine(), state=PowerState.PAUSED))
        [one] = told.outgoing
        assert list(one.indication.properties) == ["IndicationTime", "SourceInstanceModelPath"]


@pytest.mark.parametrize(
    ("namespaces", "count"),
    [((), 1), (("root/cimv2",), 1), (("interop", "root/virt"), 1), (("interop",), 0)],
)
async def test_namespaces_and_their_aliases_are_where_events_happen(
    namespaces: tuple[str, ...], count: int
) -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT * FROM CIM_InstModification", namespaces=namespaces)
        told.inventory.put(replace(told.machine(), state=PowerState.PAUSED))
        assert len(told.outgoing) == count


async def test_each_subscription_is_told_by_itself() -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT * FROM CIM_InstModification", "SELECT * FROM CIM_Indication")
        told.inventory.put(replace(told.machine(), state=PowerState.PAUSED))
        assert [one.filter for one in told.outgoing] == ["f0", "f1"]


async def test_a_resync_tells_what_changed_meanwhile() -> None:
    async with running(3) as world:
        told = Told(world)
        await told.want("SELECT * FROM CIM_InstIndication WHERE SourceInstance ISA CIM_ComputerSystem")
        first, second, third = (told.machine(number) for number in range(3))
        told.inventory.replace_all(VirtualMachine, [first, replace(second, state=PowerState.CRASHED), NEW])
        assert told.summary() == [
            ("Xen_ComputerSystemDeletedIndication", vm(third.name)),
            ("Xen_ComputerSystemModifiedIndication", vm(second.name)),
            ("Xen_ComputerSystemCreatedIndication", vm("new")),
        ]


async def test_classes_carry_the_prefix_of_their_host() -> None:
    async with running(backend=FakeBackend(1, prefix="KVM")) as world:
        told = Told(world)
        await told.want("SELECT * FROM KVM_ComputerSystemModifiedIndication")
        machine = told.machine()
        await world.sites[0].backend.control(machine.uuid, Action.PAUSE, None)
        [(name, _)] = told.summary()
        assert name == "KVM_ComputerSystemModifiedIndication"


async def test_an_instance_that_cannot_be_told_keeps_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as world:
        told = Told(world)
        await told.want("SELECT * FROM CIM_InstIndication")
        [one] = (one for one in world.events._told[world.sites[0]] if one.source.subject == "ComputerSystem")

        def fail(_row: object) -> Value:
            raise ValueError("out of order")

        monkeypatch.setattr(one.served, "path", fail)
        told.inventory.put(NEW)
        assert len(told.outgoing) == 11
        assert "an instance of Xen_ComputerSystem cannot be told about" in caplog.text
