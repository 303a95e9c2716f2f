"""Snapshots and consoles of a real QEMU guest by pywbem and wbemcli; virsh is the second opinion."""

from __future__ import annotations

import re
import subprocess
import time
from base64 import b64decode
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMDateTime, CIMError, CIMInstance, CIMInstanceName, CIMProperty, Uint16, Uint64

from ..programs import WITHIN_S, connect, wbemcli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve, ServerProcess

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

NAME = "snap"
FULL, DISK = 2, 3
JOB_STARTED, COMPLETED = 4096, 7
MACHINE = CIMInstanceName(
    "KVM_ComputerSystem", {"CreationClassName": "KVM_ComputerSystem", "Name": NAME}, namespace="root/virt"
)


@dataclass(frozen=True)
class Guest:
    """A guest that runs, its server, and a client of that."""

    libvirtd: Libvirtd
    server: ServerProcess
    connection: Any
    folder: Path

    def virsh(self, *words: str) -> str:
        return self.libvirtd.virsh(*words)

    def call(self, kind: str, method: str, **parameters: object) -> dict[str, Any]:
        [service] = self.connection.EnumerateInstanceNames(f"KVM_VirtualSystem{kind}Service")
        returned, out = self.connection.InvokeMethod(method, service, **parameters)
        assert returned == 0, (method, returned)
        return dict(out)

    def state(self, requested: int) -> None:
        within = CIMDateTime(timedelta(seconds=60))
        returned, _ = self.connection.InvokeMethod(
            "RequestStateChange", MACHINE, RequestedState=Uint16(requested), TimeoutPeriod=within
        )
        assert returned == 0

    def take(self, name: str, kind: int = FULL, **more: Any) -> CIMInstanceName:  # noqa: ANN401 - of every type
        settings = instance("VirtualSystemSnapshotSettingData", ElementName=name, **more)
        out = self.call(
            "Snapshot",
            "CreateSnapshot",
            AffectedSystem=MACHINE,
            SnapshotSettings=settings,
            SnapshotType=Uint16(kind),
        )
        found: CIMInstanceName = out["ResultingSnapshot"]
        return found

    def names(self, association: str, role: str, path: CIMInstanceName = MACHINE) -> list[str]:
        """Return the names of the snapshots that something is joined with."""
        found = self.connection.Associators(path, AssocClass=f"KVM_{association}", Role=role)
        return [one["ElementName"] for one in found]

    def virsh_names(self) -> list[str]:
        return self.virsh("snapshot-list", NAME, "--name").split()


def instance(cls: str, **properties: Any) -> CIMInstance:  # noqa: ANN401 - of every type
    return CIMInstance(f"KVM_{cls}", {name: CIMProperty(name, value) for name, value in properties.items()})


def ended(guest: Guest, job: CIMInstanceName) -> None:
    """Wait until a job has ended well."""
    until_s = time.monotonic() + WITHIN_S
    while (state := guest.connection.GetInstance(job)["JobState"]) < COMPLETED:
        assert time.monotonic() < until_s
        time.sleep(0.05)
    assert state == COMPLETED


