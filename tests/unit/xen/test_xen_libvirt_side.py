"""What libvirt tells of a Xen host goes merged into the inventory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import Bridge, PowerState, VirtualMachine
from xencim.providers.backends.xen import live, merging
from xencim.providers.backends.xen.domains import Domain
from xencim.providers.backends.xen.libvirt_side import LibvirtSide

if TYPE_CHECKING:
    from xencim.providers.backends.records import Record

UUID = "ec5a32be-81c2-4323-989e-5c9699266057"


def paused(record: Record) -> Record:
    return replace(record, state=PowerState.PAUSED) if isinstance(record, VirtualMachine) else record


def test_machines_are_merged_and_told_when_they_go() -> None:
    inventory, removed = Inventory(), list[str]()
    side = LibvirtSide(inventory, paused, removed.append)
    machine = merging.of_xl(Domain(5, UUID, PowerState.RUNNING), live.Live("five"), {}, None)
    side.put(machine)
    assert side.told == {UUID: machine}
    assert inventory.view.all(VirtualMachine)[UUID].state is PowerState.PAUSED
    side.remove(VirtualMachine, UUID)
    side.remove(VirtualMachine, "one of xl")
    assert (removed, side.told) == ([UUID], {})
    # Whether it goes is for who knows Xen's side.
    assert list(side.view.all(VirtualMachine)) == [UUID]


def test_other_records_pass() -> None:
    inventory = Inventory()
    side = LibvirtSide(inventory, paused, lambda _uuid: None)
    side.replace_all(Bridge, [Bridge(name="a"), Bridge(name="b")])
    side.remove(Bridge, "a")
    assert list(inventory.view.all(Bridge)) == list(side.snapshot().all(Bridge)) == ["b"]
