"""The bus controllers that machines can have, as a pool.

Its ResourceType is Other, as that of the controllers' settings: a pool and what is allocated
from it are of one type (DSP1041).

Source: DSP1041 1.1, section 10; DSP1059 1.0 (generic devices).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec
from xencim.providers.pools.kind import ENDLESS, OTHER, PoolKind, counted_props

KIND = PoolKind("Controller", resource_type=OTHER, other_resource_type="controller")

SPEC = ClassSpec(
    cim_class="ControllerPool",
    rows=KIND.rows(),
    profiles=("DSP1041", "DSP1059"),
    keys=KIND.keys(),
    props=counted_props(KIND, "Bus controllers of machines", lambda usage: usage.controllers),
    unfilled=ENDLESS,
)
