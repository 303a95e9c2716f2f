"""What the host's services have in common.

A service whose methods are carried out is Enabled; one that has none yet is Disabled: it is
there, and takes no requests (CIM_EnabledLogicalElement.EnabledState, value 3). What the
capabilities list is derived from the methods that are carried out, so both change together.

Source: DSP1042 1.0, section 10 (CIM_VirtualSystemManagementService); CIM_Service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.core.spec import ClassName, Const, Prop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xencim.providers.core.spec import ClassSpec, MethodSpec

ENABLED = 2
DISABLED = 3


def service_keys(name: str) -> tuple[Prop, ...]:
    """Return the keys of a service of the host."""
    return (
        Prop("SystemCreationClassName", ClassName("HostSystem"), source="the host's class"),
        Prop("SystemName", lambda host: host.name, source="virConnectGetHostname, fully qualified"),
        Prop("CreationClassName", ClassName(), source="the class's name"),
        Prop("Name", Const(name), source="constant: there is one on a host"),
    )


def named(text: str) -> tuple[Prop, ...]:
    """Return what a service or its capabilities are called."""
    return tuple(
        Prop(name, Const(text), source="constant: there is one on a host")
        for name in ("ElementName", "Caption")
    )


def service_props(*, enabled: bool) -> tuple[Prop, ...]:
    """Return the properties that say whether a service works."""
    source = "whether methods of the service are carried out"
    state = ENABLED if enabled else DISABLED
    return (
        Prop("Started", Const(enabled), source=source),
        Prop("EnabledState", Const(state), source=source),
        Prop("EnabledDefault", Const(state), source=source),
        Prop("RequestedState", Const(12), source="constant: a service's state cannot be changed"),
        Prop("TransitioningToState", Const(12), source="constant: as RequestedState"),
        Prop("OperationalStatus", Const((2,) if enabled else (10,)), source=source),
        Prop("HealthState", Const(5), source="constant: the service answers"),
        Prop("PrimaryStatus", Const(1), source="constant: the service answers"),
    )


def capabilities_keys(instance_id: str) -> tuple[Prop, ...]:
    """Return the key of a service's capabilities."""
    return (Prop("InstanceID", Const(instance_id), source="constant: there is one on a host"),)


def methods_supported(methods: Sequence[MethodSpec], numbers: Mapping[str, int]) -> Const:
    """List the methods that are carried out, by their numbers in a ValueMap; NULL when there is none."""
    offered = {method.name for method in methods}
    return Const(tuple(number for name, number in numbers.items() if name in offered) or None)


def synchronous(service: ClassSpec, numbers: Mapping[str, int]) -> Prop:
    """Return SynchronousMethodsSupported."""
    return Prop(
        "SynchronousMethodsSupported",
        methods_supported(service.methods, numbers),
        source="the methods that the service carries out",
    )
