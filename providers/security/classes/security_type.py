"""Xen_SecurityType: a type of the policy in force, as the collection of labels that have it.

Source: Xen 4.1, ACM (SimpleTypeEnforcementTypes, ChineseWallTypes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Prop
from xencim.providers.security.rows import TYPES, TypeKind, type_id, types_of

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, SecurityPolicy

_TYPES = "the policy's document: SimpleTypeEnforcementTypes, ChineseWallTypes"
_KINDS = {TypeKind.SIMPLE: "Simple Type Enforcement", TypeKind.WALL: "Chinese Wall"}


def _index(kind: TypeKind, name: str, policy: SecurityPolicy, _host: Host) -> int:
    return types_of(policy, kind).index(name)


SPEC = ClassSpec(
    cim_class="SecurityType",
    rows=TYPES,
    profiles=("SecurityPolicy",),
    keys=(Prop("InstanceID", type_id, source="the names of policy and type"),),
    props=(
        Prop("ElementName", lambda _kind, name, *_: name, source=_TYPES),
        Prop("Caption", lambda kind, name, *_: f"{_KINDS[kind]}: {name}"[:64], source=_TYPES),
        Prop("TypeKind", lambda kind, *_: int(kind), source=_TYPES),
        Prop("TypeName", lambda _kind, name, *_: name, source=_TYPES),
        Prop("TypeIndex", _index, source="types are sorted by name in a compiled policy"),
    ),
    unfilled={"Description": "a policy's document has no description"},
)
