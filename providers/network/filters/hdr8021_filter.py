"""Xen_Hdr8021Filter: a rule of a network filter about Ethernet frames, or ARP, RARP and STP in them.

Source: the CIM schema's CIM_Hdr8021Filter.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec
from xencim.providers.network.filters.common import RULE_KEYS, RULE_PROPS, of_rule
from xencim.providers.network.filters.protocols import Headers, ether_type, mac, number
from xencim.providers.network.filters.rows import PREFIXES, rule_rows

if TYPE_CHECKING:
    from xencim.providers.backends.records import FilterRule

_MOST_VLAN = 4095
_MACS = (
    ("HdrSrcMACAddr8021", "srcmacaddr"),
    ("HdrSrcMACMask8021", "srcmacmask"),
    ("HdrDestMACAddr8021", "dstmacaddr"),
    ("HdrDestMACMask8021", "dstmacmask"),
)


def _mac(asked: str, rule: FilterRule) -> tuple[int, ...] | None:
    return mac(rule.value(asked))


SPEC = ClassSpec(
    cim_class="Hdr8021Filter",
    rows=rule_rows(Headers.FRAME),
    prefixes=PREFIXES,
    refreshes_storage=True,
    keys=RULE_KEYS,
    props=(
        *RULE_PROPS,
        *(of_rule(name, partial(_mac, asked), f"rule/*/@{asked}") for name, asked in _MACS),
        of_rule("HdrProtocolID8021", ether_type, "rule/*/@protocolid, or the protocol's own"),
        of_rule("HdrVLANID8021", lambda rule: number(rule.value("vlanid"), _MOST_VLAN), "rule/vlan/@vlanid"),
    ),
    unfilled={"HdrPriorityValue8021": "libvirt's rules have no condition on it"},
)
