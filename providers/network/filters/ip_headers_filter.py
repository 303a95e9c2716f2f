"""Xen_IPHeadersFilter: a rule of a network filter about IPv4 or IPv6, or the protocols in them.

Source: the CIM schema's CIM_IPHeadersFilter.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec
from xencim.providers.network.filters.common import RULE_KEYS, RULE_PROPS, of_rule
from xencim.providers.network.filters.protocols import (
    Headers,
    address,
    ip_protocol,
    ip_version,
    mask,
    number,
)
from xencim.providers.network.filters.rows import PREFIXES, rule_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.backends.records import FilterRule
    from xencim.providers.core.spec import Prop

_MOST_PORT, _MOST_DSCP = 65_535, 63


def _dscp(rule: FilterRule) -> tuple[int, ...] | None:
    value = number(rule.value("dscp"), _MOST_DSCP)
    return None if value is None else (value,)


def _port(asked: str, rule: FilterRule) -> int | None:
    return number(rule.value(asked), _MOST_PORT)


def _side(cim: str, name: str) -> Iterator[Prop]:
    """Yield what is told of the source or the destination of packets."""

    def start(rule: FilterRule) -> tuple[int, ...] | None:
        return address(rule.value(f"{name}ipaddr") or rule.value(f"{name}ipfrom"))

    yield of_rule(f"Hdr{cim}Address", start, f"rule/*/@{name}ipaddr, @{name}ipfrom")
    yield of_rule(
        f"Hdr{cim}AddressEndOfRange",
        lambda rule: address(rule.value(f"{name}ipto")) if start(rule) else None,
        f"rule/*/@{name}ipto",
    )
    yield of_rule(
        f"Hdr{cim}Mask",
        lambda rule: mask(rule.value(f"{name}ipmask"), rule) if start(rule) else None,
        f"rule/*/@{name}ipmask",
    )
    for end in ("Start", "End"):
        asked = f"{name}port{end.lower()}"
        yield of_rule(f"Hdr{cim}Port{end}", partial(_port, asked), f"rule/*/@{asked}")


SPEC = ClassSpec(
    cim_class="IPHeadersFilter",
    rows=rule_rows(Headers.IP),
    prefixes=PREFIXES,
    refreshes_storage=True,
    keys=RULE_KEYS,
    props=(
        *RULE_PROPS,
        of_rule("HdrIPVersion", ip_version, "rule/*"),
        of_rule("HdrProtocolID", ip_protocol, "rule/*, rule/*/@protocol"),
        of_rule("HdrDSCP", _dscp, "rule/*/@dscp"),
        *_side("Src", "src"),
        *_side("Dest", "dst"),
    ),
    unfilled={"HdrFlowLabel": "libvirt's rules have no condition on it"},
)
