"""Xen_InputResourceAllocationSettingData: a mouse, tablet or keyboard.

Source: DSP1059 (generic resource allocation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.rows import INPUTS
from xencim.providers.vm.settings.common import NO_DESCRIPTION, ONE, VIRTUAL, setting_keys, setting_props

if TYPE_CHECKING:
    from xencim.providers.backends.records import InputDevice, VirtualMachine
    from xencim.providers.vm.rows import Origin

_IO_DEVICE = 13


def _caption(_vm: VirtualMachine, device: InputDevice, _origin: Origin) -> str:
    return f"{(device.bus or '').upper()} {device.type.capitalize()}".lstrip()


SPEC = ClassSpec(
    cim_class="InputResourceAllocationSettingData",
    rows=INPUTS.setting_rows(),
    profiles=("DSP1059", "DSP1041"),
    keys=setting_keys(INPUTS, "devices/input"),
    props=(
        *setting_props(_IO_DEVICE, INPUTS.ident, "virDomainGetXMLDesc: devices/input"),
        *ONE,
        VIRTUAL,
        Prop("Caption", _caption, source="virDomainGetXMLDesc: devices/input"),
        Prop("PoolID", Const(pool_id("Input")), source="constant: there is one pool"),
        Prop(
            "ResourceSubType",
            lambda _vm, device, _origin: device.type,
            source="virDomainGetXMLDesc: devices/input/@type",
        ),
        Prop(
            "BusType",
            lambda _vm, device, _origin: device.bus,
            source="virDomainGetXMLDesc: devices/input/@bus",
        ),
    ),
    unfilled=NO_DESCRIPTION,
)
