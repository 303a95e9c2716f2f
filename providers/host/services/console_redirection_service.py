"""The remote displays of the host's machines as a service.

The hypervisor itself serves them, so the service is Enabled though it has no methods.

Source: DSP1076 1.0, section 10 (CIM_RedirectionService).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import named, service_keys, service_props

KVM_REDIRECTION = 3
SHARED = 3

SPEC = ClassSpec(
    cim_class="ConsoleRedirectionService",
    rows=HOST,
    profiles=("DSP1076",),
    keys=service_keys("ConsoleRedirectionService"),
    props=(
        *named("Console redirection"),
        *service_props(enabled=True),
        Prop(
            "RedirectionServiceType",
            Const((KVM_REDIRECTION,)),
            source="constant: DSP1076, keyboard, video and mouse",
        ),
        Prop("SharingMode", Const(SHARED), source="constant: a remote display does not lock others out"),
        Prop("MaxCurrentEnabledSAPs", Const(65535), source="constant: there are no more TCP ports"),
    ),
    unfilled={"OtherRedirectionServiceType": "the type is a standard one"},
)
