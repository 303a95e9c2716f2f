"""What a virtualization host is made of: frozen records, as plain as the hypervisor tells them.

No CIM and no libvirt objects. Units are in the names. ``None`` is "the hypervisor does not tell".
Records are compared by identity when answers are cached: a backend makes a new record only where
something changed.
"""

from typing import TypeAlias

from xencim.providers.backends.records.devices import (
    Bandwidth,
    Console,
    ControllerDevice,
    CpuAllocation,
    Disk,
    Graphics,
    InputDevice,
    MemoryAllocation,
    Nic,
    NumaCell,
    Vcpu,
)
from xencim.providers.backends.records.filters import Condition, FilterRule, NetworkFilter
from xencim.providers.backends.records.guests import AfterDump, DumpFormat, DumpWish, GuestAccess, Picture
from xencim.providers.backends.records.host import (
    CpuPool,
    GuestSupport,
    Host,
    HostUsage,
    Platform,
    PoolBuild,
    PoolState,
    StoragePool,
)
from xencim.providers.backends.records.indications import (
    Delivery,
    IndicationFilter,
    IndicationSubscription,
    ListenerDestination,
)
from xencim.providers.backends.records.jobs import Element, Job, JobError, JobState
from xencim.providers.backends.records.machines import (
    Action,
    MachineConfig,
    MachineOperation,
    PowerState,
    VirtualMachine,
)
from xencim.providers.backends.records.migration import (
    Arrival,
    Destination,
    IncomingMachine,
    MigrationWish,
    Transport,
)
from xencim.providers.backends.records.networks import Bridge, HostAddress, Network, StaticLease
from xencim.providers.backends.records.samples import (
    Counted,
    DiskCounters,
    FreeMemory,
    LogLine,
    MachineSample,
    NicCounters,
    Sample,
    VcpuCounters,
)
from xencim.providers.backends.records.security import (
    AssignedLabel,
    Denial,
    Drift,
    DriftKind,
    FlaskState,
    Labelled,
    Mode,
    PolicyBoolean,
    PolicyLabel,
    PolicyTrust,
    Reaction,
    Reason,
    SecurityPolicy,
)
from xencim.providers.backends.records.server import (
    Listener,
    Namespace,
    ObjectManager,
    Profile,
)
from xencim.providers.backends.records.snapshots import Snapshot, SnapshotKind, SnapshotWish
from xencim.providers.backends.records.storage import Volume

Record: TypeAlias = (
    VirtualMachine
    | MachineOperation
    | Job
    | Host
    | HostUsage
    | CpuPool
    | StoragePool
    | Volume
    | Network
    | Bridge
    | NetworkFilter
    | ObjectManager
    | Namespace
    | Listener
    | Profile
    | IndicationFilter
    | ListenerDestination
    | Delivery
    | SecurityPolicy
    | PolicyLabel
    | PolicyTrust
    | FlaskState
    | PolicyBoolean
    | AssignedLabel
    | Denial
    | Drift
    | Destination
)

__all__ = [
    "Action",
    "AfterDump",
    "Arrival",
    "AssignedLabel",
    "Bandwidth",
    "Bridge",
    "Condition",
    "Console",
    "ControllerDevice",
    "Counted",
    "CpuAllocation",
    "CpuPool",
    "Delivery",
    "Denial",
    "Destination",
    "Disk",
    "DiskCounters",
    "Drift",
    "DriftKind",
    "DumpFormat",
    "DumpWish",
    "Element",
    "FilterRule",
    "FlaskState",
    "FreeMemory",
    "Graphics",
    "GuestAccess",
    "GuestSupport",
    "Host",
    "HostAddress",
    "HostUsage",
    "IncomingMachine",
    "IndicationFilter",
    "IndicationSubscription",
    "InputDevice",
    "Job",
    "JobError",
    "JobState",
    "Labelled",
    "Listener",
    "ListenerDestination",
    "LogLine",
    "MachineConfig",
    "MachineOperation",
    "MachineSample",
    "MemoryAllocation",
    "MigrationWish",
    "Mode",
    "Namespace",
    "Network",
    "NetworkFilter",
    "Nic",
    "NicCounters",
    "NumaCell",
    "ObjectManager",
    "Picture",
    "Platform",
    "PolicyBoolean",
    "PolicyLabel",
    "PolicyTrust",
    "PoolBuild",
    "PoolState",
    "PowerState",
    "Profile",
    "Reaction",
    "Reason",
    "Record",
    "Sample",
    "SecurityPolicy",
    "Snapshot",
    "SnapshotKind",
    "SnapshotWish",
    "StaticLease",
    "StoragePool",
    "Transport",
    "Vcpu",
    "VcpuCounters",
    "VirtualMachine",
    "Volume",
]
