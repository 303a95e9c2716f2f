"""Xen_FLASKSecurityModule: the hypervisor's own access control, where it has one.

Source: Xen, docs/misc/xsm-flask.txt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.flask.compiler import BINARY_VERSION
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.host.services.common import named, service_keys, service_props
from xencim.providers.security.rows import FLASK

if TYPE_CHECKING:
    from xencim.providers.backends.records import FlaskState, Host

_PERMISSIVE, _ENFORCING = 2, 3


def _mode(_host: Host, state: FlaskState) -> int:
    return _ENFORCING if state.is_enforcing else _PERMISSIVE


SPEC = ClassSpec(
    cim_class="FLASKSecurityModule",
    rows=FLASK,
    profiles=("SecurityPolicy",),
    keys=service_keys("FLASK"),
    props=(
        *named("FLASK"),
        *service_props(enabled=True),
        Prop("ModuleType", Const(2), source="constant: FLASK"),
        Prop("EnforcementMode", _mode, source="xl getenforce"),
        Prop(
            "SupportedPolicyVersions",
            Const((BINARY_VERSION,)),
            source="constant: the version that is written, and loaded into the hypervisor",
        ),
    ),
    prefixes=frozenset({"Xen"}),
)
