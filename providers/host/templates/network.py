"""Templates of machines' network interfaces, per network and bridge.

Source: DSP1050 1.0; DSP1043 1.0, section 7.
"""

from __future__ import annotations

from xencim.providers.host.templates.common import Templates
from xencim.providers.network.network_pool import KIND

TEMPLATES = Templates(KIND, units="count")
SPEC = TEMPLATES.spec(
    "NetResourceAllocationSettingData",
    *("NetworkType", "NetworkName", "VirtualDevice", "SourceDevice", "NetworkMode", "FilterRef"),
    *("VSIType", "VSIManagerID", "VSITypeID", "VSITypeIDVersion", "VSIInstanceID"),
    *("ProfileID", "VLANIDs", "OutboundLimit", "BootOrder", "LinkUp", "MTU"),
    *("InboundPeak", "InboundBurst", "OutboundPeak", "OutboundBurst"),
    profiles=("DSP1043", "DSP1050"),
)
