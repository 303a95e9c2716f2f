"""An update planned: the version chain, renames, and what the machines that run would meet.

The running machines are started anew in their order under the new policy, so that what is refused depends on
the order, as it did in the hypervisor. The first policy of a host needs no chain, nor does one that follows
the default policy or is it.

Source: Xen 4.1, ACM policy update: version chain, components, renames, replay; its error numbers and those
of the hypervisor.
Errors: none; all that stands against an update is a finding of its plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.decisions import Rules
from xencim.acm.decisions.running import Running, replay
from xencim.acm.model import (
    DEFAULT_POLICY,
    UNLABELED,
    Finding,
    FindingKind,
    LabelKind,
    PolicyReference,
    XsErr,
)
from xencim.acm.planning.plan import LabelName, Renaming, Touched, UpdatePlan
from xencim.acm.planning.state import HostState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.acm.decisions import Decision
    from xencim.acm.model import Label, Policy
    from xencim.acm.planning.state import HostMachine

_SHARING, _CONFLICT, _LABEL_IN_USE = 0x101, 0x103, 0x104


def plan_update(old: Policy | None, new: Policy, state: HostState | None = None) -> UpdatePlan:
    """Tell what an update does to a host as it is, and what stands against it."""
    return _Planning(old, new, state or HostState()).plan()


class _Planning:
    """An update while it is planned."""

    def __init__(self, old: Policy | None, new: Policy, state: HostState) -> None:
        self.old = old
        self.new = new
        self.state = state
        self.rules = Rules(new)
        self.findings: list[Finding] = []
        self.to_stop: dict[str, None] = {}
        self.old_labels, self.new_labels = _labels(old), _labels(new)
        self.renames = self._renames()

    def plan(self) -> UpdatePlan:
        """Find everything out."""
        self._check_chain()
        touched = self._touched()
        self._check_running()
        renamed = tuple(Renaming(kind, name, to) for (kind, name), to in self.renames.items() if name != to)
        return UpdatePlan(
            from_policy=_title(self.old),
            to_policy=_title(self.new),
            renamed=renamed,
            deleted=tuple(label for label in self.old_labels if self._follow(*label) is None),
            added=tuple(
                LabelName(*label)
                for label in self.new_labels
                if label not in self.old_labels and label not in {(kind, to) for kind, _, to in renamed}
            ),
            relabelled=tuple(thing for thing in touched if thing.new is not None and thing.new != thing.old),
            invalidated=tuple(thing for thing in touched if thing.new is None),
            machines_to_stop=tuple(self.to_stop),
            findings=tuple(self.findings),
        )

    def _check_chain(self) -> None:
        old, new = self.old, self.new
        if old is None or DEFAULT_POLICY in {old.name, new.name}:
            return
        needed = PolicyReference(old.name, str(old.header.version))
        previous = new.header.previous
        if previous is None or (previous.name, previous.version) != (needed.name, needed.version):
            says = (
                f"follows {previous.name!r} {previous.version}" if previous else "names no policy before it"
            )
            self._find(
                f"policy {_title(new)} {says}, and in force is {_title(old)}: its FromPolicy must name that",
                XsErr.VERSION_PREVENTS_UPDATE,
            )
        if new.header.version <= old.header.version:
            self._find(
                f"policy {_title(new)} is no newer than {_title(old)}, which is in force: raise its Version",
                XsErr.VERSION_PREVENTS_UPDATE,
            )
        had, has = _components(old), _components(new)
        if had != has:
            self._find(
                f"policy {_title(new)} has {' and '.join(has)}, and {_title(old)}, which is in force, has "
                f"{' and '.join(had)}: what a policy consists of stays; reset the policy first",
                XsErr.WRONG_POLICY_TYPE,
            )

    def _renames(self) -> dict[LabelName, str]:
        """Return what labels of the old policy are called now, where the new one says so (`from`)."""
        renames: dict[LabelName, str] = {}
        for (kind, name), label in self.new_labels.items():
            if label.previous is None or self.old is None:
                continue
            before = LabelName(kind, label.previous)
            if before not in self.old_labels:
                self._find(
                    f"label {name!r} was {label.previous!r} by its 'from', which policy {_title(self.old)} "
                    "does not have",
                    XsErr.BAD_LABEL,
                    labels=(name, label.previous),
                )
            elif before in renames:
                self._find(
                    f"labels {renames[before]!r} and {name!r} both come from {label.previous!r}: one can",
                    XsErr.BAD_LABEL,
                    labels=(renames[before], name, label.previous),
                )
            else:
                renames[before] = name
        return renames

    def _follow(self, kind: LabelKind, name: str) -> str | None:
        """Return what a label is called in the new policy, None where it is gone."""
        renamed = self.renames.get(LabelName(kind, name))
        if renamed is not None:
            return renamed
        return name if name == UNLABELED or LabelName(kind, name) in self.new_labels else None

    def _touched(self) -> list[Touched]:
        machine, resource = LabelKind.MACHINE, LabelKind.RESOURCE
        machines = [
            Touched(it.key, it.name, machine, it.label, self._follow(machine, it.label))
            for it in self.state.machines
        ]
        resources = [
            Touched(it.key, it.key, resource, it.label, self._follow(resource, it.label))
            for it in self.state.resources
        ]
        return [*machines, *resources]

    def _check_running(self) -> None:
        remaining = []
        for machine in self.state.machines:
            if not machine.is_running:
                continue
            label = self._follow(LabelKind.MACHINE, machine.label)
            if label is None:
                self._stop(
                    machine,
                    f"{machine.name!r} runs with label {machine.label!r}, which policy {_title(self.new)} "
                    "does not have",
                    hypervisor_code=_LABEL_IN_USE,
                )
                continue
            self._check_sharing(machine, label)
            remaining.append((machine.key, Running(machine.name, label)))
        machines = {machine.key: machine for machine in self.state.machines}
        for key, decision in replay(self.rules, remaining).items():
            self._refused(machines[key], decision, XsErr.HV_OP_FAILED, _CONFLICT)

    def _check_sharing(self, machine: HostMachine, label: str) -> None:
        """Check what a running machine has in common with the host and with what it uses."""
        with_host = self.rules.may_share(label, self.rules.bootstrap)
        if not with_host.permitted:
            self._refused(machine, with_host, XsErr.HV_OP_FAILED, _SHARING)
        elif not (allowed := self.rules.may_run(label)).permitted:
            self._find(
                f"{machine.name!r} runs on but cannot be started again: {allowed.reason}",
                XsErr.VM_NOT_AUTHORIZED,
                kind=FindingKind.WARNING,
                machines=(machine.name,),
                labels=(label,),
            )
        for what, used in machine.uses:
            now = self._follow(LabelKind.RESOURCE, used)
            if now is None:
                self._stop(
                    machine,
                    f"{machine.name!r} uses {what}, whose label {used!r} policy {_title(self.new)} does not "
                    "have",
                    xserr=XsErr.RESOURCE_ACCESS,
                    labels=(label, used),
                )
                continue
            decision = self.rules.may_share(label, now, LabelKind.RESOURCE)
            if not decision.permitted:
                self._refused(machine, decision, XsErr.RESOURCE_ACCESS, what=what)

    def _refused(
        self, machine: HostMachine, decision: Decision, xserr: XsErr, code: int = 0, *, what: str = ""
    ) -> None:
        about = f"{machine.name!r} and {what}" if what else repr(machine.name)
        for finding in decision.findings:
            self._stop(
                machine,
                f"{about}: {finding.message}",
                xserr=xserr,
                hypervisor_code=code,
                rule=finding.rule,
                labels=finding.labels,
                types=finding.types,
            )

    def _stop(
        self,
        machine: HostMachine,
        why: str,
        *,
        xserr: XsErr = XsErr.HV_OP_FAILED,
        hypervisor_code: int = 0,
        rule: str | None = None,
        labels: tuple[str, ...] = (),
        types: tuple[str, ...] = (),
    ) -> None:
        """Note that a machine must be stopped before the update."""
        self.to_stop[machine.name] = None
        self.findings.append(
            Finding(
                FindingKind.CONFLICT,
                f"{why}; stop it before the update",
                xserr,
                hypervisor_code=hypervisor_code,
                rule=rule,
                labels=labels or (machine.label,),
                types=types,
                machines=(machine.name,),
            )
        )

    def _find(
        self,
        message: str,
        xserr: XsErr,
        *,
        kind: FindingKind = FindingKind.ERROR,
        labels: tuple[str, ...] = (),
        machines: tuple[str, ...] = (),
    ) -> None:
        self.findings.append(Finding(kind, message, xserr, labels=labels, machines=machines))


def _labels(policy: Policy | None) -> Mapping[LabelName, Label]:
    if policy is None:
        return {}
    labels = (*policy.machine_labels, *policy.resource_labels)
    return {LabelName(label.kind, label.name): label for label in labels}


def _components(policy: Policy) -> tuple[str, ...]:
    """Return what a policy consists of, the primary component first, as the hypervisor's binary has it."""
    types = {"ChineseWall": policy.chinese_wall_types, "SimpleTypeEnforcement": policy.ste_types}
    return tuple(name for name, declared in types.items() if declared) or ("no types",)


def _title(policy: Policy | None) -> str:
    return f"{policy.name} {policy.header.version}" if policy else ""
