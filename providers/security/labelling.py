"""Objects given labels: machines, disks, networks, VLANs, the host.

Where the policy is enforced, a machine that runs is held against it again with its new label, and what a
running machine uses keeps its label until it stops.

Source: Xen 4.1: VM.set_security_label, XSPolicy.set_resource_label.
Errors: PolicyError, whose findings have Xen's error numbers; StateError.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from xencim.acm.decisions import Rules
from xencim.acm.model import UNLABELED, Finding, FindingKind, LabelKind, PolicyError, XsErr
from xencim.providers.backends.records import AssignedLabel, Labelled, Network, VirtualMachine
from xencim.providers.security.enforcement.uses import names_to_resolve, resolve, uses_of
from xencim.providers.security.stores.labels import HOST_OBJECT
from xencim.providers.security.stores.objects import Thing, volume_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from xencim.acm.decisions import Decision
    from xencim.providers.backends.inventory import View
    from xencim.providers.backends.records import Volume
    from xencim.providers.security.enforcement.keeper import InForce, Security

MAX_VLAN = 4095
_NUMBERED = {"vlan": Labelled.VLAN, "device": Labelled.DEVICE}
_PCI = re.compile(r"([0-9a-f]{1,4}):([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])", re.IGNORECASE | re.ASCII)
NO_LABEL = ""
"""The old label of an object that is believed to have none."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be labelled: a uuid, a disk's path or name, a network's name, a VLAN or an address."""

    kind: Labelled
    name: str = HOST_OBJECT


async def assign(
    security: Security,
    target: Target,
    label: str | None,
    *,
    principal: str,
    old: str | None = None,
    dry_run: bool = False,
) -> AssignedLabel | None:
    """Give an object a label of the policy in force (None: none) and return it.

    ``old`` is the label that the caller believes it has (`NO_LABEL`: none); None: whatever it is.
    PolicyError: the old label is another, the policy has no such label, the object is in use, or what runs
    would break a rule. BackendError: the hypervisor does not take a device's label, or has no FLASK.
    """
    async with security.changing:
        in_force = needed(security)
        thing = await thing_of(security, target)
        present = security.labels.get(target.kind, thing.object)
        _check_old(target, present, old)
        if label is None:
            await _check_change(security, in_force, target, thing, UNLABELED)
            if present is not None and not dry_run:
                await _give_hypervisor(security, target, thing, None)
                await security.store.remove_label(present, principal)
                security.labels.remove(present)
                await _applied(security, target, thing)
            return None
        await _check_change(security, in_force, target, thing, label)
        wanted = AssignedLabel(
            kind=target.kind,
            object=thing.object,
            label=label,
            policy=in_force.policy.name,
            identity=thing.identity,
            principal=principal,
            assigned=datetime.now(UTC),
        )
        if not dry_run:
            await _give_hypervisor(security, target, thing, label)
            await security.store.put_labels((wanted,), principal)
            security.labels.put((wanted,))
            await _applied(security, target, thing)
        return wanted


def target_named(view: View, name: str) -> Target | None:
    """Return what a name means; None: there is no such machine. One named by its uuid may be yet to come.

    ``host``, ``machine:NAME or UUID``, ``vlan:NUMBER``, ``device:ADDRESS``, ``bridge:NAME``,
    ``virtualnetwork:NAME``, or a disk's path, ``volume:POOL/NAME`` or ``network:NAME``.
    """
    kind, _, rest = name.partition(":")
    if name == HOST_OBJECT:
        return Target(Labelled.HOST)
    if kind == "machine":
        machine = view.machine_named(rest)
        if machine is not None:
            return target_of(machine)
        uuid = _uuid(rest)
        return Target(Labelled.MACHINE, uuid) if uuid else None
    if kind in _NUMBERED:
        return Target(_NUMBERED[kind], rest)
    if kind == "bridge":
        return Target(Labelled.NETWORK, name)
    return Target(Labelled.NETWORK, rest) if kind == "virtualnetwork" else Target(Labelled.DISK, name)


