"""Xen_ControllerResourceAllocationSettingData: a bus controller.

Source: DSP1059 (generic resource allocation).
"""

from __future__ import annotations

from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.rows import CONTROLLERS
from xencim.providers.vm.settings.common import NO_DESCRIPTION, ONE, VIRTUAL, setting_keys, setting_props

_OTHER = 1


def _xml(name: str, field: str, element: str) -> Prop:
    return Prop(
        name,
        lambda _vm, controller, _origin: getattr(controller, field),
        source=f"virDomainGetXMLDesc: devices/controller/{element}",
    )


SPEC = ClassSpec(
    cim_class="ControllerResourceAllocationSettingData",
    rows=CONTROLLERS.setting_rows(),
    profiles=("DSP1059", "DSP1041"),
    keys=setting_keys(CONTROLLERS, "devices/controller"),
    props=(
        *setting_props(
            _OTHER,
            lambda controller: f"{controller.type} {controller.index}",
            "virDomainGetXMLDesc: devices/controller",
        ),
        *ONE,
        VIRTUAL,
        Prop("Caption", Const("Virtual controller"), source="constant: what it is"),
        Prop("OtherResourceType", Const("controller"), source="constant: what it is"),
        Prop("PoolID", Const(pool_id("Controller")), source="constant: there is one pool"),
        _xml("ResourceSubType", "type", "@type"),
        _xml("Index", "index", "@index"),
        _xml("Model", "model", "@model"),
        _xml("Ports", "ports", "@ports"),
        _xml("Vectors", "vectors", "@vectors"),
        _xml("Queues", "queues", "driver/@queues"),
    ),
    unfilled=NO_DESCRIPTION,
)
