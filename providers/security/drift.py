"""Where a host is not what its policy and labels say it is.

Errors: BackendError (timeout) where a file system does not answer; StateError.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from xencim.acm.decisions.running import HOST, replay
from xencim.acm.model import Finding, FindingKind, LabelKind, XsErr
from xencim.providers.backends.records import DriftKind, Labelled, Network, VirtualMachine
from xencim.providers.security.enforcement.flask import mislabelled
from xencim.providers.security.enforcement.uses import may_use, names_to_resolve, resolve, uses_of
from xencim.providers.security.stores.store import digest_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from xencim.providers.backends.records import AssignedLabel
    from xencim.providers.security.enforcement.keeper import InForce, Security
    from xencim.providers.security.stores.objects import Thing

Item = TypeVar("Item")
SLICE_S = 0.005
"""How long the event loop is kept at a time."""
_MACHINE_KINDS = frozenset({Labelled.MACHINE, Labelled.HOST})


class Drifted(NamedTuple):
    """One thing that is not as it should be; ``object`` and ``kind`` are those of `Drift`.

    ``cause`` is what a refusal of the same would say.
    """

    kind: DriftKind
    object: str
    finding: Finding
    cause: str


async def _sliced(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Yield items, and let others work every few milliseconds: there may be thousands."""
    until_s = time.monotonic() + SLICE_S
    for item in items:
        yield item
        if time.monotonic() > until_s:
            await asyncio.sleep(0)
            until_s = time.monotonic() + SLICE_S


async def drifts(security: Security) -> tuple[Drifted, ...]:
    """Tell everything that is not as it should be; nothing: all is well."""
    found = [*await _policy(security)]
    in_force = security.in_force
    labels = security.labels.all()
    things = await resolve(label.object for label in labels if label.kind is Labelled.DISK)
    async for label in _sliced(labels):
        found += _label(security, in_force, label, things)
    found += _ambiguous(labels)
    if in_force is not None:
        found += await _running(security, in_force)
        found += [
            _drift(DriftKind.HYPERVISOR_DIFFERS, uuid, mislabelled(_machine_name(security, uuid), told, ours))
            for uuid, told in (await security.hypervisor.running_labels()).items()
            if told != (ours := security.label_of(uuid))
        ]
    return tuple(found)


async def _policy(security: Security) -> list[Drifted]:
    """Hold the policy in force against what is kept."""
    kept = await security.store.kept()
    present = security.in_force.digest if security.in_force else None
    if kept.xml is not None and digest_of(kept.xml) != kept.digest:
        why = "the policy that is kept is not what was put in force: its digest differs"
    elif kept.digest != present:
        what = "is not the one that is kept" if present else "is none, though one is kept: it cannot be read"
        why = f"the policy in force {what} (digest {kept.digest or 'none'})"
    else:
        return []
    return [_drift(DriftKind.POLICY_DIFFERS, "", _finding(why))]


def _label(
    security: Security, in_force: InForce | None, label: AssignedLabel, things: Mapping[str, Thing]
) -> Iterator[Drifted]:
    what = f"{label.kind.value} {_name(security, label)!r}"
    labels = (label.label,)
    if not label.is_valid:
        why = f"{what}: its label {label.label!r} was taken away by an update: assign another"
        finding = _finding(why, xserr=XsErr.BAD_LABEL, labels=labels, element=str(label))
        yield _drift(DriftKind.LABEL_TAKEN_AWAY, label.key, finding)
    elif in_force is not None:
        yield from _label_of_policy(security, in_force, label, what)
    gone = _gone(security, label, things)
    if gone is not None:
        kind, why = gone
        finding = _finding(f"{what} has label {label.label!r}, {why}", labels=labels, element=label.object)
        yield _drift(kind, label.key, finding)


def _label_of_policy(
    security: Security, in_force: InForce, label: AssignedLabel, what: str
) -> Iterator[Drifted]:
    """Hold an object's label against the policy in force, and a device's against the hypervisor."""
    labels = (label.label,)
    kind = LabelKind.MACHINE if label.kind in _MACHINE_KINDS else LabelKind.RESOURCE
    if label.policy != in_force.policy.name:
        why = (
            f"{what}: its label {label.label!r} is of policy {label.policy!r}, and in force is "
            f"{in_force.policy.name!r}"
        )
        yield _drift(DriftKind.LABEL_OF_ANOTHER_POLICY, label.key, _finding(why, labels=labels))
    elif not (known := in_force.rules.check_label(label.label, kind)).permitted:
        finding = _finding(f"{what}: {known.reason}", xserr=XsErr.BAD_LABEL, labels=labels)
        yield _drift(DriftKind.LABEL_OF_ANOTHER_POLICY, label.key, finding)
    elif label.kind is Labelled.DEVICE and not security.hypervisor.has_device_label(
        label.object, label.label
    ):
        why = f"{what} has label {label.label!r}, and the hypervisor was not given it: label it anew"
        finding = _finding(why, labels=labels, element=label.object)
        yield _drift(DriftKind.HYPERVISOR_DIFFERS, label.key, finding)


