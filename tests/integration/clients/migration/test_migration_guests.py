"""QEMU guests moved from one host to another by their servers; virsh on both is the second opinion."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import pywbem

from .hosts import COMPLETED, JOB_STARTED, SLOWLY, TERMINATED, machine_path

if TYPE_CHECKING:
    from .hosts import Host

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]


def moved(here: Host, name: str, **how: Any) -> None:  # noqa: ANN401 - of every type
    """Have a machine moved, and see that this went well."""
    code, out = here.server.migrate(name, **how)
    if code == JOB_STARTED:
        ended = here.server.ended(out["Job"])
        code = 0 if ended["JobState"] == COMPLETED else ended["ErrorDescription"]
    assert code == 0, here.server.log


def migratable(here: Host, name: str, **how: Any) -> bool:  # noqa: ANN401 - of every type
    """Ask whether a machine could be moved; pywbem takes every boolean that is returned for True."""

    def ask(connection: pywbem.WBEMConnection) -> bool:
        [service] = connection.EnumerateInstanceNames("KVM_VirtualSystemMigrationService")
        code, _out = connection.InvokeMethod(
            "CheckVirtualSystemIsMigratableToHost",
            service,
            ComputerSystem=machine_path(name),
            DestinationHost="there",
            MigrationSettingData=pywbem.CIMInstance("KVM_VirtualSystemMigrationSettingData", how),
        )
        assert code == 0
        return b"<VALUE>TRUE</VALUE>" in connection.last_raw_reply

    found: bool = here.server.ask(ask)
    return found


def test_a_running_guest_is_moved(here: Host, there: Host) -> None:
    here.define("guest")
    here.libvirtd.virsh("autostart", "guest")
    assert migratable(here, "guest")
    assert (here.domains(), there.domains()) == ({"guest": "running"}, {})
    moved(here, "guest")
    assert (here.domains(), there.domains()) == ({}, {"guest": "running"})
    told = there.libvirtd.virsh("dominfo", "guest")
    assert "Persistent:     yes" in told
    assert "Autostart:      enable" in told


def test_to_a_system_answers_what_it_is_there(here: Host, there: Host) -> None:
    here.define("guest", start=False)
    system = pywbem.CIMInstanceName(
        "KVM_HostSystem", {"CreationClassName": "KVM_HostSystem", "Name": "there"}
    )
    of_guest = {"ComputerSystem": machine_path("guest"), "DestinationSystem": system}
    code, out = here.server.call("CheckVirtualSystemIsMigratableToSystem", **of_guest)
    assert (code, out) == (0, {"IsMigratable": True})
    code, out = here.server.call("MigrateVirtualSystemToSystem", **of_guest)
    assert code == 0
    found = there.server.ask(lambda connection: connection.GetInstance(out["NewComputerSystem"]))
    assert found["Name"] == "guest"
    assert (here.domains(), there.domains()) == ({}, {"guest": "shut off"})


def test_a_paused_guest_arrives_paused(here: Host, there: Host) -> None:
    here.define("guest")
    here.libvirtd.virsh("suspend", "guest")
    moved(here, "guest", MigrationType=pywbem.Uint16(3))
    assert (here.domains(), there.domains()) == ({}, {"guest": "paused"})


def test_its_disks_are_copied(here: Host, there: Host) -> None:
    disk = """
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/data.qcow2'/>
      <target dev='vdb' bus='virtio'/>
    </disk>"""
    for host in (here, there):
        (host.libvirtd.base / "lib" / "images").mkdir(exist_ok=True)
        host.libvirtd.virsh("pool-create-as", "images", "dir", "--target", "/var/lib/libvirt/images")
    try:
        here.libvirtd.virsh("vol-create-as", "images", "data.qcow2", "8M", "--format", "qcow2")
        content = here.libvirtd.base / "lib" / "images" / "data.qcow2"
        subprocess.run(
            ["qemu-io", "-c", "write -P 0x5a 0 64k", str(content)], check=True, capture_output=True
        )
        here.define("guest", devices=disk)
        assert not migratable(here, "guest")
        assert migratable(here, "guest", WithStorage=True)
        moved(here, "guest", WithStorage=True)
        assert (here.domains(), there.domains()) == ({}, {"guest": "running"})
        there.libvirtd.virsh("destroy", "guest")
        copied = there.libvirtd.base / "lib" / "images" / "data.qcow2"
        told = subprocess.run(
            ["qemu-io", "-c", "read -P 0x5a 0 64k", str(copied)], check=True, capture_output=True, text=True
        )
        assert "Pattern verification failed" not in told.stdout
    finally:
        for host in (here, there):
            host.clear()
            host.libvirtd.virsh("pool-destroy", "images")
            for path in (host.libvirtd.base / "lib" / "images").iterdir():
                path.unlink()


def test_a_restless_guest_goes_on_at_its_destination(here: Host, there: Host) -> None:
    here.define("guest")
    moved(here, "guest", PostCopy=True, **{**SLOWLY, "Bandwidth": pywbem.Uint16(8)})
    assert "guest goes on at its destination" in here.server.log
    assert (here.domains(), there.domains()) == ({}, {"guest": "running"})


def test_limits_are_the_hypervisor_s(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", **SLOWLY)
    told = here.server.until(job, lambda told: told["PercentComplete"] > 0)
    assert here.libvirtd.virsh("migrate-getmaxdowntime", "guest").strip() == "50"
    assert here.libvirtd.virsh("migrate-getspeed", "guest").strip() == "1"
    assert 0 < told["PercentComplete"] < 100
    here.let_go()
    assert here.server.ended(job)["JobState"] == COMPLETED
    assert (here.domains(), there.domains()) == ({}, {"guest": "running"})


def test_it_is_given_up(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", **SLOWLY)
    assert here.server.cancel(job) == 0
    ended = here.server.ended(job)
    assert (ended["JobState"], ended["ErrorDescription"]) == (TERMINATED, "it was cancelled by mover")
    assert (here.domains(), there.domains()) == ({"guest": "running"}, {})
    moved(here, "guest")  # nothing of it is left that would be in the way
    assert (here.domains(), there.domains()) == ({}, {"guest": "running"})


def test_what_would_get_in_its_way_is_refused(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", **SLOWLY)
    number = str(job["InstanceID"]).removeprefix("KVM:")
    goes_on = f"is refused: MigrateVirtualSystemToHost, which mover asked for, goes on (job {number})"
    with pytest.raises(pywbem.CIMError, match="MigrateVirtualSystemToHost is refused") as caught:
        here.server.migrate("guest")
    assert goes_on in caught.value.status_description
    with pytest.raises(pywbem.CIMError, match="RequestStateChange is refused") as caught:
        here.server.ask(
            lambda connection: connection.InvokeMethod(
                "RequestStateChange", machine_path("guest"), RequestedState=pywbem.Uint16(9)
            )
        )
    assert goes_on in caught.value.status_description
    assert here.server.cancel(job) == 0
    assert (here.domains(), there.domains()) == ({"guest": "running"}, {})


def test_a_pulled_plug_ends_it(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", **SLOWLY)
    code, out = here.server.ask(
        lambda connection: connection.InvokeMethod(
            "RequestStateChange", machine_path("guest"), RequestedState=pywbem.Uint16(3)
        )
    )
    if code == JOB_STARTED:
        here.server.ended(out["Job"])
    assert here.server.ended(job)["JobState"] == TERMINATED
    assert (here.domains(), there.domains()) == ({"guest": "shut off"}, {})


def test_a_hypervisor_without_a_server_is_looked_at(here: Host, there: Host) -> None:
    here.define("guest")
    job = here.server.begin("guest", to="plain", **SLOWLY)
    told = here.server.ask(lambda connection: connection.GetInstance(job))
    assert told["JobStatus"] == "moving guest to plain, which keeps no room for it: it has no server"
    assert here.server.cancel(job) == 0
    there.define("taken", start=False)
    here.libvirtd.virsh("destroy", "guest")
    here.libvirtd.virsh("undefine", "guest")
    here.define("taken")
    with pytest.raises(pywbem.CIMError, match=r"plain: .*there is a machine 'taken'"):
        here.server.migrate("taken", to="plain")
    assert (here.domains(), there.domains()) == ({"taken": "running"}, {"taken": "shut off"})
