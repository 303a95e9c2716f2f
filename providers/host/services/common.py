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
    from collections.abc import Callable, Mapping, Sequence

    from xencim.mof.values import Value
    from xencim.providers.backends.records import Host
    from xencim.providers.core.spec import ClassSpec, MethodSpec

ENABLED = 2
DISABLED = 3


def service_keys(name: str) -> tuple[Prop, ...]:
    """Return the keys of a service of the host."""
    return (
        Prop("SystemCreationClassName", ClassName("HostSystem"), source="the host's class"),
        Prop("SystemName", lambda host, *_: host.name, source="virConnectGetHostname, fully qualified"),
        Prop("CreationClassName", ClassName(), source="the class's name"),
        Prop("Name", Const(name), source="constant: there is one on a host"),
    )


def named(text: str) -> tuple[Prop, ...]:
    """Return what a service or its capabilities are called."""
    return tuple(
        Prop(name, Const(text), source="constant: there is one on a host")
        for name in ("ElementName", "Caption")
    )


def service_props(*, enabled: bool | Callable[[Host], bool]) -> tuple[Prop, ...]:
    """Return the properties that say whether a service works, on every host or on some."""
    source = "whether methods of the service are carried out"

    def told(yes: Value, no: Value) -> Const | Callable[[Host], Value]:
        if callable(enabled):
            return lambda host: yes if enabled(host) else no
        return Const(yes if enabled else no)

    return (
        Prop("Started", told(yes=True, no=False), source=source),
        Prop("EnabledState", told(ENABLED, DISABLED), source=source),
        Prop("EnabledDefault", told(ENABLED, DISABLED), source=source),
        Prop("RequestedState", Const(12), source="constant: a service's state cannot be changed"),
        Prop("TransitioningToState", Const(12), source="constant: as RequestedState"),
        Prop("OperationalStatus", told((2,), (10,)), source=source),
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
