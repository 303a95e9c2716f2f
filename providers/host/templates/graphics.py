"""Templates of machines' remote displays.

Source: DSP1059 1.0; DSP1043 1.0, section 7.
"""

from __future__ import annotations

from xencim.providers.host.pools.graphics_pool import KIND
from xencim.providers.host.templates.common import Templates

TEMPLATES = Templates(KIND, units="count")
SPEC = TEMPLATES.spec(
    "GraphicsResourceAllocationSettingData",
    *("KeyMap", "Password", "IsIPv6Only"),
    profiles=("DSP1043", "DSP1059"),
)
