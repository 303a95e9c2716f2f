"""The made-up host's network filters, where its prefix is one of a hypervisor that has any."""

from __future__ import annotations

import uuid as uuids
from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake_delays import late
from xencim.providers.backends.records import Condition, FilterRule, NetworkFilter

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.records import VirtualMachine

FILTERING_PREFIXES = frozenset({"KVM", "LXC"})
_SPACE = uuids.UUID("3f1f9f1c-58c5-5d0a-9d5e-2b0d5a7c9e61")
_APPLIED = "clean"


def _filter(
    name: str, chain: str, priority: int, rules: tuple[FilterRule, ...], references: tuple[str, ...] = ()
) -> NetworkFilter:
    uuid = str(uuids.uuid5(_SPACE, name))
    return NetworkFilter(
        name=name, uuid=uuid, chain=chain, priority=priority, rules=rules, references=references
    )


def _rule(index: int, action: str, priority: int, protocol: str | None = None, *asked: str) -> FilterRule:
    return FilterRule(
        index=index,
        action=action,
        direction="out",
        priority=priority,
        protocol=protocol,
        conditions=tuple(
            Condition(name=name, value=value) for name, _, value in (one.partition("=") for one in asked)
        ),
    )


FILTERS = (
    _filter(
        "no-spoofing",
        "ipv4",
        -700,
        (
            _rule(0, "return", 100, "ip", "srcipaddr=0.0.0.0", "protocol=udp"),
            _rule(1, "return", 500, "ip", "srcipaddr=$IP"),
            _rule(2, "drop", 1000),
        ),
    ),
    _filter(
        _APPLIED,
        "root",
        0,
        (
            _rule(0, "accept", -650, "mac", "protocolid=ipv4"),
            _rule(1, "accept", -500, "arp", "srcmacaddr=00:16:3e:00:00:00", "srcmacmask=ff:ff:ff:00:00:00"),
            _rule(2, "drop", 500, "tcp", "dstipaddr=10.0.0.0", "dstipmask=8", "dstportstart=25"),
        ),
        ("no-spoofing",),
    ),
)


class FakeFilters:
    """The filters of a host made up in memory."""

    prefix: str
    _inventory: Inventory | None = None
    delay_s: float

    @late
    async def create_filter(self, name: str, *, uuid: str | None, chain: str, priority: int | None) -> None:
        """Add a filter without rules."""
        inventory = self._filters()
        if inventory.view.get(NetworkFilter, name):
            raise BackendError("exists", f"there is a network filter {name!r} already")
        made = NetworkFilter(name=name, uuid=uuid or str(uuids.uuid4()), chain=chain, priority=priority or 0)
        inventory.put(made)

    @late
    async def delete_filter(self, name: str) -> None:
        """Take a filter away."""
        self._filters().remove(NetworkFilter, self._filter(name).name)

    @late
    async def set_filter_references(self, name: str, references: tuple[str, ...]) -> None:
        """Make a filter refer to these others, and to no more."""
        self._filters().put(replace(self._filter(name), references=references))

    def _filter(self, name: str) -> NetworkFilter:
        found = self._filters().view.get(NetworkFilter, name)
        if found is None:
            raise BackendError("not_found", f"there is no network filter {name!r}")
        return found

    def _filters(self) -> Inventory:
        if self._inventory is None:
            raise BackendError("lost", "the made-up host was stopped")
        if self.prefix not in FILTERING_PREFIXES:
            raise BackendError("unsupported", "the host has no network filters")
        return self._inventory


def filtered(machine: VirtualMachine) -> VirtualMachine:
    """Return a made-up machine, both of whose definitions are the same, with a filter on its interfaces."""
    nics = tuple(replace(nic, filter_ref=_APPLIED) for nic in machine.current.nics)
    config = replace(machine.current, nics=nics)
    return replace(machine, current=config, stored=config if machine.stored else None)
