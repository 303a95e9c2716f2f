"""Templates of machines' processors.

Source: DSP1044 1.0; DSP1043 1.0, section 7.
"""

from __future__ import annotations

from xencim.providers.host.pools.processor_pool import KIND
from xencim.providers.host.templates.common import Templates

TEMPLATES = Templates(KIND, units="count", maximum=lambda _source, host: host.max_vcpus)
SPEC = TEMPLATES.spec(
    "ProcResourceAllocationSettingData",
    *("Affinity", "CPUMode", "CPUModel", "FeaturesRequired", "FeaturesHidden"),
    profiles=("DSP1043", "DSP1044"),
)
