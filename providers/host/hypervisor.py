"""Xen_Hypervisor: what the host's machines run on, as the host's operating system.

Source: the DMTF schema, CIM_OperatingSystem and CIM_RunningOS; what a Xen tells of itself by ``xl info``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Host
from xencim.providers.core.asking.samples import Asked
from xencim.providers.core.spec import ClassName, ClassSpec, Const, Prop, Rows
from xencim.providers.pools.status import CONTACT, host_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.backends.records import FreeMemory
    from xencim.providers.core.spec import Context, Row

_OTHER = 1
_NO_USERS = "users and processes are those of the host's own system, not of its hypervisor"
_NO_PAGING = "the hypervisor puts no memory on disk"
_NO_TIME = "no hypervisor tells it alike"


def hypervisors(context: Context) -> Iterator[Row]:
    """Yield the row of the host's hypervisor, ``(host, free memory)``."""
    yield (context.view.host, context.samples.memory)


def _free(_host: Host, memory: FreeMemory | None) -> int | None:
    return None if memory is None else memory.free_kib


def _free_of_nodes(_host: Host, memory: FreeMemory | None) -> tuple[int, ...] | None:
    return memory.node_free_kib or None if memory else None


SPEC = ClassSpec(
    cim_class="Hypervisor",
    rows=Rows(kinds=(Host,), all=hypervisors, find=lambda context, _keys: next(hypervisors(context))),
    asks=Asked.MEMORY,
    keys=(
        Prop("CSCreationClassName", ClassName("HostSystem"), source="constant: the host's class"),
        Prop("CSName", lambda host, _memory: host.name, source="virConnectGetHostname"),
        Prop("CreationClassName", ClassName(), source="constant: the class's name"),
        Prop("Name", lambda host, _memory: host.hypervisor, source="virConnectGetType"),
    ),
    props=(
        Prop("ElementName", lambda host, _memory: host.hypervisor, source="virConnectGetType"),
        Prop("Caption", Const("Hypervisor of the host"), source="constant: what it is"),
        Prop("OSType", Const(_OTHER), source="constant: the schema lists no hypervisor that is served"),
        Prop("OtherTypeDescription", lambda host, _memory: host.hypervisor, source="virConnectGetType"),
        Prop(
            "Version", lambda host, _memory: host.hypervisor_version, source="virConnectGetVersion; xl info"
        ),
        Prop(
            "TotalVisibleMemorySize", lambda host, _memory: host.memory_kib, source="virNodeGetInfo: memory"
        ),
        Prop("FreePhysicalMemory", _free, source="virNodeGetFreeMemory"),
        Prop("Distributed", Const(value=False), source="constant: it runs on one host"),
        Prop("Scheduler", lambda host, _memory: host.scheduler, source="xl info: xen_scheduler"),
        Prop("GuestKinds", lambda host, _memory: host.capabilities or None, source="xl info: xen_caps"),
        Prop("CommandLine", lambda host, _memory: host.command_line, source="xl info: xen_commandline"),
        Prop(
            "NodeMemorySizes",
            lambda host, _memory: host.node_memory_kib or None,
            source="virConnectGetCapabilities: host/topology/cells",
        ),
        Prop("NodeFreeMemory", _free_of_nodes, source="virNodeGetCellsFreeMemory"),
        Prop("EnabledState", lambda host, _memory: 0 if host.no_contact_since else 2, source=CONTACT),
        Prop("EnabledDefault", Const(2), source="constant: it runs as long as its host does"),
        Prop("RequestedState", Const(12), source="constant: no method changes its state"),
        Prop("TransitioningToState", Const(12), source="constant: no method changes its state"),
        *host_status(0),
    ),
    unfilled={
        "LastBootUpTime": _NO_TIME,
        "LocalDateTime": _NO_TIME,
        "CurrentTimeZone": _NO_TIME,
        "NumberOfLicensedUsers": _NO_USERS,
        "NumberOfUsers": _NO_USERS,
        "NumberOfProcesses": _NO_USERS,
        "MaxNumberOfProcesses": _NO_USERS,
        "MaxProcessesPerUser": _NO_USERS,
        "MaxProcessMemorySize": _NO_USERS,
        "TotalSwapSpaceSize": _NO_PAGING,
        "TotalVirtualMemorySize": _NO_PAGING,
        "FreeVirtualMemory": _NO_PAGING,
        "SizeStoredInPagingFiles": _NO_PAGING,
        "FreeSpaceInPagingFiles": _NO_PAGING,
    },
)
