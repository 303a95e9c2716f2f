"""Xen_AccessRule: what a type of the policy in force grants.

A rule is the type itself, never a pair of labels: rules grow with types, not with the square of labels.

Source: Xen 4.1, ACM (Simple Type Enforcement); CIM_Privilege: what is not granted is refused.
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.security.rows import ACCESS_RULES, access_rule_id

_OTHER, _KIND_OF_SHARING = 1, 16000
_SHARED = ("grant", "event channel", "device use")
_TYPE = "the policy's document: SimpleTypeEnforcementTypes"
_STE = "constant: what Simple Type Enforcement decides"

SPEC = ClassSpec(
    cim_class="AccessRule",
    rows=ACCESS_RULES,
    profiles=("SecurityPolicy",),
    keys=(Prop("InstanceID", access_rule_id, source="the names of policy and type"),),
    props=(
        Prop("ElementName", lambda name, *_: name, source=_TYPE),
        Prop("Caption", lambda name, *_: f"Sharing by {name}"[:64], source=_TYPE),
        Prop("TypeName", lambda name, *_: name, source=_TYPE),
        Prop("PrivilegeGranted", Const(value=True), source="constant: no rule of ACM denies"),
        Prop(
            "RepresentsAuthorizationRights",
            Const(value=False),
            source="constant: rules are no rights to change",
        ),
        Prop("Activities", Const((_OTHER,) * len(_SHARED)), source=_STE),
        Prop("ActivityQualifiers", Const(_SHARED), source=_STE),
        Prop("QualifierFormats", Const((_KIND_OF_SHARING,) * len(_SHARED)), source=_STE),
    ),
)
