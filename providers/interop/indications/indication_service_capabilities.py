"""CIM_IndicationServiceCapabilities: how much the service takes, and that nothing of it is settable.

Source: DSP1054 1.1 (CIM_IndicationServiceCapabilities).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import ObjectManager
from xencim.providers.core.events.subscriptions import MAX_DESTINATIONS, MAX_SUBSCRIPTIONS
from xencim.providers.core.spec import ClassSpec, Const, Home, Prop, Rows
from xencim.providers.interop.object_manager import manager_rows

if TYPE_CHECKING:
    from xencim.providers.core.spec import Context, Keys, Row

_SETTABLE = (
    "FilterCreationEnabledIsSettable",
    "DeliveryRetryAttemptsIsSettable",
    "DeliveryRetryIntervalIsSettable",
    "SubscriptionRemovalActionIsSettable",
    "SubscriptionRemovalTimeIntervalIsSettable",
)


def _find(context: Context, _keys: Keys) -> Row | None:
    return next(iter(manager_rows(context)), None)


SPEC = ClassSpec(
    cim_class="CIM_IndicationServiceCapabilities",
    home=Home.INTEROP,
    rows=Rows(kinds=(ObjectManager,), all=manager_rows, find=_find),
    profiles=("DSP1054",),
    keys=(
        Prop(
            "InstanceID",
            lambda record: f"{record.name}:IndicationServiceCapabilities",
            source="the product's name; constant: there is one",
        ),
    ),
    props=(
        Prop("ElementName", Const("IndicationServiceCapabilities"), source="constant: there is one"),
        Prop("Caption", Const("Capabilities of the delivery of indications"), source="constant: what it is"),
        *(Prop(name, Const(False), source="constant: the service has no settings") for name in _SETTABLE),
        Prop("MaxListenerDestinations", Const(MAX_DESTINATIONS), source="constant: the limit"),
        Prop("MaxActiveSubscriptions", Const(MAX_SUBSCRIPTIONS), source="constant: the limit"),
        Prop("SubscriptionsPersisted", Const(True), source="constant: they are kept on disk"),
    ),
)