@pytest.fixture(scope="module")
def guest(libvirtd: Libvirtd, serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    folder = tmp_path_factory.mktemp("snapshots")
    disk = str(folder / "disk.qcow2")
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=1.1", disk, "16M"]
    subprocess.run(create, check=True)
    (folder / "pool").mkdir()
    libvirtd.virsh("pool-create-as", "dumps", "dir", "--target", str(folder / "pool"))
    with serve(libvirtd.uri) as server, connect(server) as connection:
        one = Guest(libvirtd, server, connection, folder)
        one.call(
            "Management",
            "DefineSystem",
            SystemSettings=instance(
                "VirtualSystemSettingData",
                VirtualSystemIdentifier=NAME,
                VirtualSystemType="QEMU",
                Machine="pc",
            ),
            ResourceSettings=[
                instance(
                    "MemResourceAllocationSettingData",
                    VirtualQuantity=Uint64(64),
                    AllocationUnits="MegaBytes",
                ),
                instance("DiskResourceAllocationSettingData", Address=disk, VirtualDevice="vda"),
                instance("ConsoleResourceAllocationSettingData", ResourceSubType="serial"),
                instance("GraphicsResourceAllocationSettingData", ResourceSubType="vnc", Password="first"),
            ],
        )
        one.state(2)
        yield one
        for name in one.virsh_names():
            one.virsh("snapshot-delete", NAME, name, "--metadata")
        one.call("Management", "DestroySystem", AffectedSystem=MACHINE)
        libvirtd.virsh("pool-destroy", "dumps")
        assert libvirtd.virsh("list", "--all", "--name").split() == []


def test_a_tree_of_snapshots(guest: Guest) -> None:
    first, second = guest.take("first"), guest.take("second", Description="the second")
    assert guest.virsh_names() == ["first", "second"]
    assert guest.virsh("snapshot-parent", NAME, "second").strip() == "first"
    told = guest.connection.GetInstance(second)
    assert (told["InstanceID"], told["VirtualSystemType"], told["Description"]) == (
        f"KVM:{NAME};snapshot/second",
        "QEMU:Snapshot:Full",
        "the second",
    )
    assert guest.names("SnapshotOfVirtualSystem", "Antecedent") == ["first", "second"]
    assert guest.names("MostCurrentSnapshotInBranch", "Antecedent") == ["second"]
    assert guest.names("SnapshotDependency", "Antecedent", first) == ["second"]
    assert guest.names("SnapshotDependency", "Dependent", second) == ["first"]
    assert guest.names("LastAppliedSnapshot", "Dependent") == []
    guest.call("Snapshot", "ApplySnapshot", Snapshot=first)
    assert guest.virsh("snapshot-current", NAME, "--name").strip() == "first"
    assert guest.virsh("domstate", NAME).strip() == "running"
    assert guest.names("LastAppliedSnapshot", "Dependent") == ["first"]
    guest.take("branch")
    assert sorted(guest.names("SnapshotDependency", "Antecedent", first)) == ["branch", "second"]
    assert guest.virsh("snapshot-parent", NAME, "branch").strip() == "first"
    guest.call("Snapshot", "DestroySnapshot", AffectedSnapshot=second)
    assert sorted(guest.virsh_names()) == ["branch", "first"]
    guest.call("Snapshot", "DestroySnapshotTree", AffectedSnapshot=first)
    assert guest.virsh_names() == []
    assert guest.names("SnapshotOfVirtualSystem", "Antecedent") == []


def test_a_snapshot_tells_what_the_machine_was_made_of(guest: Guest) -> None:
    taken = guest.take("kept")
    parts = guest.connection.Associators(taken, AssocClass="KVM_VirtualSystemSettingDataComponent")
    told = {part["InstanceID"]: part for part in parts}
    memory = told[f"{NAME}/mem;snapshot/kept"]
    assert (memory["VirtualQuantity"], memory["ChangeableType"]) == (64 * 1024, 0)
    assert told[f"{NAME}/vda;snapshot/kept"]["Address"] == str(guest.folder / "disk.qcow2")
    [whole] = guest.connection.AssociatorNames(
        memory.path, AssocClass="KVM_VirtualSystemSettingDataComponent"
    )
    assert whole["InstanceID"] == f"KVM:{NAME};snapshot/kept"
    guest.call("Snapshot", "DestroySnapshot", AffectedSnapshot=taken)


def test_quiescing_is_refused_where_no_agent_answers(guest: Guest) -> None:
    with pytest.raises(CIMError) as caught:
        guest.take("quiet", DISK, ConsistencyLevel=Uint16(2))
    assert "QEMU guest agent is not" in caught.value.status_description
    assert guest.virsh_names() == []


def test_wbemcli_takes_and_forgets_snapshots(guest: Guest) -> None:
    [service] = guest.connection.EnumerateInstanceNames("KVM_VirtualSystemSnapshotService")
    keys = ",".join(f'{name}="{service[name]}"' for name in service)
    path = f"root/virt:KVM_VirtualSystemSnapshotService.{keys}"
    words = (
        f'CreateSnapshot.AffectedSystem=KVM_ComputerSystem.Name="{NAME}"'
        ',SnapshotSettings=instance of KVM_VirtualSystemSnapshotSettingData { ElementName = "cli"; }'
        ",SnapshotType=2"
    )
    [made] = wbemcli(guest.server, "cm", path, words, scheme="https")
    assert "CreateSnapshot: 0, ResultingSnapshot (reference)" in made
    assert guest.virsh_names() == ["cli"]
    for method, parameter in (("ApplySnapshot", "Snapshot"), ("DestroySnapshot", "AffectedSnapshot")):
        words = f'{method}.{parameter}=KVM_VirtualSystemSettingData.InstanceID="KVM:{NAME};snapshot/cli"'
        [done] = wbemcli(guest.server, "cm", path, words, scheme="https")
        assert done.endswith(f"{method}: 0")
    assert guest.virsh_names() == []


def test_access_points_tell_where_consoles_are_now(guest: Guest) -> None:
    def points() -> dict[str, tuple[int, str | None]]:
        found = guest.connection.Associators(MACHINE, AssocClass="KVM_HostedAccessPoint")
        return {one.classname: (one["EnabledState"], one["AccessInfo"]) for one in found}

    display = guest.virsh("domdisplay", NAME).strip()
    number = int(display.rpartition(":")[2])
    terminal = guest.virsh("ttyconsole", NAME).strip()
    assert points() == {
        "KVM_KVMRedirectionSAP": (6, f"vnc://127.0.0.1:{5900 + number}"),
        "KVM_TextRedirectionSAP": (6, f"pty://{terminal}"),
    }
    guest.state(3)
    assert points() == {"KVM_KVMRedirectionSAP": (3, None), "KVM_TextRedirectionSAP": (3, None)}
    guest.state(2)
    assert points()["KVM_KVMRedirectionSAP"][0] == 6


def test_a_password_is_changed_and_never_told(guest: Guest) -> None:
    setting = instance("GraphicsResourceAllocationSettingData", InstanceID=f"{NAME}/vnc", Password="other")
    guest.call("Management", "ModifyResourceSettings", ResourceSettings=[setting])
    for options in ((), ("--inactive",)):
        assert "passwd='other'" in guest.virsh("dumpxml", NAME, "--security-info", *options)
    for one in guest.connection.EnumerateInstances("KVM_GraphicsResourceAllocationSettingData"):
        assert one["Password"] is None
    assert "other" not in guest.server.log


def test_pictures_keys_and_dumps(guest: Guest) -> None:
    out = guest.call("Management", "GetVirtualSystemThumbnailImage", TargetSystem=MACHINE)
    assert out["MediaType"] == "image/png"
    assert b64decode(out["ImageData"]).startswith(b"\x89PNG")
    [keyboard] = guest.connection.AssociatorNames(
        MACHINE, AssocClass="KVM_SystemDevice", ResultClass="KVM_Keyboard"
    )
    assert guest.connection.InvokeMethod("TypeText", keyboard, AsciiText="root\n")[0] == 0
    pool = CIMInstanceName("KVM_DiskPool", {"InstanceID": "DiskPool/dumps"}, namespace="root/virt")
    parameters = {"TargetSystem": MACHINE, "Pool": pool, "VolumeName": "core"}
    [service] = guest.connection.EnumerateInstanceNames("KVM_VirtualSystemManagementService")
    returned, out = guest.connection.InvokeMethod("CreateCoreDump", service, **parameters)
    assert returned in {0, JOB_STARTED}
    if returned == JOB_STARTED:
        ended(guest, out["Job"])
    assert (guest.folder / "pool" / "core").read_bytes()[:4] == b"\x7fELF"
    assert re.search(r"^ core +/", guest.virsh("vol-list", "dumps"), re.MULTILINE)
    assert guest.virsh("domstate", NAME).strip() == "running"


def test_wbemcli_reaches_the_guest(guest: Guest) -> None:
    def path_of(class_name: str) -> str:
        [path] = guest.connection.EnumerateInstanceNames(class_name)
        keys = ",".join(f'{name}="{path[name]}"' for name in path)
        return f"root/virt:{class_name}.{keys}"

    service, keyboard = path_of("KVM_VirtualSystemManagementService"), path_of("KVM_Keyboard")
    system = f'TargetSystem=KVM_ComputerSystem.Name="{NAME}"'
    words = f"GetVirtualSystemThumbnailImage.{system}"
    [picture] = wbemcli(guest.server, "cm", service, words, scheme="https")
    assert "GetVirtualSystemThumbnailImage: 0, ImageData (string): " in picture
    assert "MediaType (string): " in picture
    [typed] = wbemcli(guest.server, "cm", keyboard, "TypeText.AsciiText=root", scheme="https")
    assert typed.endswith("TypeText: 0")
    [pressed] = wbemcli(guest.server, "cm", keyboard, "TypeCtrlAltDel", scheme="https")
    assert pressed.endswith("TypeCtrlAltDel: 0")
    words = f'CreateCoreDump.{system},Pool=KVM_DiskPool.InstanceID="DiskPool/dumps"'
    words += ",VolumeName=full,MemoryOnly=false"
    wbemcli(guest.server, "cm", service, words, scheme="https")
    for path in guest.connection.EnumerateInstanceNames("KVM_ConcreteJob"):
        ended(guest, path)
    assert (guest.folder / "pool" / "full").read_bytes()[:4] == b"QEVM"


def test_capabilities_are_the_drivers_own(guest: Guest) -> None:
    [told] = guest.connection.EnumerateInstances("KVM_VirtualSystemManagementCapabilities")
    # The host had no machine when the server started; it asks again within a minute.
    assert told["GuestAccessSupported"] in (None, [2, 3, 4, 5])
