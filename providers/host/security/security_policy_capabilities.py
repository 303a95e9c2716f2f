"""What can be done about security policies here.

Source: DSP1106 (shapes); CIM_Capabilities.
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import capabilities_keys, named

_METHODS = "the methods that the service carries out"

SPEC = ClassSpec(
    cim_class="SecurityPolicyCapabilities",
    rows=HOST,
    keys=capabilities_keys("SecurityPolicyCapabilities"),
    props=(
        *named("Security policy"),
        Prop("SupportedPolicyTypes", Const((1,)), source="constant: documents are in the language of ACM"),
        *(
            Prop(name, Const(value=True), source=_METHODS)
            for name in (
                *("OfflineEvaluation", "OnlineEvaluation", "DryRunSupported", "RelabelRunningSupported"),
            )
        ),
    ),
)
