"""Xen_PointingDevice: a mouse, tablet or other pointing device of a machine.

Source: DSP1059 (generic virtual devices); CIM_PointingDevice.
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Prop
from xencim.providers.vm.devices.common import NO_DESCRIPTION, device_keys, device_props
from xencim.providers.vm.rows import POINTERS

_OTHER, _UNKNOWN, _MOUSE = 1, 2, 3
_POINTING_TYPE = {"mouse": _MOUSE, "tablet": _OTHER}
_VIRTUAL = "the device is not in anybody's hand"


SPEC = ClassSpec(
    cim_class="PointingDevice",
    rows=POINTERS.device_rows(),
    profiles=("DSP1059", "DSP1057"),
    keys=device_keys(POINTERS, "devices/input"),
    props=(
        *device_props("Virtual pointing device", POINTERS.ident, "virDomainGetXMLDesc: devices/input"),
        Prop(
            "PointingType",
            lambda _vm, device, _host: _POINTING_TYPE.get(device.type, _UNKNOWN),
            source="virDomainGetXMLDesc: devices/input/@type",
        ),
    ),
    unfilled={
        **NO_DESCRIPTION,
        "NumberOfButtons": "a definition does not tell it",
        "Handedness": _VIRTUAL,
        "Resolution": _VIRTUAL,
    },
)
