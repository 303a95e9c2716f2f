"""Xen_VirtualSystemSettingData of a snapshot: what its machine was defined as when it was taken.

VirtualSystemType tells snapshots from machines' own settings, and what is kept: ``Xen:Snapshot:Full`` with
memory, ``Xen:Snapshot:Disk`` without. What others did to snapshots shows when their machine is next read,
with libvirt after a minute at the latest, for no event tells of it.

Source: DSP1042 1.0, section 10; DSP1057 1.0 (CIM_VirtualSystemSettingData).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import SnapshotKind
from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.snapshots.rows import SNAPSHOTS
from xencim.providers.vm import virtual_system_setting_data as definition
from xencim.providers.vm.rows import system_setting_id
from xencim.providers.vm.system_type import system_type

if TYPE_CHECKING:
    from xencim.providers.backends.records import Host, MachineConfig, Snapshot, VirtualMachine

_KINDS = {SnapshotKind.FULL: "Full", SnapshotKind.DISK: "Disk"}
_NOT_KEPT = dict.fromkeys(
    ("AutomaticStartupAction", "AutoStart"),
    "a snapshot does not keep whether its machine is started with the host",
)


def _id(vm: VirtualMachine, _config: MachineConfig, snapshot: Snapshot, host: Host) -> str:
    return system_setting_id(vm, host, snapshot)


def _caption(vm: VirtualMachine, _config: MachineConfig, snapshot: Snapshot, _host: Host) -> str:
    return f"Snapshot {snapshot.name} of {vm.name}"[:64]  # MaxLen of Caption


def _type(_vm: VirtualMachine, config: MachineConfig, snapshot: Snapshot, host: Host) -> str:
    return f"{system_type(host, config.domain_type)}:Snapshot:{_KINDS[snapshot.kind]}"


def _notes(_vm: VirtualMachine, _config: MachineConfig, snapshot: Snapshot, _host: Host) -> tuple[str] | None:
    return (snapshot.description,) if snapshot.description else None


_OWN = (
    Prop(
        "ElementName", lambda _vm, _config, snapshot, _host: snapshot.name, source="virDomainSnapshotGetName"
    ),
    Prop("Caption", _caption, source="as InstanceID"),
    Prop(
        "Description",
        lambda _vm, _config, snapshot, _host: snapshot.description,
        source="virDomainSnapshotGetXMLDesc: description",
    ),
    Prop("Notes", _notes, source="virDomainSnapshotGetXMLDesc: description"),
    Prop("VirtualSystemType", _type, source="virConnectGetType; virDomainSnapshotGetXMLDesc: memory"),
    Prop(
        "CreationTime",
        lambda _vm, _config, snapshot, _host: snapshot.created,
        source="virDomainSnapshotGetXMLDesc: creationTime",
    ),
    Prop("ChangeableType", Const(0), source="constant: a snapshot cannot be changed"),
)
_OWN_NAMES = {prop.name for prop in _OWN}

SPEC = ClassSpec(
    cim_class=definition.SPEC.cim_class,
    rows=SNAPSHOTS,
    profiles=definition.SPEC.profiles,
    keys=(Prop("InstanceID", _id, source="virDomainGetName and virDomainSnapshotGetName"),),
    props=(
        *_OWN,
        *(prop for prop in definition.SPEC.props if prop.name not in _OWN_NAMES | _NOT_KEPT.keys()),
    ),
    unfilled=_NOT_KEPT,
)
