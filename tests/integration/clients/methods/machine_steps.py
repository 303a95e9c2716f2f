"""A machine's life, from its definition to its end: all that is done with machines and at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pywbem import Uint16, Uint32, Uint64

from .actors import Call, New, Ref
from .guests import boot_disk
from .steps import WITHIN, Step, manage, pools, resource, settings, state, whole, words, xml

if TYPE_CHECKING:
    from pathlib import Path

    from .steps import Host

MAC = "52:54:00:00:00:0a"
ONE, KEYBOARD = Ref("ComputerSystem", {"Name": "one"}), Ref("Keyboard")
POOL = Ref("DiskPool", {"InstanceID": "DiskPool/cli"})
SNAPSHOTS = Ref("VirtualSystemSnapshotService")


def serial(host: Host) -> object:
    """Look at what the guest has written."""
    return (host.folder / "one.serial").read_text()


def snapshots(method: str, **parameters: Any) -> Call:  # noqa: ANN401 - of every type
    return Call(SNAPSHOTS, method, parameters)


def lived(folder: Path) -> tuple[Step, ...]:
    """Return all that is done with a machine and its copies."""
    pool = resource("DiskPool", Type=Uint16(1), Path=str(folder))
    listed = words("pool-list", "--all", "--name")

    def with_a_disk(host: Host) -> object:
        boot_disk(folder, "one")
        return listed(host)

    return (
        Step(pools("CreateChildResourcePool", ElementName="cli", Settings=[pool]), with_a_disk, ["cli"]),
        *made(folder),
        *operated(),
        *copied(folder),
        Step(pools("DeleteResourcePoolWithContent", Pool=POOL), listed, []),
    )


def made(folder: Path) -> tuple[Step, ...]:
    """Return how a machine comes to be: defined, changed, given and deprived of devices, started."""
    system = settings("VirtualSystem", VirtualSystemIdentifier="one", VirtualSystemType="QEMU", Machine="pc")
    nic = resource("Net", NetworkType="user", Address=MAC)
    console = resource(
        "Console", ResourceSubType="serial", SourceType="file", SourcePath=f"{folder}/one.serial"
    )
    stored = ("dumpxml", "one", "--inactive")
    return (
        Step(
            manage(
                "DefineSystem",
                SystemSettings=system,
                ResourceSettings=[resource("Disk", Address=f"{folder}/one.qcow2", VirtualDevice="vda")],
            ),
            words("list", "--all", "--name"),
            ["one"],
        ),
        Step(
            manage("AddResourceSettings", AffectedConfiguration=whole("one"), ResourceSettings=[console]),
            xml("devices/serial/source", *stored),
            [{"path": f"{folder}/one.serial"}],
        ),
        Step(
            manage("AddResourceSettings", AffectedConfiguration=whole("one"), ResourceSettings=[nic]),
            xml("devices/interface/mac", *stored),
            [{"address": MAC}],
        ),
        Step(
            manage(
                "RemoveResourceSettings",
                ResourceSettings=[Ref("NetResourceAllocationSettingData", {"InstanceID": f"one/{MAC}"})],
            ),
            xml("devices/interface", *stored),
            [],
        ),
        Step(
            manage(
                "ModifyResourceSettings",
                ResourceSettings=[resource("Mem", InstanceID="one/mem", VirtualQuantity=Uint64(65536))],
            ),
            xml("currentMemory", *stored),
            [{"unit": "KiB"}],
        ),
        Step(
            manage(
                "ModifySystemSettings",
                SystemSettings=settings("VirtualSystem", InstanceID="KVM:one", Description="by a client"),
            ),
            xml("description", *stored),
            ["by a client"],
        ),
        Step(
            state(ONE, 2, TimeoutPeriod=WITHIN),
            lambda host: (host.virsh("domstate", "one").strip(), serial(host)),
            ("running", "!"),
        ),
    )


def operated() -> tuple[Step, ...]:
    """Return what is done at a running machine: keys, pictures, dumps, snapshots."""
    snapshot = {"AffectedSystem": ONE, "SnapshotType": Uint16(2)}

    def of(name: str) -> Ref:
        return Ref("VirtualSystemSettingData", {"InstanceID": f"KVM:one;snapshot/{name}"})

    def named(name: str) -> New:
        return settings("VirtualSystemSnapshot", ElementName=name)

    names = words("snapshot-list", "one", "--name")
    return (
        Step(Call(KEYBOARD, "TypeKey", {"KeyCode": Uint32(65)}), serial, "!a"),
        Step(Call(KEYBOARD, "TypeKeys", {"KeyCodes": [Uint32(48)]}), serial, "!ab"),
        Step(Call(KEYBOARD, "TypeText", {"AsciiText": "Ok"}), serial, "!abOk"),
        Step(Call(KEYBOARD, "TypeCtrlAltDel"), serial, "!abOk!"),
        Step(manage("FindPossibleHostsToRunOn", System=ONE), words("domstate", "one"), ["running"]),
        Step(
            manage("GetVirtualSystemThumbnailImage", TargetSystem=ONE), words("domstate", "one"), ["running"]
        ),
        Step(
            manage("CreateCoreDump", TargetSystem=ONE, Pool=POOL, VolumeName="core"),
            lambda host: (host.folder / "core").read_bytes()[:4],
            b"\x7fELF",
        ),
        Step(snapshots("CreateSnapshot", SnapshotSettings=named("first"), **snapshot), names, ["first"]),
        Step(
            snapshots("CreateSnapshot", SnapshotSettings=named("second"), **snapshot),
            names,
            ["first", "second"],
        ),
        Step(
            snapshots("ApplySnapshot", Snapshot=of("first")),
            words("snapshot-current", "one", "--name"),
            ["first"],
        ),
        Step(snapshots("DestroySnapshot", AffectedSnapshot=of("second")), names, ["first"]),
        Step(snapshots("DestroySnapshotTree", AffectedSnapshot=of("first")), names, []),
        Step(state(ONE, 3), words("domstate", "one"), ["shut", "off"]),
    )


def copied(folder: Path) -> tuple[Step, ...]:
    """Return how a machine is copied, made a template and deployed; all are taken away again."""

    def named(name: str) -> New:
        return settings("VirtualSystem", VirtualSystemIdentifier=name)

    def system(name: str) -> Ref:
        return Ref("ComputerSystem", {"Name": name})

    names = words("list", "--all", "--name")
    return (
        Step(
            manage("CopySystem", SystemSettings=named("two"), ReferenceConfiguration=whole("one")),
            xml("devices/disk/source", "dumpxml", "two"),
            [{"file": f"{folder}/two-vda.qcow2"}],
        ),
        Step(
            manage("ConvertToXenTemplate", System=system("two")),
            lambda host: "template" in host.virsh("dumpxml", "two"),
            True,
        ),
        Step(
            manage(
                "CopySystem",
                SystemSettings=named("linked"),
                ReferenceConfiguration=whole("two"),
                LinkedClone=True,
            ),
            xml("backingStore/path", "vol-dumpxml", "linked-vda.qcow2", "cli"),
            [f"{folder}/two-vda.qcow2"],
        ),
        Step(
            manage("DefineSystem", SystemSettings=named("deployed"), ReferenceConfiguration=whole("two")),
            xml("backingStore/path", "vol-dumpxml", "deployed-vda.qcow2", "cli"),
            [f"{folder}/two-vda.qcow2"],
        ),
        Step(manage("DestroySystem", AffectedSystem=system("linked")), names, ["deployed", "one", "two"]),
        Step(manage("DestroySystem", AffectedSystem=system("deployed")), names, ["one", "two"]),
        Step(manage("DestroySystem", AffectedSystem=system("two")), names, ["one"]),
        Step(manage("DestroySystem", AffectedSystem=ONE), names, []),
    )
