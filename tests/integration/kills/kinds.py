"""Each kind of job: how a client asks for one on the prepared host, and what is told of it after a kill."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pywbem
from pywbem import CIMInstance, CIMInstanceName, Uint16, Uint64

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = "root/virt"
HOST = {"SystemCreationClassName": "KVM_HostSystem", "SystemName": "fake.example"}


@dataclass(frozen=True)
class Case:
    """What is asked of what; ``lost`` and ``made`` are told where the host did nothing and where it went on.

    ``made`` None: the job is completed.
    """

    path: CIMInstanceName
    method: str
    lost: str
    made: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


def path(cls: str, **keys: str) -> CIMInstanceName:
    return CIMInstanceName(f"KVM_{cls}", keys, namespace=NAMESPACE)


def machine(number: int) -> CIMInstanceName:
    return path("ComputerSystem", CreationClassName="KVM_ComputerSystem", Name=f"vm-{number:05d}")


def service(cls: str, name: str) -> CIMInstanceName:
    return path(cls, **HOST, CreationClassName=f"KVM_{cls}", Name=name)


def volume(name: str) -> CIMInstanceName:
    return path("StorageVolume", **HOST, CreationClassName="KVM_StorageVolume", DeviceID=f"default/{name}")


def pool(kind: str, name: str) -> CIMInstanceName:
    return path(f"{kind}Pool", InstanceID=f"{kind}Pool/{name}")


def settings(cls: str, **properties: object) -> CIMInstance:
    return CIMInstance(f"KVM_{cls}", properties)


def system_settings(name: str) -> CIMInstanceName:
    return path("VirtualSystemSettingData", InstanceID=f"KVM:{name}")


def snapshot(number: int) -> CIMInstanceName:
    return system_settings(f"vm-{number:05d};snapshot/base")


VSMS = service("VirtualSystemManagementService", "Management Service")
SNAPSHOTS = service("VirtualSystemSnapshotService", "SnapshotService")
POOLS = service("ResourcePoolConfigurationService", "RPCS")
FILTERS = path("FilterList")
KEYBOARD = path(
    "Keyboard",
    SystemCreationClassName="KVM_ComputerSystem",
    SystemName="vm-00017",
    CreationClassName="KVM_Keyboard",
    DeviceID="vm-00017/keyboard:xen",
)
SWITCH = "KVM:switch/changed"
MAC = "00:16:3e:00:00:08"
CREATED = "CreateInstance"

CASES: Mapping[str, Case] = {
    "RequestStateChange": Case(
        machine(0),
        "RequestStateChange",
        "vm-00000 is running now",
        parameters={"RequestedState": Uint16(9)},
    ),
    "DefineSystem": Case(
        VSMS,
        "DefineSystem",
        "the machine is not there",
        parameters={"SystemSettings": settings("VirtualSystemSettingData", VirtualSystemIdentifier="made")},
    ),
    "CopySystem": Case(
        VSMS,
        "CopySystem",
        "the machine is not there",
        "the machine is not there; what was made for it is left: default/copy-xvda.qcow2",
        {
            "SystemSettings": settings("VirtualSystemSettingData", VirtualSystemIdentifier="copy"),
            "ReferenceConfiguration": system_settings("vm-00002"),
        },
    ),
    "ConvertToXenTemplate": Case(
        VSMS,
        "ConvertToXenTemplate",
        "vm-00010 is no template",
        "vm-00010 is no template, and is not started with its host any more",
        {"System": machine(10)},
    ),
    "DestroySystem": Case(
        VSMS, "DestroySystem", "the machine is still there", parameters={"AffectedSystem": machine(1)}
    ),
    "ModifySystemSettings": Case(
        VSMS,
        "ModifySystemSettings",
        "Description of KVM:vm-00003 is 'Machine 3 of a host made up in memory', not 'new'",
        parameters={
            "SystemSettings": settings(
                "VirtualSystemSettingData", InstanceID="KVM:vm-00003", Description="new"
            )
        },
    ),
    "AddResourceSettings": Case(
        VSMS,
        "AddResourceSettings",
        "vm-00005/52:54:00:00:00:01 is not there",
        parameters={
            "AffectedConfiguration": system_settings("vm-00005"),
            "ResourceSettings": [
                settings("NetResourceAllocationSettingData", NetworkType="user", Address="52:54:00:00:00:01")
            ],
        },
    ),
    "ModifyResourceSettings": Case(
        VSMS,
        "ModifyResourceSettings",
        "VirtualQuantity of vm-00007/mem is 2097152, not 1048576",
        parameters={
            "ResourceSettings": [
                settings(
                    "MemResourceAllocationSettingData",
                    InstanceID="vm-00007/mem",
                    VirtualQuantity=Uint64(1 << 20),
                    AllocationUnits="KiloBytes",
                )
            ]
        },
    ),
    "RemoveResourceSettings": Case(
        VSMS,
        "RemoveResourceSettings",
        f"vm-00008/{MAC} is still there",
        parameters={
            "ResourceSettings": [path("NetResourceAllocationSettingData", InstanceID=f"vm-00008/{MAC}")]
        },
    ),
    "CreateSnapshot": Case(
        SNAPSHOTS,
        "CreateSnapshot",
        "there is no snapshot 'new'",
        parameters={
            "AffectedSystem": machine(9),
            "SnapshotSettings": settings("VirtualSystemSnapshotSettingData", ElementName="new"),
            "SnapshotType": Uint16(2),
        },
    ),
    "ApplySnapshot": Case(
        SNAPSHOTS,
        "ApplySnapshot",
        "the machine was not returned to snapshot 'base'",
        parameters={"Snapshot": snapshot(11)},
    ),
    "DestroySnapshot": Case(
        SNAPSHOTS,
        "DestroySnapshot",
        "snapshot 'base' is still there",
        parameters={"AffectedSnapshot": snapshot(13)},
    ),
    "DestroySnapshotTree": Case(
        SNAPSHOTS,
        "DestroySnapshotTree",
        "snapshot 'base' is still there",
        parameters={"AffectedSnapshot": snapshot(15)},
    ),
    "network made": Case(
        POOLS,
        "CreateChildResourcePool",
        "there is no network 'new'",
        parameters={
            "ElementName": "new",
            "Settings": [settings("NetPoolResourceAllocationSettingData", ForwardMode=Uint16(0))],
        },
    ),
    "network gone": Case(
        POOLS,
        "DeleteResourcePool",
        "network 'left' is still there",
        parameters={"Pool": pool("Network", "left")},
    ),
    "network state": Case(
        pool("Network", "running"),
        "RequestStateChange",
        "network 'running' is active",
        parameters={"RequestedState": Uint16(3)},
    ),
    "network autostart": Case(
        pool("Network", "plain"),
        "SetAutostart",
        "network 'plain' was not changed",
        parameters={"Autostart": True},
    ),
    "network changed": Case(
        VSMS,
        "ModifySystemSettings",
        f"MTU of {SWITCH} is None, not 1400",
        parameters={
            "SystemSettings": settings(
                "VirtualEthernetSwitchSettingData", InstanceID=SWITCH, MTU=pywbem.Uint32(1400)
            )
        },
    ),
    "CreateCoreDump": Case(
        VSMS,
        "CreateCoreDump",
        "there is no volume 'default/core'",
        "volume 'default/core' is there; whether the dump in it is whole cannot be told",
        {"TargetSystem": machine(16), "Pool": pool("Disk", "default"), "VolumeName": "core"},
    ),
    "TypeKeys": Case(
        KEYBOARD,
        "TypeText",
        "how much of it was typed cannot be told",
        "how much of it was typed cannot be told",
        {"AsciiText": "text"},
    ),
    "pool made": Case(
        POOLS,
        "CreateChildResourcePool",
        "there is no storage pool 'new'",
        parameters={
            "ElementName": "new",
            "Settings": [settings("DiskPoolResourceAllocationSettingData", Type=Uint16(1), Path="/new")],
        },
    ),
    "pool gone": Case(
        POOLS,
        "DeleteResourcePool",
        "storage pool 'left' is still there",
        parameters={"Pool": pool("Disk", "left")},
    ),
    "pool emptied": Case(
        POOLS,
        "DeleteResourcePoolWithContent",
        "storage pool 'emptied' is still there; some of its content may be deleted",
        parameters={"Pool": pool("Disk", "emptied")},
    ),
    "pool state": Case(
        pool("Disk", "stopped"),
        "RequestStateChange",
        "storage pool 'stopped' is inactive",
        parameters={"RequestedState": Uint16(2)},
    ),
    "pool autostart": Case(
        pool("Disk", "plain"),
        "SetAutostart",
        "storage pool 'plain' was not changed",
        parameters={"Autostart": True},
    ),
    "pool read": Case(
        POOLS,
        "RefreshResourcesInPool",
        "whether storage pool 'started' was looked at anew cannot be told",
        "whether storage pool 'started' was looked at anew cannot be told",
        {"Pool": pool("Disk", "started")},
    ),
    "pool sources": Case(
        POOLS,
        "FindPoolSources",
        "nothing was changed; ask again",
        "nothing was changed; ask again",
        {"Type": Uint16(6)},
    ),
    "volume made": Case(
        POOLS,
        "CreateResourceInPool",
        "there is no volume 'default/new'",
        parameters={
            "Settings": settings(
                "StorageVolumeResourceAllocationSettingData",
                VolumeName="new",
                Capacity=Uint64(1 << 20),
            ),
            "Pool": pool("Disk", "default"),
        },
    ),
    "volume copied": Case(
        volume("copied"),
        "Clone",
        "there is no volume 'default/clone'",
        "volume 'default/clone' is there; whether its content is whole cannot be told",
        {"VolumeName": "clone"},
    ),
    "volume gone": Case(
        POOLS,
        "DeleteResourceInPool",
        "volume 'default/gone' is still there",
        parameters={
            "Resource": settings("StorageVolumeResourceAllocationSettingData", VolumeName="gone"),
            "Pool": pool("Disk", "default"),
        },
    ),
    "volume size": Case(
        volume("grown"),
        "Resize",
        "volume 'default/grown' was not made larger",
        parameters={"Capacity": Uint64(1 << 21)},
    ),
    "volume wiped": Case(
        volume("wiped"),
        "Wipe",
        "how far volume 'default/wiped' was overwritten cannot be told",
        "how far volume 'default/wiped' was overwritten cannot be told",
    ),
    "volume written": Case(
        volume("written"),
        "Upload",
        "how much of the content of volume 'default/written' was written cannot be told; send it again",
        "how much of the content of volume 'default/written' was written cannot be told; send it again",
    ),
    "filter list changed": Case(
        FILTERS, CREATED, "filter list 'new' is not there", parameters={"Name": "new"}
    ),
    "filter nesting changed": Case(
        path("NestedFilterList"),
        CREATED,
        "'left' is not nested in 'outer'",
        parameters={
            "Antecedent": path("FilterList", **HOST, CreationClassName="KVM_FilterList", Name="outer"),
            "Dependent": path("FilterList", **HOST, CreationClassName="KVM_FilterList", Name="left"),
        },
    ),
    "port filtered": Case(
        path("AppliedFilterList"),
        CREATED,
        "port 00:16:3e:00:00:13 has no filter list",
        parameters={
            "Antecedent": path("FilterList", **HOST, CreationClassName="KVM_FilterList", Name="outer"),
            "Dependent": path(
                "NetworkPort",
                SystemCreationClassName="KVM_ComputerSystem",
                SystemName="vm-00019",
                CreationClassName="KVM_NetworkPort",
                DeviceID="vm-00019/00:16:3e:00:00:13",
            ),
        },
    ),
}
ELSEWHERE = {
    "MigrateVirtualSystemToHost": "clients/migration/test_migration_faults.py",
    "MigrateVirtualSystemToSystem": "clients/migration/test_migration_faults.py",
}
"""Kinds whose work two servers do: killed in tests of their own."""
