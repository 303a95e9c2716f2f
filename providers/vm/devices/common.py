"""What all devices of machines have in common: their keys and the state they share with their machine.

Source: DSP1059 (CIM_LogicalDevice of virtual devices); CIM_EnabledLogicalElement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassName, Const, Prop
from xencim.providers.vm.rows import device_id
from xencim.providers.vm.status import STATUS_PROPS, enabled_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from xencim.providers.vm.rows import Parts

_ENABLED, _NOT_APPLICABLE = 2, 12


def device_keys(parts: Parts, source: str) -> tuple[Prop, ...]:
    """Return the keys of a device; ``source`` is what it is told apart by."""
    return (
        Prop("SystemCreationClassName", ClassName("ComputerSystem"), source="constant: the machine's class"),
        Prop("SystemName", lambda vm, *_: vm.name, source="virDomainGetName"),
        Prop("CreationClassName", ClassName(), source="constant: the class's name"),
        Prop(
            "DeviceID",
            lambda vm, part, _host: device_id(vm, parts.ident(part)),
            source=f"virDomainGetName and {source}",
        ),
    )


def device_props(caption: str, label: Callable[[Any], str], source: str) -> tuple[Prop, ...]:
    """Return what every device tells; ``label`` is its name for people."""
    return (
        Prop("Name", lambda _vm, part, _host: label(part), source=source),
        Prop("ElementName", lambda vm, part, _host: f"{vm.name} {label(part)}", source=source),
        Prop("Caption", Const(caption), source="constant: what it is"),
        Prop("EnabledState", lambda vm, *_: enabled_state(vm), source="virDomainGetState"),
        *STATE_PROPS,
    )


STATE_PROPS = (
    Prop("EnabledDefault", Const(_ENABLED), source="constant: a device works when its machine does"),
    Prop("RequestedState", Const(_NOT_APPLICABLE), source="constant: no method changes its state"),
    Prop("TransitioningToState", Const(_NOT_APPLICABLE), source="constant: no method changes its state"),
    *STATUS_PROPS,
)

# CIM_ManagedElement.Description of all devices.
NO_DESCRIPTION = {"Description": "a definition describes machines, not their devices"}
