"""libvirt's XML of network filters as records.

Source: libvirt's reference, "Network Filters" (formatnwfilter): chains and their priorities, rules.
Errors: BackendError (failed) for a document that is no filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml.parse import document, number, text
from xencim.providers.backends.records import Condition, FilterRule, NetworkFilter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.etree import _Element

_CHAIN_PRIORITIES = {
    "stp": -810,
    "mac": -800,
    "vlan": -750,
    "ipv4": -700,
    "ipv6": -600,
    "arp": -500,
    "rarp": -400,
}
"""Of chains that say none, by the protocol that their names begin with."""
_RULE_PRIORITY = 500
_NO_CONDITIONS = frozenset({"match", "comment"})


def network_filter(xml: str) -> NetworkFilter:
    """Return a filter's record."""
    root = document(xml, "filter")
    name, uuid = root.get("name"), text(root, "uuid")
    if not name or not uuid:
        raise BackendError("failed", "libvirt gave a network filter without name or uuid")
    chain = root.get("chain") or "root"
    priority = number(root.get("priority"))
    references = (reference.get("filter") for reference in root.findall("filterref"))
    return NetworkFilter(
        name=name,
        uuid=uuid,
        chain=chain,
        priority=_CHAIN_PRIORITIES.get(chain.partition("-")[0], 0) if priority is None else priority,
        rules=tuple(_rule(index, element) for index, element in enumerate(root.findall("rule"))),
        references=tuple(dict.fromkeys(reference for reference in references if reference)),
    )


def _rule(index: int, element: _Element) -> FilterRule:
    priority = number(element.get("priority"))
    # All elements below a rule are of one protocol; each adds conditions.
    protocol = None if len(element) == 0 else str(element[0].tag)
    return FilterRule(
        index=index,
        action=(element.get("action") or "").lower(),
        direction=(element.get("direction") or "").lower(),
        priority=_RULE_PRIORITY if priority is None else priority,
        protocol=protocol,
        conditions=tuple(_conditions(element)),
        comment=next((one.get("comment") for one in element if one.get("comment")), None),
        tracks_connections=(element.get("statematch") or "").lower() not in {"0", "false"},
    )


def _conditions(rule: _Element) -> Iterator[Condition]:
    for element in rule:
        negated = element.get("match") == "no"
        for name, value in element.items():
            if name not in _NO_CONDITIONS:
                yield Condition(name=str(name), value=str(value), negated=negated)
