"""Xen_Keyboard: a keyboard of a machine.

Source: DSP1059 (generic virtual devices); CIM_Keyboard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.consoles import keys
from xencim.providers.core.access import Access
from xencim.providers.core.spec import ClassSpec, MethodSpec, Prop
from xencim.providers.vm.devices.common import NO_DESCRIPTION, device_keys, device_props
from xencim.providers.vm.rows import KEYBOARDS

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, InputDevice, VirtualMachine


def _layout(vm: VirtualMachine, _device: InputDevice, _host: Host) -> str | None:
    """Return the layout that the machine's displays agree on: keys are pressed there."""
    layouts = {graphics.keymap for graphics in vm.current.graphics if graphics.keymap}
    return layouts.pop() if len(layouts) == 1 else None


SPEC = ClassSpec(
    cim_class="Keyboard",
    rows=KEYBOARDS.device_rows(),
    profiles=("DSP1059", "DSP1057"),
    keys=device_keys(KEYBOARDS, "devices/input"),
    props=(
        *device_props("Virtual keyboard", KEYBOARDS.ident, "virDomainGetXMLDesc: devices/input"),
        Prop("Layout", _layout, source="virDomainGetXMLDesc: devices/graphics/@keymap"),
    ),
    methods=(
        MethodSpec("TypeKey", keys.type_key, Access.OPERATE),
        MethodSpec("TypeKeys", keys.type_keys, Access.OPERATE),
        MethodSpec("TypeText", keys.type_text, Access.OPERATE),
        MethodSpec("TypeCtrlAltDel", keys.type_ctrl_alt_del, Access.OPERATE),
    ),
    unfilled={
        **NO_DESCRIPTION,
        "NumberOfFunctionKeys": "a definition does not tell it",
        "Password": "a virtual keyboard has no password of its own",
    },
)
