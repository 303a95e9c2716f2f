"""Xen_FilterEntry: a rule of a network filter about packets of any kind.

Source: the CIM schema's CIM_FilterEntryBase.
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec
from xencim.providers.network.filters.common import RULE_KEYS, RULE_PROPS
from xencim.providers.network.filters.protocols import Headers
from xencim.providers.network.filters.rows import PREFIXES, rule_rows

SPEC = ClassSpec(
    cim_class="FilterEntry",
    rows=rule_rows(Headers.ANY),
    prefixes=PREFIXES,
    refreshes_storage=True,
    keys=RULE_KEYS,
    props=RULE_PROPS,
)
