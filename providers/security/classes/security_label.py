"""Xen_SecurityLabel: a label that the policy in force defines.

Source: Xen 4.1, ACM (SecurityLabelTemplate); CIM_SecuritySensitivity. Labels have no order: the
dominance that CIM_SecuritySensitivity speaks of has no meaning for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.model import UNLABELED
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.security.rows import LABELS, label_id

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, PolicyLabel, SecurityPolicy

_TEMPLATE = "the policy's document: SecurityLabelTemplate"


def _level(label: PolicyLabel, policy: SecurityPolicy, _host: Host) -> str:
    return f"XEN:ACM.{policy.name}:{label.name}"


def _label(label: PolicyLabel, policy: SecurityPolicy, _host: Host) -> str:
    return f"ACM:{policy.name}:{label.name}"


def _told(name: str, attribute: str) -> Prop:
    return Prop(name, lambda label, *_: getattr(label, attribute), source=_TEMPLATE)


SPEC = ClassSpec(
    cim_class="SecurityLabel",
    rows=LABELS,
    profiles=("SecurityPolicy",),
    keys=(Prop("InstanceID", label_id, source="the names of policy and label"),),
    props=(
        _told("ElementName", "name"),
        Prop("Caption", _label, source=_TEMPLATE),
        Prop("SecurityLevel", _level, source=_TEMPLATE),
        Prop("Label", _label, source="Xen API 1.0: VM.get_security_label"),
        Prop("PolicyType", Const(1), source="constant: ACM"),
        Prop("PolicyName", lambda _label, policy, _host: policy.name, source="PolicyHeader/PolicyName"),
        _told("LabelName", "name"),
        Prop("LabelKind", lambda label, *_: 1 if label.is_for_machines else 2, source=_TEMPLATE),
        _told("SsidRef", "ssidref"),
        Prop(
            "IsBootstrap",
            lambda label, policy, _host: label.is_for_machines and label.name == policy.bootstrap,
            source=f"{_TEMPLATE}/SubjectLabels/@bootstrap",
        ),
        Prop("IsUnlabeled", lambda label, *_: label.name == UNLABELED, source=_TEMPLATE),
        _told("PreviousName", "previous"),
        _told("SimpleTypes", "ste_types"),
        _told("ChineseWallTypes", "wall_types"),
    ),
    unfilled={"Description": "a policy's document has no description"},
)
