"""The inventory: change and generation, snapshots, indexes, usage, listeners."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.providers.backends.fake import fake_host, fake_machine, fake_name
from xencim.providers.backends.inventory import Inventory, View, machine_facets
from xencim.providers.backends.records import HostUsage, Network, PowerState, VirtualMachine


def named(view: View) -> list[str]:
    return sorted(machine.name for machine in view.all(VirtualMachine).values())


def test_only_a_change_makes_a_new_generation() -> None:
    inventory = Inventory()
    inventory.put(fake_machine(0))
    generation = inventory.generation
    inventory.put(fake_machine(0))
    assert inventory.generation == generation
    first = inventory.view.machine_named(fake_name(0))
    assert first is not None
    inventory.put(replace(first, state=PowerState.PAUSED))
    assert inventory.generation == generation + 1
    assert inventory.view.generation == generation + 1


def test_a_host_that_was_not_reached_says_so() -> None:
    with pytest.raises(LookupError, match="not been reached"):
        _ = Inventory().view.host


def test_a_snapshot_stays_as_it_was() -> None:
    inventory = Inventory()
    for number in range(3):
        inventory.put(fake_machine(number))
    before = inventory.snapshot()
    renamed = replace(fake_machine(1), name="other")
    inventory.put(renamed)
    inventory.remove(VirtualMachine, fake_machine(2).uuid)
    inventory.put(fake_machine(7))
    assert named(before) == [fake_name(0), fake_name(1), fake_name(2)]
    assert before.machine_named("other") is None
    assert before.machine_named(fake_name(2)) == fake_machine(2)
    assert named(inventory.view) == sorted([fake_name(0), fake_name(7), "other"])
    assert inventory.view.machine_named("other") is renamed
    assert inventory.view.machine_named(fake_name(1)) is None
    assert inventory.view.machine_named(fake_name(2)) is None


def test_machines_are_found_by_network_folder_and_bridge() -> None:
    inventory = Inventory()
    for number in range(4):
        inventory.put(fake_machine(number))
    view = inventory.view
    for facet in (("network", "default"), ("folder", "/var/lib/xen/images"), ("bridge", "virbr0")):
        assert sorted(machine.name for machine in view.machines_by(*facet)) == named(view)
    assert list(view.machines_by("network", "other")) == []


def test_usage_counts_active_machines_only() -> None:
    inventory = Inventory()
    running, off = fake_machine(0), fake_machine(2)
    inventory.put(running)
    inventory.put(off)
    usage = inventory.view.get(HostUsage, "usage")
    assert usage == HostUsage(
        active_vcpus=1, active_memory_kib=1024 * 1024, graphics=2, inputs=4, controllers=2, nics=2
    )
    inventory.put(replace(running, state=PowerState.SHUT_OFF))
    inventory.remove(VirtualMachine, off.uuid)
    usage = inventory.view.get(HostUsage, "usage")
    assert usage == HostUsage(graphics=1, inputs=2, controllers=1, nics=1)


def test_a_resync_keeps_what_is_the_same() -> None:
    inventory = Inventory()
    for number in range(3):
        inventory.put(fake_machine(number))
    kept = inventory.view.machine_named(fake_name(1))
    inventory.replace_all(VirtualMachine, [fake_machine(1), fake_machine(5)])
    assert named(inventory.view) == [fake_name(1), fake_name(5)]
    assert inventory.view.machine_named(fake_name(1)) is kept


def test_listeners_hear_old_and_new_and_one_that_fails_stops_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inventory = Inventory()
    heard: list[tuple[object, object]] = []

    def broken(_old: object, _new: object) -> None:
        raise RuntimeError("broken listener")

    end_broken = inventory.subscribe(broken)
    end = inventory.subscribe(lambda old, new: heard.append((old, new)))
    network = Network(name="a", uuid="1", active=True)
    with caplog.at_level(logging.ERROR):
        inventory.put(network)
    inventory.remove(Network, "a")
    inventory.remove(Network, "a")
    end()
    end_broken()
    inventory.put(network)
    assert heard == [(None, network), (network, None)]
    assert "broken listener" in caplog.text


Steps = st.lists(
    st.tuples(st.sampled_from(["put", "off", "rename", "remove", "snapshot"]), st.integers(0, 5)), max_size=40
)


@given(Steps)
def test_indexes_usage_and_snapshots_agree_with_a_plain_model(steps: list[tuple[str, int]]) -> None:
    inventory = Inventory()
    inventory.put(fake_host(6))
    model: dict[str, VirtualMachine] = {}
    kept: list[tuple[View, dict[str, VirtualMachine]]] = []
    for action, number in steps:
        machine = fake_machine(number)
        if action == "remove":
            inventory.remove(VirtualMachine, machine.uuid)
            model.pop(machine.uuid, None)
        elif action == "snapshot":
            kept.append((inventory.snapshot(), dict(model)))
        else:
            if action == "off":
                machine = replace(machine, state=PowerState.SHUT_OFF, stored=None)
            elif action == "rename":
                machine = replace(machine, name=f"renamed-{number}")
            inventory.put(machine)
            model[machine.uuid] = machine
    for view, machines in [*kept, (inventory.view, model)]:
        assert dict(view.all(VirtualMachine)) == machines
        facets = {facet for machine in machines.values() for facet in machine_facets(machine)}
        for facet in facets | {("name", fake_name(0))}:
            expected = {uuid for uuid, machine in machines.items() if facet in machine_facets(machine)}
            assert {machine.uuid for machine in view.machines_by(*facet)} == expected
        usage = view.get(HostUsage, "usage")
        assert usage is not None
        assert usage.active_vcpus == sum(m.current.cpu.count for m in machines.values() if m.state.is_active)