def _gone(
    security: Security, label: AssignedLabel, things: Mapping[str, Thing]
) -> tuple[DriftKind, str] | None:
    """Tell what became of an object that is not where it was, None when it is."""
    view = security.inventory.view
    if label.kind is Labelled.MACHINE and view.get(VirtualMachine, label.object) is None:
        return DriftKind.OBJECT_GONE, "and is not defined on this host"
    if label.kind is Labelled.NETWORK and not label.object.startswith("bridge:"):
        if view.get(Network, label.object) is None:
            return DriftKind.OBJECT_GONE, "and is not there any more"
    elif label.kind is Labelled.DISK and label.identity is not None:
        now = things[label.object]
        if now.identity is None:
            return DriftKind.OBJECT_GONE, "and is not there any more: moved, or deleted"
        if now.object != label.object or now.identity != label.identity:
            why = "and something else is there now: replaced, or a link; label it anew to confirm"
            return DriftKind.OBJECT_REPLACED, why
    return None


def _ambiguous(labels: tuple[AssignedLabel, ...]) -> Iterator[Drifted]:
    """Find disks that have two labels by two of their names."""
    seen: dict[str, AssignedLabel] = {}
    for label in labels:
        if label.identity is None:
            continue
        other = seen.setdefault(label.identity, label)
        if other.label != label.label:
            why = (
                f"disk {label.object!r} and {other.object!r} are the same, with labels {label.label!r} and "
                f"{other.label!r}: who uses it needs both; take one away"
            )
            finding = _finding(why, labels=(label.label, other.label), element=label.object)
            yield _drift(DriftKind.TWO_LABELS, label.key, finding)


async def _running(security: Security, in_force: InForce) -> list[Drifted]:
    """Hold what runs against the policy: whether it could start anew, in its order."""
    if security.running is None:
        return []
    view, found = security.inventory.view, []
    machines = [(key, machine) for key, machine in security.running.machines.items() if key != HOST]
    refusals = replay(in_force.rules, machines)
    used = {}
    async for key, _ in _sliced(machines):
        if (record := view.get(VirtualMachine, key)) is not None:
            used[key] = uses_of(record.current, view)
    things = await resolve(names_to_resolve(use for uses in used.values() for use in uses))
    async for key, machine in _sliced(machines):
        decisions = [in_force.rules.may_run(machine.label), *([refusals[key]] if key in refusals else [])]
        decisions.append(may_use(in_force.rules, security.labels, machine.label, used.get(key, ()), things))
        found += [
            _drift(
                DriftKind.RUNS_AGAINST_POLICY,
                key,
                _finding(
                    f"machine {machine.name!r} runs against the policy: {finding.message}",
                    xserr=finding.xserr,
                    labels=finding.labels,
                    machines=(machine.name,),
                ),
                cause=finding.message,
            )
            for decision in decisions
            for finding in decision.findings
        ]
    return [one for one in found if one.object in security.running.machines]  # what stopped meanwhile is well


def _name(security: Security, label: AssignedLabel) -> str:
    return _machine_name(security, label.object) if label.kind is Labelled.MACHINE else label.object


def _machine_name(security: Security, uuid: str) -> str:
    machine = security.inventory.view.get(VirtualMachine, uuid)
    return machine.name if machine else uuid


def _drift(kind: DriftKind, about: str, finding: Finding, cause: str | None = None) -> Drifted:
    rule = kind.name.lower().replace("_", " ")
    told = replace(finding, kind=FindingKind.DRIFT, rule=rule)
    return Drifted(kind, about, told, cause or finding.message)


def _finding(
    message: str,
    *,
    xserr: XsErr = XsErr.SUCCESS,
    labels: tuple[str, ...] = (),
    machines: tuple[str, ...] = (),
    element: str | None = None,
) -> Finding:
    return Finding(FindingKind.DRIFT, message, xserr, labels=labels, machines=machines, element=element)
