"""CIM_IndicationService: the part of the server that delivers indications.

StatusDescriptions tells what a destination did not get and, while its listener does not answer and the
service is Degraded, what waits for it.

Source: DSP1054 1.1 (CIM_IndicationService).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Delivery, ObjectManager
from xencim.providers.core.events.delivery_limits import (
    FAILURE_TRIGGER_S,
    FIRST_RETRY_S,
    REFUSED_ATTEMPTS,
)
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Home, Prop, Rows
from xencim.providers.interop.object_manager import MANAGER_KEYS, RUNS, manager

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.core.spec import Context, Row

CLASS = "CIM_IndicationService"
_IGNORE = 4
_OK, _DEGRADED = 2, 3  # OperationalStatus
_HEALTHY, _LESS_HEALTHY = 5, 10  # HealthState
_PRIMARY_OK, _PRIMARY_DEGRADED = 1, 2
_STATUS = {"OperationalStatus", "HealthState", "PrimaryStatus"}
_DELIVERY = "the delivery of indications"


def service_rows(context: Context) -> Iterable[Row]:
    """Return the one row: ``(manager, delivery…)``, one for each destination with something to tell."""
    record = manager(context)
    return ((record, *context.server.all(Delivery).values()),) if record is not None else ()


def _is_failing(deliveries: Iterable[Delivery]) -> bool:
    return any(one.failing_since is not None for one in deliveries)


def _descriptions(_manager: ObjectManager, *deliveries: Delivery) -> tuple[str] | None:
    """Return one text, as there is one OperationalStatus; None where there is nothing to tell."""
    texts = []
    for one in deliveries:
        if one.failing_since is not None:
            texts.append(
                f"{one.destination}: not reached since {one.failing_since:%Y-%m-%d %H:%M:%S %Z} "
                f"({one.error}), {one.waiting} waiting"
            )
        if one.dropped:
            texts.append(f"{one.destination}: {one.dropped} dropped")
    return ("; ".join(texts),) if texts else None


SPEC = ClassSpec(
    cim_class=CLASS,
    home=Home.INTEROP,
    rows=Rows(
        kinds=(ObjectManager, Delivery),
        all=service_rows,
        find=lambda context, _keys: next(iter(service_rows(context)), None),
    ),
    profiles=("DSP1054",),
    keys=(
        *MANAGER_KEYS,
        Prop("CreationClassName", ClassName(), source="the class's name"),
        Prop("Name", Const("IndicationService"), source="constant: there is one"),
    ),
    props=(
        Prop("ElementName", Const("IndicationService"), source="constant: there is one"),
        Prop("Caption", Const("Delivery of indications"), source="constant: there is one"),
        Prop("Started", Const(True), source="constant: the server answers"),
        *(prop for prop in RUNS if prop.name not in _STATUS),
        Prop(
            "OperationalStatus",
            lambda _manager, *found: (_DEGRADED if _is_failing(found) else _OK,),
            source=_DELIVERY,
        ),
        Prop("StatusDescriptions", _descriptions, source=_DELIVERY),
        Prop(
            "HealthState",
            lambda _manager, *found: _LESS_HEALTHY if _is_failing(found) else _HEALTHY,
            source=_DELIVERY,
        ),
        Prop(
            "PrimaryStatus",
            lambda _manager, *found: _PRIMARY_DEGRADED if _is_failing(found) else _PRIMARY_OK,
            source=_DELIVERY,
        ),
        Prop("FilterCreationEnabled", Const(True), source="constant: clients make filters"),
        Prop("DeliveryRetryAttempts", Const(REFUSED_ATTEMPTS), source="constant: of what a listener refuses"),
        Prop("DeliveryRetryInterval", Const(FIRST_RETRY_S), source="constant: the shortest one"),
        Prop("SubscriptionRemovalAction", Const(_IGNORE), source="constant: each subscription says it"),
        Prop("SubscriptionRemovalTimeInterval", Const(FAILURE_TRIGGER_S), source="constant: the default"),
    ),
)
