"""Methods that decide or label: AssignLabel, CheckCanRun, CheckAccess, ExplainDenial, DetectDrift, imports.

Source: Xen_SecurityPolicyService in our MOF; Xen API 1.0 (can_run, set_security_label, set_resource_label).
Errors: CimError. What the rules refuse is a return value with findings, or an answer that says no.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from xencim.acm.decisions import Rules, RunningSet
from xencim.acm.decisions.decision import all_of
from xencim.acm.flask.denials import explain, parse
from xencim.acm.language import read_policy
from xencim.acm.model import Finding, FindingKind, LabelKind, PolicyError, XsErr
from xencim.acm.slots import slots_of
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Denial, Labelled
from xencim.providers.core.errors import CimError, Status
from xencim.providers.security.importing import import_labels
from xencim.providers.security.labelling import assign
from xencim.providers.security.labelling import needed as policy_in_force
from xencim.providers.security.methods.answers import (
    answered,
    assigned_label,
    findings,
    is_true,
    needed,
    not_done,
    refused,
    text,
)
from xencim.providers.security.methods.targets import target

if TYPE_CHECKING:
    from xencim.acm.decisions import Decision
    from xencim.providers.core.spec import MethodCall, MethodResult

_PERMITTED, _REFUSED = 1, 2  # Decision
_SUGGESTIONS = {
    XsErr.VM_IN_CONFLICT: "stop the machines that are named, or let the conflict set not name both types",
    XsErr.VM_NOT_AUTHORIZED: "give the bootstrap label all types of the label, or the label one of its types",
    XsErr.RESOURCE_ACCESS: "give the machine and what it uses labels with a type in common",
    XsErr.BAD_LABEL: "assign a label of the policy in force",
}


async def assign_label(call: MethodCall) -> MethodResult:
    """Give an object a label, or take it away."""
    what = target(call)
    label = text(call, "Label")
    try:
        in_force = policy_in_force(call.security)
        await assign(
            call.security,
            what,
            label,
            principal=call.principal.name,
            old=text(call, "OldLabel"),
            dry_run=is_true(call, "DryRun"),
        )
    except PolicyError as error:
        return refused(call, error)
    except BackendError as error:
        return not_done(call, error)
    if label is None:
        return answered()
    is_machine = what.kind in {Labelled.MACHINE, Labelled.HOST}
    kind = LabelKind.MACHINE if is_machine else LabelKind.RESOURCE
    return answered(SsidRef=slots_of(in_force.policy).ssidref(label, kind))


async def _rules(call: MethodCall) -> Rules:
    """Return the rules that are asked: of another policy, or of that in force."""
    other = text(call, "AgainstPolicy")
    if other is None:
        return policy_in_force(call.security).rules
    return Rules(await asyncio.to_thread(read_policy, other.encode()))


async def check_can_run(call: MethodCall) -> MethodResult:
    """Tell whether a machine with a label may start beside what runs, or is assumed to."""
    assumed = call.parameters.get("assumedrunninglabels")
    try:
        rules = await _rules(call)
    except PolicyError as error:
        return refused(call, error)
    running = RunningSet(rules)
    if isinstance(assumed, tuple):
        for number, label in enumerate(map(str, assumed), 1):
            running.start(f"assumed {number}", label, f"assumed machine {number} ({label})")
    elif call.security.running is not None:
        for key, machine in call.security.running.without().machines.items():
            if key not in running.machines:
                running.start(key, machine.label, machine.name)
    label = needed(call, "Label")
    return _answer(call, all_of((rules.check_label(label), running.may_start(label))))


async def check_access(call: MethodCall) -> MethodResult:
    """Tell whether a machine of one label may share with another, or use a resource."""
    subject, other = needed(call, "SubjectLabel"), needed(call, "TargetLabel")
    try:
        rules = await _rules(call)
    except PolicyError as error:
        return refused(call, error)
    is_machine = rules.bits(other) is not None
    kind = LabelKind.MACHINE if is_machine else LabelKind.RESOURCE
    return _answer(call, rules.may_share(subject, other, kind))


def _answer(call: MethodCall, decision: Decision) -> MethodResult:
    return answered(
        Decision=_PERMITTED if decision.permitted else _REFUSED,
        Findings=None if decision.permitted else findings(call, decision.findings),
    )


async def explain_denial(call: MethodCall) -> MethodResult:
    """Explain what the hypervisor wrote of a refusal, or one of the server's own."""
    record = text(call, "Record")
    denials = call.inventory.view.all(Denial)
    access = parse(record) if record else None
    try:
        if access is not None:
            found: tuple[Finding, ...] = (explain(access, policy_in_force(call.security).policy),)
        else:
            denial = denials.get(record) if record else max(denials.values(), key=_number, default=None)
            if denial is None:
                unknown = f"{record!r} is no line of a log and no refusal's number"
                raise CimError(Status.NOT_FOUND, unknown if record else "nothing was refused yet")
            found = _of_record(denial)
    except PolicyError as error:
        return refused(call, error)
    suggested = dict.fromkeys(_SUGGESTIONS[one.xserr] for one in found if one.xserr in _SUGGESTIONS)
    return answered(Findings=findings(call, found), SuggestedChange="; ".join(suggested) or None)


def _number(denial: Denial) -> int:
    return denial.number


def _of_record(denial: Denial) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            FindingKind.DENIAL,
            f"{denial.at:%Y-%m-%d %H:%M:%S}: {denial.action}: {denial.outcome}: {reason.message}",
            XsErr(reason.xserr),
            reason.hypervisor_code,
            rule=reason.rule,
            labels=reason.labels,
            types=reason.types,
            machines=reason.machines,
        )
        for reason in denial.reasons
    )


async def find_drift(call: MethodCall) -> MethodResult:
    """Look for what is not as the policy has it."""
    return answered(Findings=findings(call, await call.security.drift.look()))


async def get_labels(call: MethodCall) -> MethodResult:
    """Return the labels that objects were given."""
    labels = sorted(call.security.labels.all(), key=lambda label: label.key)
    return answered(Labels=tuple(assigned_label(call, label) for label in labels) or None)


async def import_resource_labels(call: MethodCall) -> MethodResult:
    """Take over the labels of an older host."""
    document = needed(call, "Representation").encode()
    try:
        taken = await import_labels(
            call.security, document, principal=call.principal.name, dry_run=is_true(call, "DryRun")
        )
    except PolicyError as error:
        return refused(call, error)
    elements = tuple(f"{label.object} {label}" for label in taken.labels)
    return answered(Elements=elements or None, Findings=findings(call, taken.findings))
