"""Subscriptions, and what joins the service that delivers indications with everything around it.

Source: DSP1054 1.1 (CIM_IndicationSubscription, CIM_ServiceAffectsElement, CIM_ElementCapabilities).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xencim.providers.backends.records import IndicationFilter, ListenerDestination
from xencim.providers.core.events.subscriptions import ends_at
from xencim.providers.core.spec import AssocSpec, Const, Link, Prop
from xencim.providers.interop.indications import (
    indication_filter,
    indication_service,
    indication_service_capabilities,
    listener_destination,
)
from xencim.providers.interop.indications.indication_filter import FILTERS
from xencim.providers.interop.indications.indication_service import service_rows
from xencim.providers.interop.indications.listener_destination import DESTINATIONS
from xencim.providers.interop.indications.subscription_changes import (
    CLASS,
    DISABLED,
    ENABLED,
    WRITES,
    subscription_of,
)
from xencim.providers.interop.object_manager import manager_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.mof.values import Value
    from xencim.providers.backends.records import IndicationSubscription
    from xencim.providers.core.spec import ClassSpec, Context, Row

_CLIENT = "the client that made it"


def _destinations_of(context: Context, row: Row) -> Iterator[Row]:
    name = row[0].name
    for destination in context.server.all(ListenerDestination).values():
        if any(one.filter == name for one in destination.subscriptions):
            yield (destination,)


def _filters_of(context: Context, row: Row) -> Iterator[Row]:
    for one in row[0].subscriptions:
        record = context.server.get(IndicationFilter, one.filter)
        if record is not None:
            yield (record,)


def _prop(name: str, get: Callable[[IndicationSubscription], Value], source: str = _CLIENT) -> Prop:
    return Prop(name, lambda left, right: get(subscription_of(left[0], right[0])), source=source)


def _left_s(subscription: IndicationSubscription) -> int | None:
    end = ends_at(subscription)
    return None if end is None else max(int((end - datetime.now(UTC)).total_seconds()), 0)


INDICATION_SUBSCRIPTION = AssocSpec(
    cim_class=CLASS,
    left_role="Filter",
    right_role="Handler",
    profiles=("DSP1054",),
    writes=WRITES,
    # pywbem's subscription manager compares them with the paths of an enumeration, which have no host.
    references_have_host=False,
    links=(
        Link(
            left=indication_filter.SPEC,
            right=listener_destination.SPEC,
            rights_of=_destinations_of,
            lefts_of=_filters_of,
            props=(
                _prop("OnFatalErrorPolicy", lambda one: one.on_fatal_error),
                _prop("FailureTriggerTimeInterval", lambda one: one.failure_trigger_s),
                _prop("SubscriptionState", lambda one: ENABLED if one.enabled else DISABLED),
                _prop("TimeOfLastStateChange", lambda one: one.changed, "when it was enabled or disabled"),
                _prop("SubscriptionDuration", lambda one: one.duration_s),
                _prop("SubscriptionStartTime", lambda one: one.started, "when it was made"),
                _prop("SubscriptionTimeRemaining", _left_s, "the clock, when asked"),
                _prop("RepeatNotificationPolicy", lambda one: one.repeat_policy),
                _prop("SubscriptionInfo", lambda one: one.info),
                Prop("AlertOnStateChange", Const(False), source="constant: no alerts are sent"),
            ),
        ),
    ),
    unfilled={
        "OtherOnFatalErrorPolicy": "OnFatalErrorPolicy is never Other",
        "OtherSubscriptionState": "SubscriptionState is never Other",
        "OtherRepeatNotificationPolicy": "RepeatNotificationPolicy is never Other",
        "RepeatNotificationInterval": "nothing is told of again",
        "RepeatNotificationGap": "nothing is told of again",
        "RepeatNotificationCount": "nothing is told of again",
        "LastIndicationIdentifier": "the listener has it",
        "LastIndicationProductionDateTime": "the listener has it",
    },
)


def _of_service(element: ClassSpec, rows: Callable[[Context], Iterable[Row]]) -> Link:
    return Link(
        left=element,
        right=indication_service.SPEC,
        rights_of=lambda context, _row: service_rows(context),
        lefts_of=lambda context, _row: rows(context),
    )


SERVICE_AFFECTS_ELEMENT = AssocSpec(
    cim_class="CIM_ServiceAffectsElement",
    left_role="AffectedElement",
    right_role="AffectingElement",
    profiles=("DSP1054",),
    links=(
        _of_service(indication_filter.SPEC, FILTERS.all),
        _of_service(listener_destination.SPEC, DESTINATIONS.all),
    ),
    unfilled={
        "ElementEffects": "DSP1054 does not ask for it",
        "OtherElementEffectsDescriptions": "ElementEffects is not filled",
        "AssignedSequence": "the order of services means nothing",
    },
)

ELEMENT_CAPABILITIES = AssocSpec(
    cim_class="CIM_ElementCapabilities",
    left_role="ManagedElement",
    right_role="Capabilities",
    profiles=("DSP1054",),
    links=(
        Link(
            left=indication_service.SPEC,
            right=indication_service_capabilities.SPEC,
            rights_of=lambda context, _row: manager_rows(context),
            lefts_of=lambda context, _row: service_rows(context),
        ),
    ),
    unfilled={"Characteristics": "the capabilities are neither default nor current ones: there is one"},
)

ASSOCIATIONS: tuple[AssocSpec, ...] = (
    INDICATION_SUBSCRIPTION,
    SERVICE_AFFECTS_ELEMENT,
    ELEMENT_CAPABILITIES,
)
