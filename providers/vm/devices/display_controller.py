"""Xen_DisplayController: a display of a machine, and how it is reached.

Source: DSP1059 (generic virtual devices); CIM_DisplayController.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Prop
from xencim.providers.vm.devices.common import NO_DESCRIPTION, device_keys, device_props
from xencim.providers.vm.display import display_address
from xencim.providers.vm.rows import GRAPHICS

if TYPE_CHECKING:
    from xencim.providers.backends.records import Graphics, Host, VirtualMachine

_OTHER, _UNKNOWN = 1, 0  # VideoArchitecture
_MAX_UINT32 = 2**32 - 1
NOT_TOLD = "a definition does not tell it"


def _video_memory(_vm: VirtualMachine, graphics: Graphics, _host: Host) -> int | None:
    size = (graphics.video_memory_kib or 0) * 1024
    return size if 0 < size <= _MAX_UINT32 else None


def _processor(_vm: VirtualMachine, graphics: Graphics, _host: Host) -> str:
    address = display_address(graphics)
    return f"{graphics.type}/{address}" if address else graphics.type


_VIDEO = "virDomainGetXMLDesc: devices/video/model"

SPEC = ClassSpec(
    cim_class="DisplayController",
    rows=GRAPHICS.device_rows(),
    profiles=("DSP1059", "DSP1057"),
    keys=device_keys(GRAPHICS, "devices/graphics/@type"),
    props=(
        *device_props("Virtual display", GRAPHICS.ident, "virDomainGetXMLDesc: devices/graphics/@type"),
        Prop("VideoProcessor", _processor, source="virDomainGetXMLDesc: devices/graphics"),
        Prop(
            "VideoArchitecture",
            lambda _vm, graphics, _host: _OTHER if graphics.video_model else _UNKNOWN,
            source=_VIDEO,
        ),
        Prop("OtherVideoArchitecture", lambda _vm, graphics, _host: graphics.video_model, source=_VIDEO),
        Prop("MaxMemorySupported", _video_memory, source=f"{_VIDEO}/@vram"),
    ),
    unfilled={
        **NO_DESCRIPTION,
        "VideoMemoryType": NOT_TOLD,
        "OtherVideoMemoryType": NOT_TOLD,
        "NumberOfVideoPages": NOT_TOLD,
        "AcceleratorCapabilities": NOT_TOLD,
        "CapabilityDescriptions": NOT_TOLD,
    },
)
