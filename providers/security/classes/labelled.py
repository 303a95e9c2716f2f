"""Which objects have which label: machines, their disks, volumes, networks, the host.

What was given no label has that of what has none, if the policy defines such; a network without a label is
open to all and has none. A disk is found by the path or volume that it is defined with: what another path
leads to is found when it is decided (`security.stores.objects`), not when it is read.

Source: Xen 4.1, ACM (implicit labels).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.acm.model import UNLABELED
from xencim.providers.backends.records import AssignedLabel, Labelled, Network, VirtualMachine, Volume
from xencim.providers.core.spec import AssocSpec, Link
from xencim.providers.host import host_system
from xencim.providers.host.rows import host_row
from xencim.providers.network import network_pool
from xencim.providers.pools.kind import pool_row
from xencim.providers.security.classes import security_label
from xencim.providers.security.rows import label_of, objects_labelled, policy_of
from xencim.providers.security.stores.labels import HOST_OBJECT
from xencim.providers.security.stores.objects import names_of
from xencim.providers.storage import storage_volume
from xencim.providers.storage.rows import volume_row
from xencim.providers.vm import computer_system
from xencim.providers.vm.devices import logical_disk
from xencim.providers.vm.rows import DISKS, machine_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xencim.providers.backends.records import Disk
    from xencim.providers.core.spec import ClassSpec, Context, Row

# Machines and the host -------------------------------------------------------------------------


def _label_of_machine(context: Context, row: Row) -> Iterator[Row]:
    machine: VirtualMachine = row[0]
    if machine.is_management_domain:
        return _label_of_host(context, row)
    return label_of(context, Labelled.MACHINE, machine.uuid, UNLABELED)


def _machines(context: Context, row: Row) -> Iterator[Row]:
    label, policy, _host = row
    if not label.is_for_machines:
        return
    view = context.view
    for machine in view.all(VirtualMachine).values():
        if machine.is_management_domain:
            assigned, default = view.get(AssignedLabel, f"host {HOST_OBJECT}"), policy.bootstrap
        else:
            assigned, default = view.get(AssignedLabel, f"machine {machine.uuid}"), UNLABELED
        name = (assigned.label if assigned.is_valid else None) if assigned else default
        if name == label.name:
            yield machine_row(context, machine)


def _label_of_host(context: Context, _row: Row) -> Iterator[Row]:
    policy = policy_of(context)
    return label_of(context, Labelled.HOST, HOST_OBJECT, policy.bootstrap if policy else None)


def _host(context: Context, row: Row) -> Iterator[Row]:
    if any(found[0] is row[0] for found in _label_of_host(context, row)):
        yield host_row(context)


# Disks -----------------------------------------------------------------------------------------


def _volume_name(volume: Volume) -> str:
    return f"file:{volume.path}" if volume.path else f"volume:{volume.pool}/{volume.name}"


def _disk_name(context: Context, disk: Disk) -> str | None:
    return next(iter(names_of(disk, context.view)), None)


def _label_of_volume(context: Context, row: Row) -> Iterator[Row]:
    return label_of(context, Labelled.DISK, _volume_name(row[0]), UNLABELED)


def _label_of_disk(context: Context, row: Row) -> Iterator[Row]:
    name = _disk_name(context, row[1])
    return label_of(context, Labelled.DISK, name, UNLABELED) if name else iter(())


def _volumes(context: Context, row: Row) -> Iterator[Row]:
    label = row[0]
    if label.is_for_machines:
        return
    if label.name == UNLABELED:
        for volume in context.view.all(Volume).values():
            if any(found[0] is label for found in _label_of_volume(context, (volume,))):
                yield volume_row(context, volume)
        return
    for name in objects_labelled(context, Labelled.DISK, label):
        kind, _, rest = name.partition(":")
        found = context.view.get(Volume, rest) if kind == "volume" else None
        for volume in (found,) if found else context.view.volumes_by("path", rest):
            yield volume_row(context, volume)


def _disks(context: Context, row: Row) -> Iterator[Row]:
    label = row[0]
    if label.is_for_machines:
        return
    for machine in context.view.all(VirtualMachine).values():
        for disk_row in DISKS.devices(context, machine):
            if any(found[0] is label for found in _label_of_disk(context, disk_row)):
                yield disk_row


# Networks --------------------------------------------------------------------------------------


def _network_name(source: object) -> str | None:
    if isinstance(source, Network):
        return source.name
    name = getattr(source, "name", None)
    return f"bridge:{name}" if name else None


def _label_of_network(context: Context, row: Row) -> Iterator[Row]:
    name = _network_name(row[0])
    return label_of(context, Labelled.NETWORK, name, None) if name else iter(())


def _networks(context: Context, row: Row) -> Iterator[Row]:
    label = row[0]
    if label.is_for_machines:
        return
    for name in objects_labelled(context, Labelled.NETWORK, label):
        for source in network_pool.KIND.concrete(context):
            if _network_name(source) == name:
                yield pool_row(context, source)


# The association -------------------------------------------------------------------------------


def _link(
    element: ClassSpec,
    elements: Callable[[Context, Row], Iterable[Row]],
    label: Callable[[Context, Row], Iterable[Row]],
) -> Link:
    return Link(left=security_label.SPEC, right=element, rights_of=elements, lefts_of=label)


ELEMENT_SECURITY_LABEL = AssocSpec(
    cim_class="ElementSecurityLabel",
    left_role="SecurityLevel",
    right_role="ManagedElement",
    profiles=("SecurityPolicy",),
    links=(
        _link(computer_system.SPEC, _machines, _label_of_machine),
        _link(host_system.SPEC, _host, _label_of_host),
        _link(logical_disk.SPEC, _disks, _label_of_disk),
        _link(storage_volume.SPEC, _volumes, _label_of_volume),
        _link(network_pool.SPEC, _networks, _label_of_network),
    ),
)
