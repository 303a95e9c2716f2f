"""What joins virtual switches with their host, their settings, their ports and the machines on them.

Source: DSP1097 1.0, the associations of these names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Network
from xencim.providers.core.spec import AssocSpec, Const, Link, Prop
from xencim.providers.host import host_system
from xencim.providers.host.rows import the_host
from xencim.providers.network.switches import capabilities, endpoint, port, settings, switch
from xencim.providers.network.switches.rows import (
    all_switches,
    machine_of,
    port_at,
    ports_of,
    settings_row,
    switch_of,
    the_port,
)
from xencim.providers.vm import computer_system
from xencim.providers.vm.devices import network_port
from xencim.providers.vm.rows import NICS, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.spec import Context, Row

_YES, _NO = 1, 2
_DEFAULT = 2


def _every_switch(context: Context, _row: Row) -> Iterable[Row]:
    return all_switches(context)


def managed_switches(context: Context, _row: Row) -> Iterable[Row]:
    """Return the switches that can be changed: a bridge of the host cannot."""
    return (row for row in all_switches(context) if isinstance(row[0], Network))


def manager_of(context: Context, row: Row) -> Iterable[Row]:
    """Return the host, where a switch can be changed."""
    return the_host(context, row) if isinstance(row[0], Network) else ()


def _ports(context: Context, row: Row) -> Iterable[Row]:
    return ports_of(context, row[0])


def _machine_ports(context: Context, row: Row) -> Iterator[Row]:
    for nic in row[0].current.nics:
        found = port_at(context, row[0], NICS.ident(nic))
        if found is not None:
            yield found


def _interface(_context: Context, row: Row) -> tuple[Row, ...]:
    _source, machine, nic, host = row
    return ((machine, nic, host),)


def _of_interface(context: Context, row: Row) -> Iterator[Row]:
    machine, nic, _host = row
    found = port_at(context, machine, NICS.ident(nic))
    if found is not None:
        yield found


# Settings --------------------------------------------------------------------------------------


def _settings(context: Context, row: Row, origin: Origin) -> Iterator[Row]:
    found = settings_row(context, row[0], origin)
    if found is not None:
        yield found


def _current(context: Context, row: Row) -> Iterator[Row]:
    return _settings(context, row, Origin.CURRENT)


def _of_current(context: Context, row: Row) -> Iterable[Row]:
    return switch_of(context, row) if row[2] is Origin.CURRENT else ()


def _following(context: Context, row: Row) -> Iterator[Row]:
    if row[2] is Origin.CURRENT:
        yield row
        yield from _settings(context, row, Origin.STORED)


def _followed(context: Context, row: Row) -> Iterable[Row]:
    return (row,) if row[2] is Origin.CURRENT else _settings(context, row, Origin.CURRENT)


def _is_next(_current: Row, other: Row) -> int:
    source, _definition, origin, _host = other
    is_last = origin is Origin.STORED or getattr(source, "stored", None) is None
    return _YES if is_last and getattr(source, "persistent", True) else _NO


_INACTIVE = "virNetworkGetXMLDesc, the inactive definition"

ASSOCIATIONS: tuple[AssocSpec, ...] = (
    AssocSpec(
        cim_class="HostedDependency",
        left_role="Antecedent",
        right_role="Dependent",
        profiles=("DSP1097",),
        links=(Link(left=host_system.SPEC, right=switch.SPEC, rights_of=_every_switch, lefts_of=the_host),),
    ),
    AssocSpec(
        cim_class="SystemDevice",
        left_role="GroupComponent",
        right_role="PartComponent",
        profiles=("DSP1097",),
        links=(Link(left=switch.SPEC, right=port.SPEC, rights_of=_ports, lefts_of=switch_of),),
    ),
    AssocSpec(
        cim_class="SettingsDefineState",
        left_role="ManagedElement",
        right_role="SettingData",
        profiles=("DSP1097",),
        links=(Link(left=switch.SPEC, right=settings.SPEC, rights_of=_current, lefts_of=_of_current),),
    ),
    AssocSpec(
        cim_class="ElementSettingData",
        left_role="ManagedElement",
        right_role="SettingData",
        profiles=("DSP1097",),
        links=(
            Link(
                left=settings.SPEC,
                right=settings.SPEC,
                rights_of=_following,
                lefts_of=_followed,
                props=(
                    Prop("IsDefault", _is_next, source=_INACTIVE),
                    Prop(
                        "IsCurrent",
                        lambda _left, right: _YES if right[2] is Origin.CURRENT else _NO,
                        source="virNetworkGetXMLDesc, the active definition",
                    ),
                    Prop("IsNext", _is_next, source=_INACTIVE),
                ),
            ),
        ),
    ),
    AssocSpec(
        cim_class="ElementCapabilities",
        left_role="ManagedElement",
        right_role="Capabilities",
        profiles=("DSP1097",),
        links=(
            Link(
                left=switch.SPEC,
                right=capabilities.SPEC,
                rights_of=switch_of,
                lefts_of=switch_of,
                props=(
                    Prop("Characteristics", Const((_DEFAULT,)), source="constant: they are its only ones"),
                ),
            ),
        ),
    ),
    AssocSpec(
        cim_class="HostedAccessPoint",
        left_role="Antecedent",
        right_role="Dependent",
        profiles=("DSP1097",),
        links=(
            Link(
                left=computer_system.SPEC,
                right=endpoint.AT_MACHINE,
                rights_of=_machine_ports,
                lefts_of=machine_of,
            ),
            Link(left=switch.SPEC, right=endpoint.AT_SWITCH, rights_of=_ports, lefts_of=switch_of),
        ),
    ),
    AssocSpec(
        cim_class="DeviceSAPImplementation",
        left_role="Antecedent",
        right_role="Dependent",
        profiles=("DSP1097",),
        links=(
            Link(
                left=network_port.SPEC,
                right=endpoint.AT_MACHINE,
                rights_of=_of_interface,
                lefts_of=_interface,
            ),
            Link(left=port.SPEC, right=endpoint.AT_SWITCH, rights_of=the_port, lefts_of=the_port),
        ),
    ),
    AssocSpec(
        cim_class="ActiveConnection",
        left_role="Antecedent",
        right_role="Dependent",
        profiles=("DSP1097",),
        unfilled=dict.fromkeys(
            ("TrafficType", "OtherTrafficDescription"), "the schema calls it out of place here"
        ),
        links=(
            Link(
                left=endpoint.AT_MACHINE,
                right=endpoint.AT_SWITCH,
                rights_of=the_port,
                lefts_of=the_port,
                props=(
                    Prop(
                        "IsUnidirectional",
                        Const(value=False),
                        source="constant: packets go both ways",
                    ),
                ),
            ),
        ),
    ),
)
