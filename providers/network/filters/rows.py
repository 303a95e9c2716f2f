"""Where network filters and their rules have their instances, and what joins them with ports.

A filter's row is ``(filter, host)``, a rule's ``(rule, filter, host)``. A rule is called by its filter's
name and its number, which is what follows the last colon: a filter's name may have colons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import FilterRule, Host, NetworkFilter
from xencim.providers.core.spec import Rows
from xencim.providers.network.filters.protocols import Headers, headers_of
from xencim.providers.vm.rows import NICS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row

PREFIXES = frozenset({"KVM", "LXC"})
"""The hypervisors whose drivers apply network filters."""


def filter_row(context: Context, network_filter: NetworkFilter) -> Row:
    """Return a filter's row."""
    return (network_filter, context.view.host)


def all_filters(context: Context) -> Iterator[Row]:
    """Yield the rows of all filters."""
    return (filter_row(context, one) for one in context.view.all(NetworkFilter).values())


def _find_filter(context: Context, keys: Keys) -> Row | None:
    found = context.view.get(NetworkFilter, str(keys.get("name")))
    return filter_row(context, found) if found else None


FILTERS = Rows(kinds=(NetworkFilter, Host), all=all_filters, find=_find_filter)


def rule_name(rule: FilterRule, network_filter: NetworkFilter) -> str:
    """Return what a rule is called."""
    return f"{network_filter.name}:{rule.index}"


def rules_of(context: Context, network_filter: NetworkFilter, headers: Headers) -> Iterator[Row]:
    """Yield the rows of a filter's rules about one kind of headers."""
    host = context.view.host
    return ((rule, network_filter, host) for rule in network_filter.rules if headers_of(rule) is headers)


def rule_rows(headers: Headers) -> Rows:
    """Return where the class of the rules about one kind of headers has its instances."""

    def every(context: Context) -> Iterator[Row]:
        for network_filter in context.view.all(NetworkFilter).values():
            yield from rules_of(context, network_filter, headers)

    def find(context: Context, keys: Keys) -> Row | None:
        wanted = str(keys.get("name"))
        network_filter = context.view.get(NetworkFilter, wanted.rpartition(":")[0])
        if network_filter is None:
            return None
        rows = rules_of(context, network_filter, headers)
        return next((row for row in rows if rule_name(row[0], network_filter) == wanted), None)

    return Rows(kinds=(FilterRule, NetworkFilter, Host), all=every, find=find)


def the_filter(context: Context, row: Row) -> Iterator[Row]:
    """Yield the filter that a rule is in."""
    yield filter_row(context, row[1])


def nested_in(context: Context, row: Row) -> Iterator[Row]:
    """Yield the filters that a filter refers to."""
    for name in row[0].references:
        found = context.view.get(NetworkFilter, name)
        if found is not None:
            yield filter_row(context, found)


def nesting(context: Context, row: Row) -> Iterator[Row]:
    """Yield the filters that refer to a filter."""
    return (filter_row(context, one) for one in context.view.filters_by("refers to", row[0].name))


def ports_behind(context: Context, row: Row) -> Iterator[Row]:
    """Yield the network ports that a filter is applied to."""
    name = row[0].name
    for machine in context.view.machines_by("filter", name):
        for port in NICS.devices(context, machine):
            if port[1].filter_ref == name:
                yield port


def filter_before(context: Context, row: Row) -> Iterator[Row]:
    """Yield the filter that is applied to a network port."""
    name = row[1].filter_ref
    found = context.view.get(NetworkFilter, name) if name else None
    if found is not None:
        yield filter_row(context, found)
