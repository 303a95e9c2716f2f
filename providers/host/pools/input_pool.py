"""The input devices that machines can have, as a pool.

Source: DSP1041 1.1, section 10; DSP1059 1.0 (generic devices).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec
from xencim.providers.pools.kind import ENDLESS, PoolKind, counted_props

KIND = PoolKind("Input", resource_type=13)

SPEC = ClassSpec(
    cim_class="InputPool",
    rows=KIND.rows(),
    profiles=("DSP1041", "DSP1059"),
    keys=KIND.keys(),
    props=counted_props(KIND, "Input devices of machines", lambda usage: usage.inputs),
    unfilled=ENDLESS,
)
