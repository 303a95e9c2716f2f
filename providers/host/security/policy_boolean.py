"""Xen_PolicyBoolean: a boolean of the policy that the hypervisor has.

Source: Xen, docs/misc/xsm-flask.txt; CIM_SettingData.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.security.rows import BOOLEANS

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, PolicyBoolean

_TOOL = "flask-get-bool -a"


def _id(boolean: PolicyBoolean, host: Host) -> str:
    return f"{host.prefix}:FLASK:{boolean.name}"


SPEC = ClassSpec(
    cim_class="PolicyBoolean",
    rows=BOOLEANS,
    profiles=("SecurityPolicy",),
    keys=(Prop("InstanceID", _id, source="the boolean's name"),),
    props=(
        Prop("ElementName", lambda boolean, _host: boolean.name, source=_TOOL),
        Prop("Caption", lambda boolean, _host: f"Boolean {boolean.name}"[:64], source=_TOOL),
        Prop("ChangeableType", Const(1), source="constant: the next load of a policy or boot sets it anew"),
        Prop("BooleanName", lambda boolean, _host: boolean.name, source=_TOOL),
        Prop("CurrentValue", lambda boolean, _host: boolean.value, source=_TOOL),
        Prop("PendingValue", lambda boolean, _host: boolean.pending, source=_TOOL),
    ),
    prefixes=frozenset({"Xen"}),
)
