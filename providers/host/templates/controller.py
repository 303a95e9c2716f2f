"""Templates of machines' bus controllers.

Source: DSP1059 1.0; DSP1043 1.0, section 7.
"""

from __future__ import annotations

from xencim.providers.host.pools.controller_pool import KIND
from xencim.providers.host.templates.common import Templates

TEMPLATES = Templates(KIND, units="count")
SPEC = TEMPLATES.spec(
    "ControllerResourceAllocationSettingData",
    *("Index", "Model", "Ports", "Vectors", "Queues"),
    profiles=("DSP1043", "DSP1059"),
)
