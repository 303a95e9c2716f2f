"""A server killed in the middle of real work of libvirt's, and started while that still goes on.

Each job is known, goes on as long as the work does, and then tells the truth; virsh is the second opinion.
"""

from __future__ import annotations

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMInstance, CIMInstanceName, Uint16, Uint64

from ..clients.migration.hosts import COMPLETED, FAILED, JOB_STARTED, RUNNING, Host, machine_path
from .held import (
    HELD,
    IMAGES,
    Holding,
    begin,
    change,
    pool_path,
    service,
    until,
    volume_path,
    volumes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

ENABLE, DISABLE, QUIESCE = 2, 3, 9
FULL = 2
MEANWHILE = "the server ended while this went on; "
DISK = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='{image}'/><target dev='vdb' bus='virtio'/></disk>"""
MAC = "52:54:00:00:00:77"
ON_GUESTS = ("dumped", "snapped", "forgotten", "plugged", "paused")
"""Guests whose processes are stopped while something is asked of them."""
OTHER = "other"
"""A pool that libvirt keeps locked while it makes a volume of it larger."""


def setting(cls: str, **properties: Any) -> CIMInstance:  # noqa: ANN401 - of every type
    return CIMInstance(f"KVM_{cls}", properties)


def system_settings(name: str) -> CIMInstanceName:
    return CIMInstanceName(
        "KVM_VirtualSystemSettingData", {"InstanceID": f"KVM:{name}"}, namespace="root/virt"
    )


def image(path: Path) -> Path:
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=1.1", str(path), "16M"], check=True
    )
    return path


def snapshot(host: Host, guest: str, name: str) -> None:
    """Take a snapshot that is wanted for a test."""
    path = service(host, "VirtualSystemSnapshotService")
    code, out = host.server.ask(
        lambda connection: connection.InvokeMethod("CreateSnapshot", path, **wanted_snapshot(guest, name))
    )
    if int(code) == JOB_STARTED:
        assert host.server.ended(out["Job"])["JobState"] == COMPLETED


def wanted_snapshot(guest: str, name: str) -> dict[str, Any]:
    return {
        "AffectedSystem": machine_path(guest),
        "SnapshotSettings": setting("VirtualSystemSnapshotSettingData", ElementName=name),
        "SnapshotType": Uint16(FULL),
    }


def _all(asked: Mapping[str, Callable[[], CIMInstanceName]]) -> dict[str, CIMInstanceName]:
    """Ask for everything at once, and return the jobs."""
    with ThreadPoolExecutor(len(asked)) as clients:
        made = {name: clients.submit(ask) for name, ask in asked.items()}
    return {name: one.result() for name, one in made.items()}


class Work:
    """What was asked for before the server was killed, and how it is told of after its start."""

    def __init__(self, host: Host, holding: Holding) -> None:
        self.host = host
        self.holding = holding
        self.meanwhile: Mapping[str, CIMInstance] = {}
        self.ended: Mapping[str, CIMInstance] = {}

    def killed(self, jobs: Mapping[str, CIMInstanceName]) -> None:
        """Kill the server and start it; let everything go on, and wait for the jobs' ends."""
        server = self.host.server
        server.stop(signal.SIGKILL)
        server.start()
        self.meanwhile = {name: self._told(job) for name, job in jobs.items()}
        self.holding.let_go()
        self.ended = {name: server.ended(job) for name, job in jobs.items()}

    def _told(self, job: CIMInstanceName) -> CIMInstance:
        return self.host.server.ask(lambda connection: connection.GetInstance(job))

    def prepare_guests(self) -> None:
        host, folder = self.host, self.host.boot.parent
        for name in ON_GUESTS:
            host.define(name, devices=DISK.format(image=image(folder / f"{name}.qcow2")), start=False)
            host.libvirtd.virsh("start", name)
        snapshot(host, "forgotten", "base")
        host.define(HELD, emulator=self.holding.emulator, start=False)

    def prepare_storage(self) -> None:
        host, folder = self.host, self.host.boot.parent
        for name in ("source", "golden"):
            image(folder / "pool" / f"{HELD}-{name}")
        (folder / OTHER).mkdir()
        image(folder / OTHER / f"{HELD}-grown")
        host.libvirtd.virsh("pool-create-as", OTHER, "dir", "--target", str(folder / OTHER))
        rpcs = service(host, "ResourcePoolConfigurationService")
        host.server.ask(
            lambda connection: connection.InvokeMethod("RefreshResourcesInPool", rpcs, Pool=pool_path("pool"))
        )
        host.define("golden", devices=DISK.format(image=folder / "pool" / f"{HELD}-golden"), start=False)

    def on_guests(self) -> dict[str, CIMInstanceName]:
        self.holding.hold()
        self.holding.stop(*ON_GUESTS)
        return _all(self._on_guests())

    def on_storage(self) -> dict[str, CIMInstanceName]:
        host = self.host
        self.holding.hold(IMAGES)
        jobs = _all(self._on_storage())
        until(lambda: len(self.holding.held()) == len(jobs), "not all programs run")
        # From now on libvirt lists no pools.
        grown = volume_path(host, f"{OTHER}/{HELD}-grown")
        jobs["grown"] = begin(host, grown, "Resize", Capacity=Uint64(32 << 20))
        until(lambda: len(self.holding.held()) == len(jobs), "not all programs run")
        return jobs

    def _on_guests(self) -> dict[str, Any]:
        host = self.host
        vsms = service(host, "VirtualSystemManagementService")
        snapshots = service(host, "VirtualSystemSnapshotService")
        nic = setting("NetResourceAllocationSettingData", NetworkType="user", Address=MAC)
        return {
            "started": lambda: change(host, HELD, ENABLE),
            "paused": lambda: change(host, "paused", QUIESCE),
            "dumped": lambda: begin(
                host,
                vsms,
                "CreateCoreDump",
                TargetSystem=machine_path("dumped"),
                Pool=pool_path("pool"),
                VolumeName="core",
            ),
            "snapped": lambda: begin(host, snapshots, "CreateSnapshot", **wanted_snapshot("snapped", "new")),
            "forgotten": lambda: begin(
                host,
                snapshots,
                "DestroySnapshot",
                AffectedSnapshot=system_settings("forgotten;snapshot/base"),
            ),
            "plugged": lambda: begin(
                host,
                vsms,
                "AddResourceSettings",
                AffectedConfiguration=system_settings("plugged"),
                ResourceSettings=[nic],
            ),
        }

    def _on_storage(self) -> dict[str, Any]:
        host = self.host
        vsms = service(host, "VirtualSystemManagementService")
        rpcs = service(host, "ResourcePoolConfigurationService")
        source = volume_path(host, f"pool/{HELD}-source")
        named = "VirtualSystemIdentifier"
        made = setting(
            "StorageVolumeResourceAllocationSettingData",
            VolumeName=f"{HELD}-made",
            Capacity=Uint64(1 << 20),
            FormatType=Uint16(2),
        )
        return {
            "made": lambda: begin(host, rpcs, "CreateResourceInPool", Settings=made, Pool=pool_path("pool")),
            "cloned": lambda: begin(host, source, "Clone", VolumeName=f"{HELD}-clone"),
            "copied": lambda: begin(
                host,
                vsms,
                "CopySystem",
                SystemSettings=setting("VirtualSystemSettingData", **{named: f"{HELD}-copy"}),
                ReferenceConfiguration=system_settings("golden"),
            ),
            "defined": lambda: begin(
                host,
                vsms,
                "DefineSystem",
                SystemSettings=setting("VirtualSystemSettingData", **{named: f"{HELD}-defined"}),
                ResourceSettings=[
                    setting(
                        "DiskResourceAllocationSettingData",
                        PoolID="DiskPool/pool",
                        VirtualQuantity=Uint64(1 << 20),
                        AllocationUnits="Bytes",
                    )
                ],
            ),
        }


@pytest.fixture(scope="module")
def holding(_killed_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Holding:
    return Holding(_killed_host, tmp_path_factory.mktemp("holding"))


def test_work_on_guests(host: Host, holding: Holding) -> None:
    work = Work(host, holding)
    work.prepare_guests()
    try:
        work.killed(work.on_guests())
    finally:
        holding.let_go()
    assert {job["JobState"] for job in work.meanwhile.values()} == {RUNNING}
    told = {name: (job["JobState"], job["ErrorDescription"]) for name, job in work.ended.items()}
    core = "volume 'pool/core' is there; whether the dump in it is whole cannot be told"
    expected = dict.fromkeys(told, (COMPLETED, None)) | {"dumped": (FAILED, MEANWHILE + core)}
    if MAC not in host.libvirtd.virsh("domiflist", "plugged"):  # libvirt had not been asked yet
        expected["plugged"] = (FAILED, f"{MEANWHILE}plugged/{MAC} is not there")
    assert told == expected
    assert host.domains() == dict.fromkeys((*ON_GUESTS, HELD), "running") | {"paused": "paused"}
    assert [
        len(host.libvirtd.virsh("snapshot-list", name).splitlines()) for name in ("snapped", "forgotten")
    ] == [1, 0]
    assert len(holding.held()) == 1
    host.libvirtd.virsh("vol-delete", "core", "pool")


def test_work_on_storage(host: Host, holding: Holding) -> None:
    work = Work(host, holding)
    work.prepare_storage()
    try:
        jobs = work.on_storage()
        work.killed(jobs)
    finally:
        holding.let_go()
    assert {job["JobState"] for job in work.meanwhile.values()} == {RUNNING}
    told = {name: (job["JobState"], job["ErrorDescription"]) for name, job in work.ended.items()}
    left = "the machine is not there; what was made for it is left: pool/"
    assert told == {
        "made": (COMPLETED, None),
        "grown": (COMPLETED, None),
        "cloned": (
            FAILED,
            f"{MEANWHILE}volume 'pool/{HELD}-clone' is there; whether its content is whole cannot be told",
        ),
        "copied": (FAILED, f"{MEANWHILE}{left}{HELD}-copy-vdb.qcow2"),
        "defined": (FAILED, f"{MEANWHILE}{left}{HELD}-defined-vda.qcow2"),
    }
    assert host.domains() == {"golden": "shut off"}
    there = [
        *(
            f"{HELD}-{name}"
            for name in ("clone", "copy-vdb.qcow2", "defined-vda.qcow2", "golden", "made", "source")
        )
    ]
    assert sorted(volumes(host)) == there
    assert "32.00 MiB" in host.libvirtd.virsh("vol-info", f"{HELD}-grown", OTHER)
    assert len(holding.held()) == len(jobs)
    host.libvirtd.virsh("pool-destroy", OTHER)
    for name in there:
        host.libvirtd.virsh("vol-delete", name, "pool")
