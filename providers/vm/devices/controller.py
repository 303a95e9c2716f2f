"""Xen_Controller: a bus controller of a machine.

Source: DSP1059 (generic virtual devices); CIM_Controller.
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Prop
from xencim.providers.vm.devices.common import NO_DESCRIPTION, device_keys, device_props
from xencim.providers.vm.rows import CONTROLLERS

_OTHER = 1
_PROTOCOL = {"pci": 5, "isa": 4, "fdc": 7, "scsi": 9, "usb": 16, "ide": 37, "sata": 48}


SPEC = ClassSpec(
    cim_class="Controller",
    rows=CONTROLLERS.device_rows(),
    profiles=("DSP1059", "DSP1057"),
    keys=device_keys(CONTROLLERS, "devices/controller"),
    props=(
        *device_props(
            "Virtual controller",
            lambda controller: f"{controller.type} {controller.index}",
            "virDomainGetXMLDesc: devices/controller",
        ),
        Prop(
            "ProtocolSupported",
            lambda _vm, controller, _host: _PROTOCOL.get(controller.type, _OTHER),
            source="virDomainGetXMLDesc: devices/controller/@type",
        ),
        Prop(
            "ProtocolDescription",
            lambda _vm, controller, _host: controller.model or controller.type,
            source="virDomainGetXMLDesc: devices/controller/@model, else @type",
        ),
        Prop(
            "MaxNumberControlled",
            lambda _vm, controller, _host: controller.ports,
            source="virDomainGetXMLDesc: devices/controller/@ports",
        ),
    ),
    unfilled=NO_DESCRIPTION,
)
