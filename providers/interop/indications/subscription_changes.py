"""How clients make, change and delete subscriptions.

RepeatNotificationPolicy may be None (2) only: every event is told of once. OnFatalErrorPolicy is what
happens when a listener has not been reached for FailureTriggerTimeInterval.

Source: DSP1054 1.1, section 8 (operations on CIM_IndicationSubscription).
Errors: CimError INVALID_PARAMETER, NOT_FOUND (an end), ALREADY_EXISTS.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from xencim.mof.values import Path
from xencim.providers.backends.records import IndicationFilter, IndicationSubscription, ListenerDestination
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.events.subscriptions import DISABLE, IGNORE, REMOVE
from xencim.providers.core.spec import Writes
from xencim.providers.interop.indications import destination_changes, filter_changes
from xencim.providers.interop.indications.common import ACCESS, demand_known, demand_owner, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.providers.core.served import AssocRow
    from xencim.providers.core.spec import InstanceChange, Keys

E = TypeVar("E", IndicationFilter, ListenerDestination)

CLASS = "CIM_IndicationSubscription"
ENABLED, DISABLED = 2, 4
_NO_REPEATS = 2
_UNREPEATED = (None, 0, _NO_REPEATS)
_CHANGEABLE = {
    "onfatalerrorpolicy",
    "failuretriggertimeinterval",
    "subscriptionstate",
    "subscriptionduration",
    "repeatnotificationpolicy",
    "subscriptioninfo",
}
_FIXED = {"alertonstatechange": False}
# It has become another when a client sends back what it read.
_COMPUTED = "subscriptiontimeremaining"
_FIELDS = {
    "onfatalerrorpolicy": "on_fatal_error",
    "failuretriggertimeinterval": "failure_trigger_s",
    "subscriptionduration": "duration_s",
    "repeatnotificationpolicy": "repeat_policy",
}


def _settings(change: InstanceChange) -> dict[str, Any]:
    """Return the fields that are given, checked."""
    values = change.values
    if values.get("onfatalerrorpolicy") not in {None, IGNORE, DISABLE, REMOVE}:
        raise _wrong(change, "OnFatalErrorPolicy", "Ignore (2), Disable (3) or Remove (4)")
    if values.get("subscriptionstate") not in {None, ENABLED, DISABLED}:
        raise _wrong(change, "SubscriptionState", "Enabled (2) or Disabled (4)")
    if values.get("repeatnotificationpolicy") not in _UNREPEATED:
        raise _wrong(change, "RepeatNotificationPolicy", "None (2)")
    found = {field: values[name] for name, field in _FIELDS.items() if name in values}
    if "subscriptioninfo" in values:
        found["info"] = text(change, "subscriptioninfo")
    if values.get("subscriptionstate") is not None:
        found["enabled"] = values["subscriptionstate"] == ENABLED
    return found


def _wrong(change: InstanceChange, name: str, allowed: str) -> CimError:
    given = change.values[name.lower()]
    return CimError(Status.INVALID_PARAMETER, f"{CLASS}.{name} cannot be {given}, only {allowed}")


async def _create(change: InstanceChange) -> Keys:
    demand_known(change, CLASS, {"filter", "handler", *_CHANGEABLE}, _FIXED)
    settings = _settings(change)
    record = _end(change, "Filter", filter_changes.CLASS, IndicationFilter)
    destination = _end(change, "Handler", destination_changes.CLASS, ListenerDestination)
    demand_owner(change, destination.owner, f"destination {destination.name!r}")
    now = datetime.now(UTC)
    await change.subscriptions.add_subscription(
        destination.name,
        IndicationSubscription(
            filter=record.name, owner=change.principal.name, started=now, changed=now, **settings
        ),
    )
    return {name: cast("Path", change.values[name.lower()]) for name in ("Filter", "Handler")}


def _end(change: InstanceChange, role: str, class_name: str, kind: type[E]) -> E:
    path = change.values.get(role.lower())
    if not isinstance(path, Path):
        raise CimError(Status.INVALID_PARAMETER, f"{CLASS} needs reference {role}")
    record = change.context.server.get(kind, str(path.key("Name")))
    if record is None or path.class_name.lower() != class_name.lower():
        raise CimError(Status.NOT_FOUND, f"{CLASS}.{role} refers to {path}, which is not there")
    return record


async def _modify(change: InstanceChange) -> None:
    demand_known(change, CLASS, {*_CHANGEABLE, _COMPUTED}, _FIXED)
    settings = _settings(change)

    def apply(subscription: IndicationSubscription) -> IndicationSubscription:
        changed = replace(subscription, **settings)
        if changed.enabled == subscription.enabled:
            return changed
        return replace(changed, changed=datetime.now(UTC))

    await _change(change, apply)


async def _delete(change: InstanceChange) -> None:
    await _change(change, lambda _subscription: None)


async def _change(
    change: InstanceChange, apply: Callable[[IndicationSubscription], IndicationSubscription | None]
) -> None:
    row = cast("AssocRow", change.row)
    (record,), (destination,) = row.left, row.right
    what = f"the subscription of {destination.name!r} to {record.name!r}"
    demand_owner(change, subscription_of(record, destination).owner, what)
    await change.subscriptions.change_subscription(destination.name, record.name, apply)


def subscription_of(record: IndicationFilter, destination: ListenerDestination) -> IndicationSubscription:
    """Return the subscription of a destination to a filter."""
    return next(one for one in destination.subscriptions if one.filter == record.name)


WRITES = Writes(ACCESS, _create, _modify, _delete)