def target_of(machine: VirtualMachine) -> Target:
    """Return what a machine is; the one that manages the others is the host."""
    return Target(Labelled.HOST) if machine.is_management_domain else Target(Labelled.MACHINE, machine.uuid)


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


@asynccontextmanager
async def copy_labelled(security: Security, source: Volume, wanted: Volume) -> AsyncIterator[None]:
    """Give a volume the label of the one that it is a copy of while it is made, and keep it once it is.

    It has the label before there is anything in it. Where it is not made, what was labelled before is again.
    """
    if source.path is None or security.inventory.view.get(type(wanted), wanted.key) is not None:
        yield  # nothing that could be labelled, or the backend will say that it is there
        return
    source_name = f"file:{source.path}"
    name = f"file:{wanted.path or source.path.removesuffix(source.name) + wanted.name}"
    things = await resolve((source_name, name))
    labels = security.labels.of_disk(things[source_name])
    if not labels:
        yield
        return
    before = security.labels.get(Labelled.DISK, things[name].object)
    copied = replace(
        labels[0],
        object=things[name].object,
        identity=None,
        principal=f"copy of {labels[0].object}",
        assigned=datetime.now(UTC),
    )
    await _keep(security, copied)
    try:
        yield
    except BaseException:
        await _keep(security, before or copied, forget=before is None)
        raise
    made = (await resolve((name,)))[name]
    await _keep(security, replace(copied, identity=made.identity))


async def _keep(security: Security, label: AssignedLabel, *, forget: bool = False) -> None:
    async with security.changing:
        if forget:
            await security.store.remove_label(label, label.principal)
            security.labels.remove(label)
        else:
            await security.store.put_labels((label,), label.principal)
            security.labels.put((label,))


def refusal(
    message: str, xserr: XsErr, *, labels: tuple[str, ...] = (), element: str | None = None
) -> PolicyError:
    """Make the error of one reason."""
    return PolicyError((Finding(FindingKind.ERROR, message, xserr, labels=labels, element=element),))


def needed(security: Security) -> InForce:
    """Return what is in force; PolicyError when nothing is."""
    if security.in_force is None:
        raise refusal("no policy is in force: put one in force first", XsErr.POLICY_NOT_LOADED)
    return security.in_force


async def thing_of(security: Security, target: Target) -> Thing:
    """Find what is to be labelled, by the name that it is kept under."""
    name, view = target.name, security.inventory.view
    if target.kind is Labelled.DISK:
        full = f"file:{name}" if name.startswith("/") else name
        kind, _, rest = full.partition(":")
        if kind not in {"file", "phy", "volume", "network"} or not rest:
            raise refusal(
                f"{name!r} names no disk: give a path, or volume:POOL/NAME or network:NAME",
                XsErr.BAD_RESOURCE_FORMAT,
            )
        if kind == "volume":
            pool, _, volume = rest.partition("/")
            full = volume_name(pool, volume, view)
        return (await resolve((full,)))[full]
    if target.kind is Labelled.VLAN and not (
        name.isascii() and name.isdigit() and 1 <= int(name) <= MAX_VLAN
    ):
        raise refusal(f"{name!r} is no VLAN: they are 1 to {MAX_VLAN}", XsErr.BAD_RESOURCE_FORMAT)
    if target.kind is Labelled.DEVICE:
        return Thing(_address(name))
    if target.kind is Labelled.NETWORK and not name.startswith("bridge:") and view.get(Network, name) is None:
        raise refusal(f"there is no network {name!r} (bridge:NAME names a bridge)", XsErr.BAD_RESOURCE_FORMAT)
    return Thing(str(int(name)) if target.kind is Labelled.VLAN else name)


def _address(name: str) -> str:
    """Return the address of a PCI device as Linux writes it."""
    found = _PCI.fullmatch(name)
    if found is None:
        raise refusal(
            f"{name!r} is no PCI device: give its address, like 0000:03:00.0", XsErr.BAD_RESOURCE_FORMAT
        )
    domain, bus, slot, function = found.groups()
    return f"{domain:0>4}:{bus:0>2}:{slot:0>2}.{function}".lower()


