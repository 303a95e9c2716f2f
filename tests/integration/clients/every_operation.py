"""Every operation of DSP0200, as pywbem's client asks it of a host made up in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pywbem
from pywbem import CIMClass, CIMInstance, CIMInstanceName, CIMQualifierDeclaration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Ask = Callable[[Any], object]

VM_CLASS = "Xen_ComputerSystem"
VM_KEYS = {"CreationClassName": VM_CLASS, "Name": "vm-00001"}
VM = CIMInstanceName(VM_CLASS, VM_KEYS, namespace="root/virt")
QUERY = "SELECT Name FROM CIM_ComputerSystem WHERE EnabledState = 2"
FILTER = "EnabledState = 2"
NO_CONTEXT = ("none", "root/virt")
NEW = CIMInstance(VM_CLASS, {"ElementName": "new"}, path=VM)


def _old(connection: Any, name: str) -> object:  # noqa: ANN401 - a WBEMConnection
    """Ask an operation that pywbem's interface has no more."""
    path = CIMInstanceName(VM_CLASS, VM_KEYS)
    return connection._imethodcall(name, "root/virt", InstanceName=path, PropertyName="Name")


READS: Mapping[str, Ask] = {
    "GetInstance": lambda c: c.GetInstance(VM, IncludeClassOrigin=True),
    "EnumerateInstances": lambda c: c.EnumerateInstances("CIM_ManagedElement", IncludeClassOrigin=True),
    "EnumerateInstanceNames": lambda c: c.EnumerateInstanceNames("CIM_ManagedElement"),
    "Associators": lambda c: c.Associators(VM, IncludeClassOrigin=True),
    "AssociatorNames": lambda c: c.AssociatorNames(VM),
    "References": lambda c: c.References(VM, IncludeClassOrigin=True),
    "ReferenceNames": lambda c: c.ReferenceNames(VM),
    "Associators of a class": lambda c: c.Associators(VM_CLASS, IncludeQualifiers=True),
    "AssociatorNames of a class": lambda c: c.AssociatorNames(VM_CLASS),
    "References of a class": lambda c: c.References(VM_CLASS, IncludeQualifiers=True),
    "ReferenceNames of a class": lambda c: c.ReferenceNames(VM_CLASS),
    "ExecQuery": lambda c: c.ExecQuery("DMTF:CQL", QUERY),
    "GetProperty": lambda c: _old(c, "GetProperty"),
    "GetClass": lambda c: c.GetClass(VM_CLASS, LocalOnly=False, IncludeClassOrigin=True),
    "EnumerateClasses": lambda c: c.EnumerateClasses(DeepInheritance=True, IncludeClassOrigin=True),
    "EnumerateClassNames": lambda c: c.EnumerateClassNames(DeepInheritance=True),
    "GetQualifier": lambda c: c.GetQualifier("Key"),
    "EnumerateQualifiers": lambda c: c.EnumerateQualifiers(),
}
OPENS: Mapping[str, Ask] = {
    "OpenEnumerateInstances": lambda c: c.OpenEnumerateInstances("CIM_ManagedElement", MaxObjectCount=2),
    "OpenEnumerateInstancePaths": lambda c: c.OpenEnumerateInstancePaths("CIM_System", MaxObjectCount=2),
    "OpenAssociatorInstances": lambda c: c.OpenAssociatorInstances(VM, MaxObjectCount=2),
    "OpenAssociatorInstancePaths": lambda c: c.OpenAssociatorInstancePaths(VM, MaxObjectCount=2),
    "OpenReferenceInstances": lambda c: c.OpenReferenceInstances(VM, MaxObjectCount=2),
    "OpenReferenceInstancePaths": lambda c: c.OpenReferenceInstancePaths(VM, MaxObjectCount=2),
    "OpenQueryInstances": lambda c: c.OpenQueryInstances("DMTF:CQL", QUERY, MaxObjectCount=1),
}
PULLS: Mapping[str, str] = {
    "OpenEnumerateInstances": "PullInstancesWithPath",
    "OpenEnumerateInstancePaths": "PullInstancePaths",
    "OpenAssociatorInstances": "PullInstancesWithPath",
    "OpenAssociatorInstancePaths": "PullInstancePaths",
    "OpenReferenceInstances": "PullInstancesWithPath",
    "OpenReferenceInstancePaths": "PullInstancePaths",
    "OpenQueryInstances": "PullInstances",
}
"""By the operation that opens: the one that pulls."""
CONTINUED: Mapping[str, Ask] = {
    **{
        name: lambda c, name=name: getattr(c, name)(NO_CONTEXT, MaxObjectCount=1)  # type: ignore[misc]
        for name in sorted(set(PULLS.values()))
    },
    "CloseEnumeration": lambda c: c.CloseEnumeration(NO_CONTEXT),
}
"""Those that need an open enumeration, without one."""
NOT_OFFERED: Mapping[str, Ask] = {
    "CreateInstance": lambda c: c.CreateInstance(NEW),
    "ModifyInstance": lambda c: c.ModifyInstance(NEW),
    "DeleteInstance": lambda c: c.DeleteInstance(VM),
    "CreateClass": lambda c: c.CreateClass(CIMClass("Xen_New")),
    "ModifyClass": lambda c: c.ModifyClass(CIMClass(VM_CLASS)),
    "DeleteClass": lambda c: c.DeleteClass(VM_CLASS),
    "SetQualifier": lambda c: c.SetQualifier(CIMQualifierDeclaration("New", "boolean")),
    "DeleteQualifier": lambda c: c.DeleteQualifier("Key"),
    "SetProperty": lambda c: _old(c, "SetProperty"),
}
METHOD: Mapping[str, Ask] = {
    "InvokeMethod": lambda c: c.InvokeMethod("RequestStateChange", VM, RequestedState=pywbem.Uint16(2)),
}
EVERY: Mapping[str, Ask] = {**READS, **OPENS, **CONTINUED, **NOT_OFFERED, **METHOD}
