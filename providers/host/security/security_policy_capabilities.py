"""What can be done about security policies here.

Source: DSP1106 (shapes); CIM_Capabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import FlaskState, Host, PolicyTrust
from xencim.providers.core.spec import ClassSpec, Const, Prop, Rows
from xencim.providers.host.services.common import capabilities_keys, named
from xencim.providers.security.rows import flask_of

if TYPE_CHECKING:
    from xencim.providers.core.spec import Context, Row

_METHODS = "the methods that the service carries out"


def capabilities_row(context: Context) -> Row:
    """Return their row: ``(host, trust, flask)``; trust or FLASK None where there is none."""
    return (context.view.host, context.view.get(PolicyTrust, "trust"), flask_of(context))


SPEC = ClassSpec(
    cim_class="SecurityPolicyCapabilities",
    rows=Rows(
        kinds=(Host, PolicyTrust, FlaskState),
        all=lambda context: (capabilities_row(context),),
        find=lambda context, _keys: capabilities_row(context),
    ),
    profiles=("SecurityPolicy",),
    keys=capabilities_keys("SecurityPolicyCapabilities"),
    props=(
        *named("Security policy"),
        Prop(
            "SupportedPolicyTypes",
            lambda _host, _trust, flask: (1, 2) if flask else (1,),
            source="documents are in the language of ACM; FLASK where the hypervisor has it",
        ),
        *(
            Prop(name, Const(value=True), source=_METHODS)
            for name in (
                *("OfflineEvaluation", "OnlineEvaluation", "DryRunSupported", "RelabelRunningSupported"),
            )
        ),
        Prop(
            "SignedBundlesSupported",
            lambda _host, trust, _flask: trust is not None,
            source="the configuration: policy.trust",
        ),
    ),
)
