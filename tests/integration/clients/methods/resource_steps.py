"""Pools and volumes, networks, switches and filter lists: what machines are made of, and kept apart by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pywbem import Uint16, Uint32, Uint64

from .actors import Call, Delete, Make, New, Ref
from .steps import Step, field, manage, pools, resource, settings, state, words, xml

if TYPE_CHECKING:
    from pathlib import Path

    from .steps import Host

STARTED, TERMINATED = 4096, 8
MIB, LARGE = 1024**2, 256 * 1024**3
MAC = "52:54:00:00:00:0b"
POOL = Ref("DiskPool", {"InstanceID": "DiskPool/cli"})
JOB = Ref("ConcreteJob")
LAN = Ref("NetworkPool", {"InstanceID": "NetworkPool/lan"})
SWITCH, VOLUME = Ref("VirtualEthernetSwitch", {"Name": "sw"}), Ref("StorageVolume", {"DeviceID": "cli/a"})


def stored(folder: Path) -> tuple[Step, ...]:
    """Return all that is done with pools and volumes; the last pool goes with what is in it."""
    folder /= "cli"
    pool = resource("DiskPool", Type=Uint16(1), Path=str(folder))
    volume = resource("StorageVolume", VolumeName="a", Capacity=Uint64(MIB))
    autostart, listed = field("Autostart", "pool-info", "cli"), words("pool-list", "--all", "--name")
    running = field("State", "pool-info", "cli")

    def create() -> Step:
        wish = pools("CreateChildResourcePool", ElementName="cli", Settings=[pool])
        return Step(wish, running, "running")

    def size(host: Host) -> object:
        return (host.folder / "cli" / "a").stat().st_size

    def volumes(host: Host) -> object:
        return host.virsh("vol-list", "cli").split()[::2]

    return (
        create(),
        Step(Call(POOL, "SetAutostart", {"Autostart": True}), autostart, "yes"),
        Step(pools("CreateResourceInPool", Settings=volume, Pool=POOL), volumes, ["a"]),
        Step(Call(VOLUME, "Resize", {"Capacity": Uint64(2 * MIB)}), size, 2 * MIB),
        Step(Call(VOLUME, "Clone", {"VolumeName": "b"}), volumes, ["a", "b"]),
        Step(Call(VOLUME, "Wipe"), volumes, ["a", "b"]),
        Step(
            pools("DeleteResourceInPool", Resource=resource("StorageVolume", VolumeName="a"), Pool=POOL),
            volumes,
            ["b"],
        ),
        Step(pools("RefreshResourcesInPool", Pool=POOL), volumes, ["b"]),
        Step(state(POOL, 3), running, "inactive"),
        Step(state(POOL, 2), running, "running"),
        Step(pools("DeleteResourcePool", Pool=POOL), listed, []),
        create(),
        Step(
            pools("DeleteResourcePoolWithContent", Pool=POOL),
            lambda host: (listed(host), folder.exists()),
            ([], False),
        ),
    )


def cancelled(folder: Path) -> tuple[Step, ...]:
    """Return how a job is cancelled: the copy of a large volume, in which there is nothing."""
    folder /= "cli"
    pool = resource("DiskPool", Type=Uint16(1), Path=str(folder))
    volume = resource("StorageVolume", VolumeName="a", Capacity=Uint64(LARGE))
    listed, running = words("pool-list", "--all", "--name"), field("State", "pool-info", "cli")

    def job_state(host: Host) -> object:
        return host.server.connection.GetInstance(host.server.path(JOB))["JobState"]

    def files(_host: Host) -> object:
        return sorted(path.name for path in folder.iterdir())

    return (
        Step(pools("CreateChildResourcePool", ElementName="cli", Settings=[pool]), running, "running"),
        Step(pools("CreateResourceInPool", Settings=volume, Pool=POOL), files, ["a"]),
        Step(Call(VOLUME, "Clone", {"VolumeName": "b"}, returns=STARTED), files, ["a", "b"]),
        Step(state(JOB, 4), job_state, TERMINATED),
        Step(Call(JOB, "GetError"), files, ["a"]),
        Step(Call(JOB, "GetErrors"), files, ["a"]),
        Step(pools("DeleteResourcePoolWithContent", Pool=POOL), listed, []),
    )


def networked(_folder: Path) -> tuple[Step, ...]:
    """Return all that is done with networks, as pools and as switches."""
    lan = resource("NetPool", PoolID="NetworkPool/lan", ForwardMode=Uint16(0), Autostart=True)
    listed, active = words("net-list", "--all", "--name"), words("net-list", "--name")
    switch = settings("VirtualEthernetSwitch", VirtualSystemIdentifier="sw", DomainName="a.example")
    return (
        Step(pools("CreateChildResourcePool", ElementName="lan", Settings=[lan]), active, ["lan"]),
        Step(Call(LAN, "SetAutostart", {"Autostart": False}), words("net-list", "--autostart", "--name"), []),
        Step(state(LAN, 3), active, []),
        Step(state(LAN, 2), active, ["lan"]),
        Step(pools("DeleteResourcePool", Pool=LAN), listed, []),
        Step(
            manage("DefineSystem", SystemSettings=switch),
            xml("domain", "net-dumpxml", "sw"),
            [{"name": "a.example"}],
        ),
        Step(state(SWITCH, 2), active, ["sw"]),
        Step(
            manage(
                "ModifySystemSettings",
                SystemSettings=settings(
                    "VirtualEthernetSwitch", InstanceID="KVM:switch/sw;stored", MTU=Uint32(1300)
                ),
            ),
            xml("mtu", "net-dumpxml", "sw", "--inactive"),
            [{"size": "1300"}],
        ),
        Step(state(SWITCH, 3), active, []),
        Step(manage("DestroySystem", AffectedSystem=SWITCH), listed, []),
    )


def filtered(_folder: Path) -> tuple[Step, ...]:
    """Return all that is done with filter lists: made, nested, applied to a port, and taken away."""
    outer, inner = Ref("FilterList", {"Name": "outer"}), Ref("FilterList", {"Name": "inner"})
    nesting, applied = Ref("NestedFilterList", {"Antecedent": outer}), Ref("AppliedFilterList")
    port = Ref("NetworkPort", {"DeviceID": f"filtered/{MAC}"})
    of_outer = xml("filterref", "nwfilter-dumpxml", "outer")
    of_port = xml("devices/interface/filterref", "dumpxml", "filtered")

    def lists(host: Host) -> object:
        return sorted({"inner", "outer"} & set(host.virsh("nwfilter-list").split()))

    lan = resource("NetPool", PoolID="NetworkPool/lan", ForwardMode=Uint16(0))
    networks = words("net-list", "--all", "--name")
    return (
        Step(pools("CreateChildResourcePool", Settings=[lan]), networks, ["lan"]),
        Step(Make(New("FilterList", {"Name": "outer"})), lists, ["outer"]),
        Step(Make(New("FilterList", {"Name": "inner"})), lists, ["inner", "outer"]),
        Step(
            Make(New("NestedFilterList", {"Antecedent": outer, "Dependent": inner})),
            of_outer,
            [{"filter": "inner"}],
        ),
        Step(
            manage(
                "DefineSystem",
                SystemSettings=settings(
                    "VirtualSystem", VirtualSystemIdentifier="filtered", VirtualSystemType="QEMU"
                ),
                ResourceSettings=[resource("Net", NetworkType="network", NetworkName="lan", Address=MAC)],
            ),
            of_port,
            [],
        ),
        Step(
            Make(New("AppliedFilterList", {"Antecedent": outer, "Dependent": port})),
            of_port,
            [{"filter": "outer"}],
        ),
        Step(Delete(applied), of_port, []),
        Step(
            manage("DestroySystem", AffectedSystem=Ref("ComputerSystem", {"Name": "filtered"})),
            words("list", "--all", "--name"),
            [],
        ),
        Step(pools("DeleteResourcePool", Pool=LAN), networks, []),
        Step(Delete(nesting), of_outer, []),
        Step(Delete(outer), lists, ["inner"]),
        Step(Delete(inner), lists, []),
    )
