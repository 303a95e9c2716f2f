"""Volumes' content read and written by curl; virsh and qemu-img are the second opinions."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMError, CIMInstance, CIMInstanceName, Uint16, Uint64

from ..programs import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd
    from tests.integration.conftest import Serve, ServerProcess

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
if shutil.which("curl") is None:
    pytest.skip("curl is not installed", allow_module_level=True)
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

MIB = 1024**2
JOB_STARTED, RUNNING, TERMINATED = 4096, 4, 8
GUEST = """<domain type='qemu'><name>user</name><memory unit='MiB'>64</memory>
<vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices><disk type='file' device='disk'>
<driver name='qemu' type='raw'/><source file='{path}'/><target dev='vda' bus='virtio'/></disk></devices>
</domain>"""


class Disks:
    """A pool with volumes, their server, and ways to ask it."""

    def __init__(self, libvirtd: Libvirtd, server: ServerProcess, connection: Any, folder: Path) -> None:  # noqa: ANN401 - a WBEMConnection
        self.libvirtd = libvirtd
        self.server = server
        self.connection = connection
        self.folder = folder
        self.pool = CIMInstanceName("KVM_DiskPool", {"InstanceID": "DiskPool/content"}, namespace="root/virt")

    def make(self, name: str, size: int, kind: int = 1) -> CIMInstance:
        wanted = {"VolumeName": name, "Capacity": Uint64(size), "FormatType": Uint16(kind)}
        settings = CIMInstance("KVM_StorageVolumeResourceAllocationSettingData", wanted)
        [service] = self.connection.EnumerateInstanceNames("KVM_ResourcePoolConfigurationService")
        code, out = self.connection.InvokeMethod(
            "CreateResourceInPool", service, Settings=settings, Pool=self.pool
        )
        assert code == 0
        return self.connection.GetInstance(out["Resource"])

    def curl(self, volume: CIMInstance, *words: str | Path, account: str = "admin") -> tuple[int, bytes]:
        """Return the HTTP status and what came with it."""
        command = ["curl", "-sS", "--cacert", self.server.certificate, "-w", "%{stderr}%{http_code}"]
        command += ["-u", f"{account}:{self.server.password(account)}", *map(str, words)]
        url = self.server.url("https").replace("127.0.0.1", "localhost") + volume["ContentURL"]
        done = subprocess.run([*command, url], capture_output=True, check=True, env=self.server.environment)
        return int(done.stderr), done.stdout


@pytest.fixture
def disks(libvirtd: Libvirtd, serve: Serve, tmp_path: Path) -> Iterator[Disks]:
    folder = tmp_path / "pool"
    folder.mkdir()
    libvirtd.virsh("pool-create-as", "content", "dir", "--target", str(folder))
    try:
        with serve(libvirtd.uri) as server, connect(server) as connection:
            yield Disks(libvirtd, server, connection, folder)
    finally:
        libvirtd.virsh("pool-destroy", "content")


def pattern(size: int) -> bytes:
    """Return bytes that repeat only after a while."""
    return b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(size // 32))


def test_content_is_written_and_read(disks: Disks, tmp_path: Path) -> None:
    volume = disks.make("raw", 4 * MIB)
    assert (volume["ContentURL"], volume["ContentSize"]) == ("/volumes/root/virt/content/raw", 4 * MIB)
    data = pattern(4 * MIB)
    (tmp_path / "data").write_bytes(data)
    assert disks.curl(volume, "-T", tmp_path / "data") == (204, b"")
    assert (disks.folder / "raw").read_bytes() == data
    disks.libvirtd.virsh("vol-download", "raw", str(tmp_path / "told"), "--pool", "content")
    assert (tmp_path / "told").read_bytes() == data
    assert disks.curl(volume) == (200, data)
    assert disks.curl(volume, "-r", "1000000-2000000") == (206, data[1_000_000:2_000_001])
    assert disks.curl(volume, "-r", "-10") == (206, data[-10:])
    assert disks.curl(volume, "-r", f"{4 * MIB}-")[0] == 416
    status, head = disks.curl(volume, "-I")
    assert (status, b"content-length: 4194304\r\n" in head) == (200, True)
    (tmp_path / "part").write_bytes(b"part")
    part = ("-T", tmp_path / "part", "-H", "Content-Range: bytes 1048576-1048579/4194304")
    assert disks.curl(volume, *part) == (204, b"")
    assert (disks.folder / "raw").read_bytes() == data[:MIB] + b"part" + data[MIB + 4 :]
    (tmp_path / "data").write_bytes(data + b"x")
    too_long = b"volume 'content/raw' has 4194304 bytes: it does not hold 4194305\n"
    assert disks.curl(volume, "-T", tmp_path / "data") == (400, too_long)
    chunked = ("-H", "Transfer-Encoding: chunked", "-T", tmp_path / "data")
    assert disks.curl(volume, *chunked) == (400, too_long)


def test_an_image_in_a_format_of_its_own_is_what_it_is_afterwards(disks: Disks, tmp_path: Path) -> None:
    volume = disks.make("image", MIB, kind=2)
    image = tmp_path / "other.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "32M"], check=True)
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 2M", str(image)], check=True, capture_output=True
    )
    assert disks.curl(volume, "-T", image) == (204, b"")
    after = disks.connection.GetInstance(volume.path)
    assert (after["NumberOfBlocks"], after["Format"]) == (32 * MIB, "qcow2")
    assert after["ContentSize"] == (disks.folder / "image").stat().st_size
    compare = ["qemu-img", "compare", "-q", str(image), str(disks.folder / "image")]
    assert subprocess.run(compare, check=False).returncode == 0
    assert disks.curl(volume) == (200, (disks.folder / "image").read_bytes())


def test_rights_and_users_are_respected(disks: Disks, tmp_path: Path) -> None:
    volume = disks.make("used", MIB)
    (tmp_path / "data").write_bytes(b"x")
    for account in ("reader", "operator", "stranger"):
        assert disks.curl(volume, account=account)[0] == 403
        assert disks.curl(volume, "-T", tmp_path / "data", account=account)[0] == 403
    (tmp_path / "user.xml").write_text(GUEST.format(path=disks.folder / "used"))
    disks.libvirtd.virsh("create", str(tmp_path / "user.xml"))
    try:
        used = b"volume 'content/used' is in use: it is disk vda of machine 'user' (running)\n"
        assert disks.curl(volume, "-T", tmp_path / "data") == (409, used)
        assert disks.curl(volume) == (409, used)
    finally:
        disks.libvirtd.virsh("destroy", "user")
    assert disks.curl(volume, "-T", tmp_path / "data") == (204, b"")


def test_an_upload_is_a_job_that_shows_how_far_it_is_and_is_cancelled(disks: Disks, tmp_path: Path) -> None:
    volume = disks.make("slow", 64 * MIB)
    (tmp_path / "data").write_bytes(pattern(64 * MIB))
    answers: list[tuple[int, bytes]] = []
    words = ("--limit-rate", "8M", "-T", tmp_path / "data")
    upload = threading.Thread(target=lambda: answers.append(disks.curl(volume, *words)))
    upload.start()
    try:
        jobs: list[CIMInstance] = []
        while not jobs or not jobs[0]["PercentComplete"]:
            jobs = disks.connection.EnumerateInstances("KVM_ConcreteJob")
        [job] = jobs
        assert (job["Name"], job["JobState"], job["PercentComplete"] < 60) == ("Upload", RUNNING, True)
        wiping = disks.connection.InvokeMethod("RequestStateChange", job.path, RequestedState=Uint16(4))
        assert wiping[0] in {0, JOB_STARTED}
    finally:
        upload.join()
    [(status, text)] = answers
    assert (status, text) == (409, b"it was cancelled by admin\n")
    assert disks.connection.GetInstance(job.path)["JobState"] == TERMINATED


def test_copies_are_whole_and_thin_and_wiped_volumes_are_zero(disks: Disks, tmp_path: Path) -> None:
    volume = disks.make("raw", 64 * MIB)
    data = pattern(2 * MIB)
    (tmp_path / "data").write_bytes(data)
    assert (
        disks.curl(volume, "-T", tmp_path / "data", "-H", f"Content-Range: bytes {MIB}-{3 * MIB - 1}/*")[0]
        == 204
    )
    code, out = disks.connection.InvokeMethod("Clone", volume.path, VolumeName="copy")
    assert code == 0
    copy = disks.folder / "copy"
    assert copy.read_bytes() == bytes(MIB) + data + bytes(61 * MIB)
    assert copy.stat().st_blocks * 512 < 4 * MIB
    told = disks.connection.GetInstance(out["Volume"])
    assert (told["NumberOfBlocks"], told["Format"]) == (64 * MIB, "raw")
    image = disks.make("image", MIB, kind=2)
    assert disks.connection.InvokeMethod("Clone", image.path, VolumeName="image2")[0] == 0
    compare = ["qemu-img", "compare", "-q", str(disks.folder / "image"), str(disks.folder / "image2")]
    assert subprocess.run(compare, check=False).returncode == 0
    full = disks.make("full", 3 * MIB)
    (tmp_path / "data").write_bytes(pattern(3 * MIB))
    assert disks.curl(full, "-T", tmp_path / "data")[0] == 204
    assert disks.connection.InvokeMethod("Wipe", full.path)[0] == 0
    assert (disks.folder / "full").read_bytes() == bytes(3 * MIB)


def test_a_copy_is_cancelled_and_leaves_nothing(disks: Disks) -> None:
    volume = disks.make("large", 1024 * MIB)
    with (disks.folder / "large").open("r+b") as file:
        for _ in range(1024):
            file.write(b"x" * MIB)
    code, out = disks.connection.InvokeMethod("Clone", volume.path, VolumeName="copy")
    assert code == JOB_STARTED
    assert disks.connection.InvokeMethod("RequestStateChange", out["Job"], RequestedState=Uint16(4))[0] == 0
    assert disks.connection.GetInstance(out["Job"])["JobState"] == TERMINATED
    assert sorted(path.name for path in disks.folder.iterdir()) == ["large"]
    with pytest.raises(CIMError):
        disks.connection.GetInstance(
            CIMInstanceName(
                "KVM_StorageVolume",
                {**volume.path.keybindings, "DeviceID": "content/copy"},
                namespace="root/virt",
            )
        )
