"""What joins network filters with their host, their rules, each other, and the ports they are applied to.

Source: the CIM schema's CIM_HostedFilterList and CIM_EntriesInFilterList; libvirt-cim's NestedFilterList
and AppliedFilterList.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import AssocSpec, ClassSpec, Link
from xencim.providers.host import host_system
from xencim.providers.host.rows import the_host
from xencim.providers.network.filters import filter_entry, filter_list, hdr8021_filter, ip_headers_filter
from xencim.providers.network.filters.link_changes import APPLIED_WRITES, NESTED_WRITES
from xencim.providers.network.filters.protocols import Headers
from xencim.providers.network.filters.rows import (
    PREFIXES,
    all_filters,
    filter_before,
    nested_in,
    nesting,
    ports_behind,
    rules_of,
    the_filter,
)
from xencim.providers.vm.devices import network_port

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.core.spec import Context, Row


def _every_filter(context: Context, _row: Row) -> Iterable[Row]:
    return all_filters(context)


HOSTED_FILTER_LIST = AssocSpec(
    cim_class="HostedFilterList",
    left_role="Antecedent",
    right_role="Dependent",
    prefixes=PREFIXES,
    links=(Link(left=host_system.SPEC, right=filter_list.SPEC, rights_of=_every_filter, lefts_of=the_host),),
)


def _entries(rules: ClassSpec, headers: Headers) -> Link:
    return Link(
        left=filter_list.SPEC,
        right=rules,
        rights_of=lambda context, row: rules_of(context, row[0], headers),
        lefts_of=the_filter,
    )


ENTRIES_IN_FILTER_LIST = AssocSpec(
    cim_class="EntriesInFilterList",
    left_role="GroupComponent",
    right_role="PartComponent",
    prefixes=PREFIXES,
    links=(
        _entries(filter_entry.SPEC, Headers.ANY),
        _entries(hdr8021_filter.SPEC, Headers.FRAME),
        _entries(ip_headers_filter.SPEC, Headers.IP),
    ),
    unfilled={
        "EntrySequence": "its only value says that all rules must be met; here the first one that is met "
        "decides, in the order of the rules' Priority"
    },
)

NESTED_FILTER_LIST = AssocSpec(
    cim_class="NestedFilterList",
    left_role="Antecedent",
    right_role="Dependent",
    prefixes=PREFIXES,
    writes=NESTED_WRITES,
    links=(Link(left=filter_list.SPEC, right=filter_list.SPEC, rights_of=nested_in, lefts_of=nesting),),
)

APPLIED_FILTER_LIST = AssocSpec(
    cim_class="AppliedFilterList",
    left_role="Antecedent",
    right_role="Dependent",
    prefixes=PREFIXES,
    writes=APPLIED_WRITES,
    links=(
        Link(left=filter_list.SPEC, right=network_port.SPEC, rights_of=ports_behind, lefts_of=filter_before),
    ),
)

ASSOCIATIONS: tuple[AssocSpec, ...] = (
    HOSTED_FILTER_LIST,
    ENTRIES_IN_FILTER_LIST,
    NESTED_FILTER_LIST,
    APPLIED_FILTER_LIST,
)