async def _give_hypervisor(security: Security, target: Target, thing: Thing, label: str | None) -> None:
    """Have the hypervisor know a device's label before it is kept: nobody else decides by it."""
    if target.kind is Labelled.DEVICE:
        await security.hypervisor.label_device(thing.object, label)


def _check_old(target: Target, present: AssignedLabel | None, old: str | None) -> None:
    """Refuse a change by somebody who believes another label there."""
    has = present.label if present else NO_LABEL
    if old is not None and old != has:
        raise refusal(
            f"{target.kind.value} {target.name!r} has {f'label {has!r}' if has else 'no label'}, not "
            f"{old or 'none'!r}: look at it and try again",
            XsErr.BAD_LABEL,
            labels=(has, old),
        )


async def _check_change(
    security: Security, in_force: InForce, target: Target, thing: Thing, label: str
) -> None:
    """Refuse a label that the policy does not have, or that what runs cannot bear where it is enforced."""
    kind = LabelKind.MACHINE if target.kind in {Labelled.MACHINE, Labelled.HOST} else LabelKind.RESOURCE
    _demand(in_force.rules.check_label(label, kind))
    if target.kind is Labelled.VLAN:
        _check_vlan(security, thing, label)
    if not security.refuses:
        return
    if target.kind is Labelled.MACHINE:
        await _check_machine(security, target.name, label)
    elif target.kind is Labelled.HOST:
        rules = Rules(in_force.policy, label)
        for machine in security.inventory.view.all(VirtualMachine).values():
            if machine.state.is_active and not machine.is_management_domain:
                _demand(rules.may_run(security.label_of(machine.uuid)))
    else:
        await _check_unused(security, target, thing)


async def _check_machine(security: Security, uuid: str, label: str) -> None:
    machine = security.inventory.view.get(VirtualMachine, uuid)
    if machine is None or not machine.state.is_active:
        return
    _demand(security.may_label_start(label, uuid))
    _demand(await security.may_label_use(label, uses_of(machine.current, security.inventory.view)))


def _check_vlan(security: Security, thing: Thing, label: str) -> None:
    """Refuse a VLAN the label of another."""
    for other in security.labels.all():
        same = (other.kind, other.label) == (Labelled.VLAN, label) and label != UNLABELED
        if same and other.object != thing.object:
            raise refusal(
                f"VLAN {other.object} has label {label!r}: no two VLANs have the same",
                XsErr.RESOURCE_ALREADY_LABELED,
                labels=(label,),
            )


async def _check_unused(security: Security, target: Target, thing: Thing) -> None:
    """Refuse to label what a running machine uses."""
    used = await used_by_running(security, target.kind)
    user = used.get(thing.object) or used.get(thing.identity or thing.object)
    if user is not None:
        raise refusal(
            f"{target.kind.value} {thing.object!r} is in use by {user!r}, which runs: stop it first",
            XsErr.RESOURCE_IN_USE,
            element=thing.object,
        )


async def used_by_running(security: Security, kind: Labelled) -> dict[str, str]:
    """Return what running machines use, by name and by what it is, with the name of one that does."""
    view = security.inventory.view
    used = [
        (machine.name, use)
        for machine in view.all(VirtualMachine).values()
        if machine.state.is_active
        for use in uses_of(machine.current, view)
        if use.kind is kind
    ]
    things = await resolve(names_to_resolve(use for _, use in used))
    users = {}
    for name, use in used:
        for thing in (things.get(other, Thing(other)) for other in use.names):
            users[thing.object] = name
            if thing.identity:
                users[thing.identity] = name
    return users


async def _applied(security: Security, target: Target, thing: Thing) -> None:
    if target.kind is Labelled.MACHINE:
        security.relabelled(thing.object)
        await security.hypervisor.mark_all((thing.object,))
    elif target.kind is Labelled.HOST:
        security.put_in_force(security.in_force)


def _demand(decision: Decision) -> None:
    if not decision.permitted:
        raise PolicyError(decision.findings)
