"""Xen_GraphicsResourceAllocationSettingData: a remote display. Its password is never read.

Source: DSP1059 (generic resource allocation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.pool_ids import pool_id
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.display import display_address
from xencim.providers.vm.rows import GRAPHICS
from xencim.providers.vm.settings.common import NO_DESCRIPTION, ONE, VIRTUAL, setting_keys, setting_props

if TYPE_CHECKING:
    from xencim.providers.backends.records import Graphics, VirtualMachine
    from xencim.providers.vm.rows import Origin

_GRAPHICS_CONTROLLER = 24


def _ipv6_only(_vm: VirtualMachine, graphics: Graphics, _origin: Origin) -> bool | None:
    return None if graphics.listen is None else ":" in graphics.listen


SPEC = ClassSpec(
    cim_class="GraphicsResourceAllocationSettingData",
    rows=GRAPHICS.setting_rows(),
    profiles=("DSP1059", "DSP1041"),
    keys=setting_keys(GRAPHICS, "devices/graphics/@type"),
    props=(
        *setting_props(_GRAPHICS_CONTROLLER, GRAPHICS.ident, "virDomainGetXMLDesc: devices/graphics/@type"),
        *ONE,
        VIRTUAL,
        Prop("Caption", Const("Virtual display"), source="constant: what it is"),
        Prop("PoolID", Const(pool_id("Graphics")), source="constant: there is one pool"),
        Prop(
            "ResourceSubType",
            lambda _vm, graphics, _origin: graphics.type,
            source="virDomainGetXMLDesc: devices/graphics/@type",
        ),
        Prop(
            "Address",
            lambda _vm, graphics, _origin: display_address(graphics),
            source="virDomainGetXMLDesc: devices/graphics/@listen and @port",
        ),
        Prop(
            "KeyMap",
            lambda _vm, graphics, _origin: graphics.keymap,
            source="virDomainGetXMLDesc: devices/graphics/@keymap",
        ),
        Prop("IsIPv6Only", _ipv6_only, source="virDomainGetXMLDesc: devices/graphics/@listen"),
    ),
    unfilled={**NO_DESCRIPTION, "Password": "secrets are written and never told"},
)
