"""Xen_ConsoleDisplayController: a text console of a machine.

Source: DSP1059 (generic virtual devices); CIM_DisplayController.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.devices.common import NO_DESCRIPTION, device_keys, device_props
from xencim.providers.vm.rows import CONSOLES

if TYPE_CHECKING:
    from xencim.providers.backends.records import Console, Host, VirtualMachine

_OTHER = 1  # VideoArchitecture
_TEXT = "a text console has no picture"


def _processor(_vm: VirtualMachine, console: Console, _host: Host) -> str | None:
    end = console.source_path or console.bind or console.connect
    return f"{console.source_type}/{end}" if console.source_type and end else console.source_type


SPEC = ClassSpec(
    cim_class="ConsoleDisplayController",
    rows=CONSOLES.device_rows(),
    profiles=("DSP1059", "DSP1057"),
    keys=device_keys(CONSOLES, "the console's number"),
    props=(
        *device_props(
            "Virtual text console",
            lambda console: f"Console {console.index}",
            "virDomainGetXMLDesc: devices/console",
        ),
        Prop("VideoProcessor", _processor, source="virDomainGetXMLDesc: devices/console/source"),
        Prop("VideoArchitecture", Const(_OTHER), source="constant: it is a line of characters"),
        Prop("OtherVideoArchitecture", Const("Text console"), source="constant: it is a line of characters"),
    ),
    unfilled={
        **NO_DESCRIPTION,
        "VideoMemoryType": _TEXT,
        "OtherVideoMemoryType": _TEXT,
        "MaxMemorySupported": _TEXT,
        "NumberOfVideoPages": _TEXT,
        "AcceleratorCapabilities": _TEXT,
        "CapabilityDescriptions": _TEXT,
    },
)
