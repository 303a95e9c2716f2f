"""What the settings of all resources have in common.

A row is ``(machine, part, origin, …)``.

Source: DSP1041 (CIM_ResourceAllocationSettingData); DSP1059.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import Const, Prop
from xencim.providers.vm.rows import setting_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from xencim.providers.backends.records import VirtualMachine
    from xencim.providers.vm.rows import Parts

VIRTUALIZED, PASSED_THROUGH = 3, 2  # ConsumerVisibility
_SHARED = frozenset({3, 4})  # ResourceType: processor, memory
# ChangeableType, by whether the machine can be changed and is persistent.
_CHANGEABLE = {(False, True): 0, (True, False): 1, (True, True): 2, (False, False): 3}


def changeable_type(vm: VirtualMachine) -> int:
    """Tell whether a machine's settings can be changed, and whether that lasts."""
    return _CHANGEABLE[not vm.is_management_domain, vm.persistent]


def _resource_changeable_type(vm: VirtualMachine, resource_type: int) -> int:
    """Tell the same of a resource: the host's own domain has a share that can be changed while it runs."""
    is_share = vm.is_management_domain and resource_type in _SHARED
    return _CHANGEABLE[True, False] if is_share else changeable_type(vm)


def setting_keys(parts: Parts, source: str) -> tuple[Prop, ...]:
    """Return the key of a resource's settings; ``source`` is what it is told apart by."""
    return (
        Prop(
            "InstanceID",
            lambda vm, part, origin, *_: setting_id(vm, parts.ident(part), origin),
            source=f"virDomainGetName and {source}",
        ),
    )


def setting_props(resource_type: int, label: Callable[[Any], str], source: str) -> tuple[Prop, ...]:
    """Return what the settings of every resource tell; ``label`` is its name for people."""
    return (
        Prop("ElementName", lambda _vm, part, *_: label(part), source=source),
        Prop("ResourceType", Const(resource_type), source="constant: CIM_ResourceAllocationSettingData"),
        Prop("AutomaticAllocation", Const(value=True), source="constant: a start takes all resources"),
        Prop("AutomaticDeallocation", Const(value=True), source="constant: a stop gives all back"),
        Prop(
            "ChangeableType",
            lambda vm, *_: _resource_changeable_type(vm, resource_type),
            source="virDomainIsPersistent",
        ),
    )


# Resources that are there or not: one of them, counted.
ONE = (
    Prop("VirtualQuantity", Const(1), source="constant: each has settings of its own"),
    Prop("VirtualQuantityUnits", Const("count"), source="constant: devices are counted"),
)

VIRTUAL = Prop("ConsumerVisibility", Const(VIRTUALIZED), source="constant: it is virtual")

# CIM_ManagedElement.Description of all settings.
NO_DESCRIPTION = {"Description": "a definition describes machines, not their resources"}
