"""What the methods of the policy service answer: findings and plans as embedded instances, return values.

A document that is no policy is an invalid parameter (5), a change that what runs stands against is In
Use (6), everything else that the policy or its rules refuse has failed (4); the findings say why.

Source: Xen_PolicyFinding, Xen_PolicyUpdatePlan in our MOF; Xen 4.1 (XSERR numbers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.model import Finding, FindingKind, PolicyError, XsErr
from xencim.mof.values import Instance, TypedValue
from xencim.providers.backends.records import Labelled, VirtualMachine
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.spec import MethodResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xencim.acm.planning import UpdatePlan
    from xencim.mof.values import Value
    from xencim.providers.backends.base import BackendError
    from xencim.providers.backends.records import AssignedLabel
    from xencim.providers.core.spec import MethodCall
    from xencim.providers.security.stores.history import HistoryEntry

NOT_SUPPORTED, FAILED, INVALID, IN_USE = 1, 4, 5, 6
_CODES = {"absent": NOT_SUPPORTED, "unsupported": NOT_SUPPORTED, "invalid": INVALID, "not_found": INVALID}
_KINDS = (Labelled.MACHINE, Labelled.DISK, Labelled.NETWORK, Labelled.VLAN, Labelled.HOST, Labelled.DEVICE)
_INVALID = frozenset(
    {
        XsErr.BAD_XML,
        XsErr.XML_PROCESSING,
        XsErr.POLICY_INCONSISTENT,
        XsErr.BAD_CONFLICTSET,
        XsErr.BAD_POLICY_NAME,
        XsErr.BAD_RESOURCE_FORMAT,
        XsErr.BAD_LABEL,
        XsErr.BAD_LABEL_FORMAT,
        XsErr.POLICY_HAS_DUPLICATES,
    }
)
_IN_USE = frozenset({XsErr.HV_OP_FAILED, XsErr.RESOURCE_IN_USE, XsErr.RESOURCE_ACCESS, XsErr.VM_IN_CONFLICT})


def text(call: MethodCall, name: str) -> str | None:
    """Return a parameter that is text, None when it was not given."""
    value = call.parameters.get(name.lower())
    return value if isinstance(value, str) else None


def needed(call: MethodCall, name: str) -> str:
    """Return a parameter that is text and must be given."""
    value = text(call, name)
    if value is None:
        raise CimError(Status.INVALID_PARAMETER, f"{call.path.class_name}: {name} is missing")
    return value


def is_true(call: MethodCall, name: str) -> bool:
    """Return a parameter that is FALSE when it was not given."""
    return call.parameters.get(name.lower()) is True


def answered(**out: Value) -> MethodResult:
    """Return what a method answers when it did what it was asked; what is NULL is left out.

    pywbemcli cannot print a parameter that is told to be NULL.
    """
    return MethodResult(0, {name: value for name, value in out.items() if value is not None})


def refused(call: MethodCall, error: PolicyError, *, code: int | None = None) -> MethodResult:
    """Return what a method answers when the policy or its rules stand against it."""
    errors = {finding.xserr for finding in error.findings}
    found = INVALID if errors & _INVALID else IN_USE if errors & _IN_USE else FAILED
    return MethodResult(found if code is None else code, {"Findings": findings(call, error.findings)})


def not_done(call: MethodCall, error: BackendError) -> MethodResult:
    """Return what a method answers when the hypervisor or the host stands against it."""
    text = f"{error.message} ({error.hint})" if error.hint else error.message
    finding = Finding(FindingKind.ERROR, text, XsErr.HV_OP_FAILED)
    return refused(call, PolicyError((finding,)), code=_CODES.get(error.kind, FAILED))


def findings(call: MethodCall, found: Iterable[Finding]) -> Value:
    """Return findings as embedded instances, NULL when there are none."""
    return tuple(_finding(call, one) for one in found) or None


def _instance(call: MethodCall, name: str, told: Mapping[str, tuple[str, Value]]) -> Instance:
    properties = {
        key: TypedValue(cim_type, value) for key, (cim_type, value) in told.items() if value is not None
    }
    return Instance(f"{call.context.view.host.prefix}_{name}", properties)


def _finding(call: MethodCall, finding: Finding) -> Instance:
    return _instance(
        call,
        "PolicyFinding",
        {
            "Kind": ("uint16", int(finding.kind)),
            "XSErr": ("uint32", int(finding.xserr)),
            "HypervisorCode": ("uint32", finding.hypervisor_code),
            "Message": ("string", finding.message),
            "Line": ("uint32", finding.line),
            "Element": ("string", finding.element),
            "RuleName": ("string", finding.rule),
            "Labels": ("string", finding.labels or None),
            "Types": ("string", finding.types or None),
            "Machines": ("string", finding.machines or None),
        },
    )


def plan_instance(call: MethodCall, plan: UpdatePlan) -> Instance:
    """Return a plan as an embedded instance."""
    return _instance(
        call,
        "PolicyUpdatePlan",
        {
            "FromPolicy": ("string", plan.from_policy or None),
            "ToPolicy": ("string", plan.to_policy),
            "Feasible": ("boolean", plan.is_feasible),
            "RenamedLabels": ("string", tuple(f"{one.old} {one.new}" for one in plan.renamed) or None),
            "DeletedLabels": ("string", tuple(label.name for label in plan.deleted) or None),
            "AddedLabels": ("string", tuple(label.name for label in plan.added) or None),
            "RelabelledElements": ("string", tuple(one.name for one in plan.relabelled) or None),
            "InvalidatedElements": ("string", tuple(one.name for one in plan.invalidated) or None),
            "MachinesToStop": ("string", plan.machines_to_stop or None),
            "Findings": ("string", findings(call, plan.findings)),
        },
    )


def assigned_label(call: MethodCall, label: AssignedLabel) -> Instance:
    """Return an object's label as an embedded instance."""
    name = label.object
    if label.kind is Labelled.MACHINE:
        machine = call.context.view.get(VirtualMachine, label.object)
        name = machine.name if machine else label.object
    return _instance(
        call,
        "AssignedLabel",
        {
            "Kind": ("uint16", _KINDS.index(label.kind) + 1),
            "Object": ("string", name),
            "Label": ("string", label.label),
            "PolicyName": ("string", label.policy),
            "Valid": ("boolean", label.is_valid),
            "Principal": ("string", label.principal),
            "Time": ("datetime", label.assigned),
        },
    )


def history_entry(call: MethodCall, entry: HistoryEntry) -> Instance:
    """Return an entry of the history as an embedded instance."""
    return _instance(
        call,
        "PolicyHistoryEntry",
        {
            "Time": ("datetime", entry.at),
            "Principal": ("string", entry.principal),
            "Topic": ("uint16", int(entry.topic)),
            "Action": ("string", entry.action),
            "FromDigest": ("string", entry.from_digest),
            "ToDigest": ("string", entry.to_digest),
            "Detail": ("string", entry.detail),
        },
    )
