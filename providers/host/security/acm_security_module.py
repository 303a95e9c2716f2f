"""Xen_ACMSecurityModule: the decisions of ACM policies, and the mode that they are made in.

Xen has made none of them since 4.2: the server does, for all that is asked of it, and looks at what was
started past it.

Source: Xen 4.1, ACM; docs/concepts/acm.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Mode, Reaction
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.host.services.common import named, service_keys, service_props
from xencim.providers.security.rows import HOST_AND_POLICY

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, SecurityPolicy

_MODES = {Mode.OFF: 1, Mode.PERMISSIVE: 2, Mode.ENFORCING: 3}
_NO_POLICY = 4
_REACTIONS = {Reaction.ALERT: 1, Reaction.PAUSE: 2, Reaction.DESTROY: 3}


def _mode(_host: Host, policy: SecurityPolicy | None) -> int:
    return _MODES[policy.mode] if policy else _NO_POLICY


def _reaction(_host: Host, policy: SecurityPolicy | None) -> int | None:
    return _REACTIONS[policy.reaction] if policy else None


SPEC = ClassSpec(
    cim_class="ACMSecurityModule",
    rows=HOST_AND_POLICY,
    profiles=("SecurityPolicy",),
    keys=service_keys("ACM"),
    props=(
        *named("Access Control Module"),
        *service_props(enabled=True),
        Prop("ModuleType", Const(1), source="constant: ACM"),
        Prop("EnforcementMode", _mode, source="the mode that the server is in"),
        Prop("SupportedPolicyVersions", Const((2, 3, 4)), source="constant: the formats of Xen 3.0.4 to 4.1"),
        Prop("UnmanagedStartReaction", _reaction, source="the server's setting"),
    ),
)
