"""Where a host is not what its policy and labels say it is.

Errors: BackendError (timeout) where a file system does not answer; StateError.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.acm.decisions.running import HOST, replay
from xencim.acm.model import Finding, FindingKind, LabelKind, XsErr
from xencim.providers.backends.records import Labelled, Network, VirtualMachine
from xencim.providers.security.enforcement.flask import mislabelled
from xencim.providers.security.enforcement.uses import may_use, names_to_resolve, resolve, uses_of
from xencim.providers.security.stores.store import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xencim.providers.backends.records import AssignedLabel
    from xencim.providers.security.enforcement.keeper import InForce, Security
    from xencim.providers.security.stores.objects import Thing

_MACHINE_KINDS = frozenset({Labelled.MACHINE, Labelled.HOST})


async def detect_drift(security: Security) -> tuple[Finding, ...]:
    """Tell everything that is not as it should be; nothing: all is well."""
    findings = [*await _policy(security)]
    in_force = security.in_force
    labels = security.labels.all()
    things = await resolve(label.object for label in labels if label.kind is Labelled.DISK)
    for label in labels:
        findings += _label(security, in_force, label, things)
    findings += _ambiguous(labels)
    if in_force is not None:
        findings += await _running(security, in_force)
        for uuid, told in (await security.hypervisor.running_labels()).items():
            ours = security.label_of(uuid)
            if told != ours:
                machine = security.inventory.view.get(VirtualMachine, uuid)
                name = machine.name if machine else uuid
                findings.append(replace(mislabelled(name, told, ours), kind=FindingKind.DRIFT))
    return tuple(findings)


async def _policy(security: Security) -> list[Finding]:
    """Hold the policy in force against what is kept."""
    kept, _ = await security.store.load()
    present = security.in_force.digest if security.in_force else None
    if kept.xml is not None and digest_of(kept.xml) != kept.digest:
        return [_drift("the policy that is kept is not what was put in force: its digest differs")]
    if kept.digest != present:
        what = "is not the one that is kept" if present else "is none, though one is kept: it cannot be read"
        return [_drift(f"the policy in force {what} (digest {kept.digest or 'none'})")]
    return []


def _label(
    security: Security, in_force: InForce | None, label: AssignedLabel, things: Mapping[str, Thing]
) -> Iterator[Finding]:
    what = f"{label.kind.value} {_name(security, label)!r}"
    if not label.is_valid:
        yield _drift(
            f"{what}: its label {label.label!r} was taken away by an update: assign another",
            xserr=XsErr.BAD_LABEL,
            labels=(label.label,),
            element=str(label),
        )
    elif in_force is not None:
        kind = LabelKind.MACHINE if label.kind in _MACHINE_KINDS else LabelKind.RESOURCE
        if label.policy != in_force.policy.name:
            yield _drift(
                f"{what}: its label {label.label!r} is of policy {label.policy!r}, and in force is "
                f"{in_force.policy.name!r}",
                labels=(label.label,),
            )
        elif not (known := in_force.rules.check_label(label.label, kind)).permitted:
            yield _drift(f"{what}: {known.reason}", xserr=XsErr.BAD_LABEL, labels=(label.label,))
    gone = _gone(security, label, things)
    if gone:
        yield _drift(f"{what} has label {label.label!r}, {gone}", labels=(label.label,), element=label.object)


def _gone(security: Security, label: AssignedLabel, things: Mapping[str, Thing]) -> str | None:
    """Tell what became of an object that is not where it was, None when it is."""
    view = security.inventory.view
    if label.kind is Labelled.MACHINE:
        return None if view.get(VirtualMachine, label.object) else "and is not defined on this host"
    if label.kind is Labelled.NETWORK and not label.object.startswith("bridge:"):
        return None if view.get(Network, label.object) else "and is not there any more"
    if label.kind is not Labelled.DISK or label.identity is None:
        return None
    now = things[label.object]
    if now.identity is None:
        return "and is not there any more: moved, or deleted"
    if now.object != label.object or now.identity != label.identity:
        return "and something else is there now: replaced, or a link; label it anew to confirm"
    return None


def _ambiguous(labels: tuple[AssignedLabel, ...]) -> Iterator[Finding]:
    """Find disks that have two labels by two of their names."""
    seen: dict[str, AssignedLabel] = {}
    for label in labels:
        if label.identity is None:
            continue
        other = seen.setdefault(label.identity, label)
        if other.label != label.label:
            yield _drift(
                f"disk {label.object!r} and {other.object!r} are the same, with labels {label.label!r} and "
                f"{other.label!r}: who uses it needs both; take one away",
                labels=(label.label, other.label),
                element=label.object,
            )


async def _running(security: Security, in_force: InForce) -> list[Finding]:
    """Hold what runs against the policy: whether it could start anew, in its order."""
    if security.running is None:
        return []
    view, found = security.inventory.view, []
    machines = [(key, machine) for key, machine in security.running.machines.items() if key != HOST]
    refusals = replay(in_force.rules, machines)
    used = {
        key: uses_of(record.current, view)
        for key, _ in machines
        if (record := view.get(VirtualMachine, key)) is not None
    }
    things = await resolve(names_to_resolve(use for uses in used.values() for use in uses))
    for key, machine in machines:
        decisions = [in_force.rules.may_run(machine.label), *([refusals[key]] if key in refusals else [])]
        decisions.append(may_use(in_force.rules, security.labels, machine.label, used.get(key, ()), things))
        found += [
            _drift(
                f"machine {machine.name!r} runs against the policy: {finding.message}",
                xserr=finding.xserr,
                labels=finding.labels,
                machines=(machine.name,),
            )
            for decision in decisions
            for finding in decision.findings
        ]
    return found


def _name(security: Security, label: AssignedLabel) -> str:
    if label.kind is Labelled.MACHINE:
        machine = security.inventory.view.get(VirtualMachine, label.object)
        return machine.name if machine else label.object
    return label.object


def _drift(
    message: str,
    *,
    xserr: XsErr = XsErr.SUCCESS,
    labels: tuple[str, ...] = (),
    machines: tuple[str, ...] = (),
    element: str | None = None,
) -> Finding:
    return Finding(FindingKind.DRIFT, message, xserr, labels=labels, machines=machines, element=element)
