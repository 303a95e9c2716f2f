"""What became of changes of virtual switches that a server's end interrupted: what their settings tell now.

Source: DSP1103 (jobs).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from xencim.providers.core.spec import Context
from xencim.providers.management.given import same, told
from xencim.providers.network.switches.settings import SPEC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.inventory import View
    from xencim.providers.core.jobs.recovery import Reconciler

NETWORK_CHANGED = "network changed"


def _changed(view: View, facts: Mapping[str, str]) -> str | None:
    row = SPEC.rows.find(Context(view, view), {"instanceid": facts["settings"]})
    if row is None:
        return f"there are no settings {facts['settings']!r}"
    for name, value in json.loads(facts["tells"]).items():
        wanted, present = tuple(value) if isinstance(value, list) else value, told(SPEC, row, name)
        if not same(wanted, present):
            return f"{name} of {facts['settings']} is {present!r}, not {wanted!r}"
    return None


RECONCILERS: Mapping[str, Reconciler] = {NETWORK_CHANGED: _changed}
