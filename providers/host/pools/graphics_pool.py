"""The remote displays that machines can have, as a pool.

Source: DSP1041 1.1, section 10; DSP1059 1.0 (generic devices).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec
from xencim.providers.pools.kind import ENDLESS, PoolKind, counted_props

KIND = PoolKind("Graphics", resource_type=24)

SPEC = ClassSpec(
    cim_class="GraphicsPool",
    rows=KIND.rows(),
    profiles=("DSP1041", "DSP1059"),
    keys=KIND.keys(),
    props=counted_props(KIND, "Remote displays of machines", lambda usage: usage.graphics),
    unfilled=ENDLESS,
)
