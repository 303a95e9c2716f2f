"""What the console redirection service can do.

Source: DSP1076 1.0, section 10 (CIM_RedirectionServiceCapabilities).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import capabilities_keys, named
from xencim.providers.host.services.console_redirection_service import SHARED

SPEC = ClassSpec(
    cim_class="ConsoleRedirectionServiceCapabilities",
    rows=HOST,
    profiles=("DSP1076",),
    keys=capabilities_keys("ConsoleRedirectionCapabilities"),
    props=(
        *named("Console redirection capabilities"),
        Prop("SharingModeSupported", Const((SHARED,)), source="constant: as the service's SharingMode"),
        Prop("ElementNameEditSupported", Const(False), source="constant: the name is fixed"),
    ),
    unfilled={
        "RequestedStatesSupported": "the service's own state cannot be changed",
        "StateAwareness": "the service's own state cannot be changed",
        "MaxElementNameLen": "names cannot be edited",
        "ElementNameMask": "names cannot be edited",
    },
)
