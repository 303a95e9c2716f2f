"""Xen_ACMPolicy: the policy in force.

Source: Xen 4.1, ACM (PolicyHeader); the keys as CIM_AccessControlPolicy of DSP1106.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.model import DEFAULT_POLICY
from xencim.providers.backends.records import Mode
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Prop
from xencim.providers.security.rows import POLICY

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, SecurityPolicy

ENABLED = {Mode.ENFORCING: 1, Mode.OFF: 2, Mode.PERMISSIVE: 3}
"""CIM_PolicySet.Enabled; permissive is "Enabled for Debug"."""
_HEADER = "the policy's document: PolicyHeader"


def _previous(index: int) -> Prop:
    def get(policy: SecurityPolicy, _host: Host) -> str | None:
        return policy.previous[index] if policy.previous else None

    return Prop(("FromPolicyName", "FromVersion")[index], get, source=f"{_HEADER}/FromPolicy")


def _told(name: str, attribute: str, source: str = _HEADER) -> Prop:
    return Prop(name, lambda policy, _host: getattr(policy, attribute), source=source)


SPEC = ClassSpec(
    cim_class="ACMPolicy",
    rows=POLICY,
    profiles=("SecurityPolicy",),
    keys=(
        Prop("SystemCreationClassName", ClassName("HostSystem"), source="the host's class"),
        Prop("SystemName", lambda _policy, host: host.name, source="virConnectGetHostname, fully qualified"),
        Prop("CreationClassName", ClassName(), source="the class's name"),
        _told("PolicyID", "digest", "SHA-256 of the document"),
    ),
    props=(
        _told("ElementName", "name"),
        _told("Caption", "name"),
        _told("CommonName", "name"),
        _told("PolicyName", "name"),
        _told("PolicyVersion", "version"),
        Prop("PolicyKeywords", Const(("SECURITY",)), source="constant: CIM_Policy's keyword for such"),
        Prop("PolicyType", Const(1), source="constant: ACM"),
        Prop(
            "Enabled",
            lambda policy, _host: ENABLED[policy.mode],
            source="the mode that the server is in",
        ),
        Prop("DigestAlgorithm", Const(2), source="constant: SHA-256"),
        _told("Digest", "digest", "SHA-256 of the document"),
        _told("ActivationTime", "activated", "the server's history"),
        _told("ActivatedBy", "principal", "the server's history"),
        Prop(
            "SignatureState", lambda policy, _host: 2 if policy.signer else 1, source="the server's history"
        ),
        _told("Signer", "signer", "the server's history"),
        _told("PolicyURL", "url"),
        _told("Reference", "reference"),
        _told("PolicyDate", "date"),
        _previous(0),
        _previous(1),
        _told("BootstrapLabel", "bootstrap", "the policy's document: SubjectLabels/@bootstrap"),
        _told("PrimaryComponent", "primary", "the policy's document: @priority"),
        Prop("IsDefaultPolicy", lambda policy, _host: policy.name == DEFAULT_POLICY, source=_HEADER),
    ),
    unfilled={
        "Description": "a policy's document has no description",
        "PolicyRoles": "a policy holds for the whole host",
        "PolicyDecisionStrategy": "all rules hold, there is no first that does",
    },
)
