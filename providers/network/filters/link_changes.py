"""How clients nest a filter list in another, and apply one to a network port of a machine.

A port has one list at most. The port of a running machine that has a definition is changed in both, as
its settings are.

Source: libvirt-cim's CreateInstance and DeleteInstance of NestedFilterList and AppliedFilterList.
Errors: CimError INVALID_PARAMETER, NOT_FOUND, ALREADY_EXISTS, NOT_SUPPORTED, FAILED (the port has another
list, and what the hypervisor refuses).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from xencim.mof.values import Path
from xencim.providers.backends.records import NetworkFilter, VirtualMachine
from xencim.providers.core.access import Access
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.spec import ClassName, Const, Writes
from xencim.providers.management.working import demand_manageable
from xencim.providers.network.filters import filter_list
from xencim.providers.network.filters.working import NESTING_CHANGED, PORT_CHANGED, do, queue
from xencim.providers.vm.devices import network_port

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import MachineConfig
    from xencim.providers.core.served import AssocRow
    from xencim.providers.core.spec import ClassSpec, InstanceChange, Keys, Prop, Row


def _key(change: InstanceChange, spec: ClassSpec, prop: Prop, row: Row) -> object:
    """Return one key of an instance as it is served on the change's host."""
    if isinstance(prop.get, Const):
        return prop.get.value
    if isinstance(prop.get, ClassName):
        return f"{change.context.view.host.prefix}_{prop.get.of or spec.cim_class}"
    return prop.get(*row)


def _end(change: InstanceChange, role: str, spec: ClassSpec) -> Row:
    """Return the row of the instance that a reference names."""
    path = change.values.get(role.lower())
    if not isinstance(path, Path):
        raise CimError(Status.INVALID_PARAMETER, f"reference {role} is needed")
    given = {name.lower(): value for name, value in path.keys}
    row = spec.rows.find(change.context, given)
    if row is not None:
        own = {prop.name.lower(): _key(change, spec, prop, row) for prop in spec.keys}
        if {name: str(value).lower() for name, value in own.items()} == {
            name: str(value).lower() for name, value in given.items()
        }:
            return row
    raise CimError(Status.NOT_FOUND, f"{role} refers to {path}, which is not there")


def _ends(change: InstanceChange) -> Keys:
    return {name: cast("Path", change.values[name.lower()]) for name in ("Antecedent", "Dependent")}


# Nesting ---------------------------------------------------------------------------------------


async def _nest(change: InstanceChange) -> Keys:
    outer, inner = (_end(change, role, filter_list.SPEC)[0].name for role in ("Antecedent", "Dependent"))

    async def work(view: View) -> None:
        references = _references(view, outer)
        if inner in references:
            raise CimError(Status.ALREADY_EXISTS, f"{inner!r} is nested in {outer!r} already")
        if _reaches(view, inner, outer):
            raise CimError(Status.INVALID_PARAMETER, f"{outer!r} is part of {inner!r}: it cannot be nested")
        await change.backend.set_filter_references(outer, (*references, inner))

    facts = {"list": outer, "nested": inner, "there": str(True)}
    await do(change, f"nesting {inner!r} in {outer!r}", queue(outer), work, kind=NESTING_CHANGED, facts=facts)
    return _ends(change)


async def _take_out(change: InstanceChange) -> None:
    row = cast("AssocRow", change.row)
    outer, inner = row.left[0].name, row.right[0].name

    async def work(view: View) -> None:
        left = tuple(name for name in _references(view, outer) if name != inner)
        await change.backend.set_filter_references(outer, left)

    facts = {"list": outer, "nested": inner, "there": str(False)}
    await do(
        change, f"taking {inner!r} out of {outer!r}", queue(outer), work, kind=NESTING_CHANGED, facts=facts
    )


def _references(view: View, name: str) -> tuple[str, ...]:
    found = view.get(NetworkFilter, name)
    if found is None:
        raise CimError(Status.NOT_FOUND, f"there is no filter list {name!r}")
    return found.references


def _reaches(view: View, start: str, wanted: str) -> bool:
    """Tell whether a filter is another, or has it nested in it at any depth."""
    todo, seen = [start], set()
    while todo:
        name = todo.pop()
        if name == wanted:
            return True
        found = view.get(NetworkFilter, name)
        if found is not None and name not in seen:
            seen.add(name)
            todo += found.references
    return False


# Ports -----------------------------------------------------------------------------------------


_FILTERED = ("network", "bridge", "ethernet")
"""The types of interfaces that libvirt's drivers apply filters to; of others, the filter is ignored."""


async def _apply(change: InstanceChange) -> Keys:
    wanted = _end(change, "Antecedent", filter_list.SPEC)[0].name
    machine, nic, _host = _end(change, "Dependent", network_port.SPEC)
    if nic.source_type not in _FILTERED:
        raise CimError(
            Status.NOT_SUPPORTED,
            f"port {nic.mac} of {machine.name} is of type {nic.source_type!r}: it takes no filter list",
            hint=f"ports of types {', '.join(_FILTERED)} have filter lists",
        )
    await _set_filter(change, machine, nic.mac, None, wanted)
    return _ends(change)


async def _remove(change: InstanceChange) -> None:
    row = cast("AssocRow", change.row)
    machine, nic, _host = row.right
    await _set_filter(change, machine, nic.mac, row.left[0].name, None)


async def _set_filter(
    change: InstanceChange, machine: VirtualMachine, mac: str, old: str | None, new: str | None
) -> None:
    """Change which filter a port has, now and at the next start."""
    demand_manageable(machine)

    async def work(view: View) -> None:
        present = view.get(VirtualMachine, machine.uuid)
        nic = next((one for one in present.current.nics if one.mac == mac), None) if present else None
        if present is None or nic is None:
            raise CimError(Status.NOT_FOUND, f"{machine.name} has no port {mac}")
        if nic.filter_ref != old:
            status = Status.ALREADY_EXISTS if nic.filter_ref == new else Status.FAILED
            raise CimError(status, f"port {mac} of {present.name} has filter list {nic.filter_ref!r}")
        stored = present.stored and _with_filter(present.stored, mac, new)
        await change.backend.reconfigure(
            present.uuid, current=_with_filter(present.current, mac, new), stored=stored
        )

    facts = {"machine": machine.uuid, "port": mac, "list": new or ""}
    what = f"the filter list of port {mac} of {machine.name}"
    await do(change, what, machine.uuid, work, kind=PORT_CHANGED, facts=facts)


def _with_filter(config: MachineConfig, mac: str, name: str | None) -> MachineConfig:
    nics = (replace(nic, filter_ref=name) if nic.mac == mac else nic for nic in config.nics)
    return replace(config, nics=tuple(nics))


NESTED_WRITES = Writes(Access.ADMIN, create=_nest, delete=_take_out)
APPLIED_WRITES = Writes(Access.ADMIN, create=_apply, delete=_remove)
