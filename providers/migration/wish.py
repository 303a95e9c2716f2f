"""What a migration is asked for: which machine, where to, and how.

Source: DSP1081 1.0, 8.2; CIM_VirtualSystemMigrationSettingData.
Errors: CimError INVALID_PARAMETER, NOT_FOUND, NOT_SUPPORTED, each naming what it is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xencim.mof.values import Instance, Path
from xencim.providers.backends.records import Destination, MigrationWish
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management.asked import missing
from xencim.providers.management.given import differing, given
from xencim.providers.management.units import bytes_in

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import View
    from xencim.providers.core.spec import ClassSpec, MethodCall
    from xencim.providers.management.given import Given

LIVE, RESUME, RESTART = 2, 3, 4  # MigrationType
_MIB = 1 << 20
DEFAULT_UNIT = "byte / second * 2^20"
_CHOSEN = frozenset(
    {"MigrationType", "Bandwidth", "BandwidthUnit", "WithStorage", "PostCopy", "MaximumDowntime"}
)


def destination(call: MethodCall, method: str) -> Destination:
    """Return the configured destination that DestinationHost or DestinationSystem means."""
    view = call.inventory.view
    parameter = "DestinationSystem" if method.endswith("ToSystem") else "DestinationHost"
    given_one = call.parameters.get(parameter.lower())
    names = (given_one.key("Name"), given_one.host) if isinstance(given_one, Path) else (given_one,)
    if not names[0]:
        raise missing(method, parameter)
    found = next(filter(None, (_named(view, str(name)) for name in names if name)), None)
    if found is None:
        known = ", ".join(sorted(one.name for one in view.all(Destination).values())) or "none"
        raise CimError(
            Status.INVALID_PARAMETER,
            f"{method}: {names[0]!r} is no destination of this server",
            hint=f"[[migration.destination]] in the configuration names them: {known}",
        )
    return found


def _named(view: View, name: str) -> Destination | None:
    """Return the destination of a name, or of a host's name or address, with a port or without."""
    wanted = name.lower()
    destinations = view.all(Destination)
    if wanted in destinations:
        return destinations[wanted]
    by_host = [
        one
        for one in destinations.values()
        if wanted in {(one.transport.host or "").lower(), *_addresses(one)}
    ]
    return by_host[0] if len(by_host) == 1 else None


def _addresses(one: Destination) -> tuple[str, ...]:
    url = urlsplit(one.url or "")
    return (url.hostname or "", url.netloc.lower())


def wish(call: MethodCall, method: str, to: Destination, defaults: ClassSpec) -> MigrationWish:
    """Return how the machine is to be moved; ``defaults`` tells what settings are when they are not given."""
    wanted = MigrationWish(transport=to.transport)
    instance = call.parameters.get("migrationsettingdata")
    if not isinstance(instance, Instance):
        return wanted
    asked = given(f"MigrationSettingData of {method}", instance)
    changed = differing(defaults, (call.inventory.view.host,), asked)
    for name in changed.keys() - _CHOSEN:
        raise asked.refusal(name, "it cannot be chosen for a migration")
    kind = asked.number("MigrationType") or LIVE
    if kind not in {LIVE, RESUME, RESTART}:
        raise asked.refusal(
            "MigrationType",
            f"it cannot be {kind}: machines are moved live (2), stopped meanwhile (3), or start anew (4)",
        )
    if kind == RESTART:
        _demand_nothing_to_send(asked)
    post_copy = asked.values.get("PostCopy") is True
    if post_copy and kind != LIVE:
        raise asked.refusal("PostCopy", "only a machine that is moved live can go on at its destination")
    return MigrationWish(
        transport=to.transport,
        live=kind == LIVE,
        restart=kind == RESTART,
        with_storage=asked.values.get("WithStorage") is True,
        post_copy=post_copy,
        bandwidth_mib_s=_bandwidth(asked),
        max_downtime_ms=asked.number("MaximumDowntime") or None,
    )


def _demand_nothing_to_send(asked: Given) -> None:
    """Refuse what is about memory and disks that travel: of a machine that starts anew neither does."""
    for name in sorted(_CHOSEN - {"MigrationType", "BandwidthUnit"}):
        if asked.values.get(name):
            raise asked.refusal(name, "a machine that starts anew (MigrationType 4) is moved as a definition")


def _bandwidth(asked: Given) -> int | None:
    value = asked.number("Bandwidth")
    if not value:
        return None
    unit = asked.text("BandwidthUnit") or DEFAULT_UNIT
    try:
        size = value * bytes_in(unit.replace("/ second", "")) / _MIB
    except ValueError as error:
        raise asked.refusal("BandwidthUnit", str(error)) from error
    if size.denominator != 1:
        raise asked.refusal("Bandwidth", f"{value} of {unit!r} is no multiple of 2^20 bytes a second")
    return int(size)
