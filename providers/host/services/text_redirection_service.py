"""The text consoles of the host's machines as a service.

The hypervisor itself serves them, so the service is Enabled though it has no methods.

Source: DSP1024 1.0, section 10 (CIM_TextRedirectionService).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import named, service_keys, service_props

_TEXT = 2
_EXCLUSIVE = 2

SPEC = ClassSpec(
    cim_class="TextRedirectionService",
    rows=HOST,
    profiles=("DSP1024",),
    keys=service_keys("TextRedirectionService"),
    props=(
        *named("Text console redirection"),
        *service_props(enabled=True),
        Prop("RedirectionServiceType", Const((_TEXT,)), source="constant: DSP1024, text"),
        Prop("SharingMode", Const(_EXCLUSIVE), source="constant: a terminal has one who reads it"),
        Prop("MaxCurrentEnabledSAPs", Const(65535), source="constant: the hypervisor sets no limit"),
    ),
    unfilled={"OtherRedirectionServiceType": "the type is a standard one"},
)
