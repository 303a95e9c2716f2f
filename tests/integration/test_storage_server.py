"""Work on storage at a server that is a real process and is killed in the middle."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
import pywbem

from xencim.cimom_glue.cli.client import connected

from .killable import serving
from .test_jobs_server import FAILED, QUICK, RUNNING, SLOW, TERMINATED, ask, get

if TYPE_CHECKING:
    from pathlib import Path

VOLUME = pywbem.CIMInstanceName(
    "Xen_StorageVolume",
    {
        "SystemCreationClassName": "Xen_HostSystem",
        "SystemName": "fake.example",
        "CreationClassName": "Xen_StorageVolume",
        "DeviceID": "default/vm-00002.qcow2",
    },
    namespace="root/virt",
)


def test_a_killed_server_tells_that_a_copy_was_not_made(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW) as process:
        code, out = ask(tmp_path, VOLUME, "Clone", VolumeName="copy")
        assert (code, get(tmp_path, out["Job"])["JobState"]) == (4096, RUNNING)
        process.kill()
    with serving(tmp_path, QUICK):
        job = get(tmp_path, out["Job"])
        told = "the server ended while this went on; there is no volume 'default/copy'"
        assert (job["JobState"], job["ErrorDescription"]) == (FAILED, told)
        assert ask(tmp_path, VOLUME, "Clone", VolumeName="copy")[0] == 0


def test_a_copy_is_cancelled_and_not_there(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW):
        _code, out = ask(tmp_path, VOLUME, "Clone", VolumeName="copy")
        assert ask(tmp_path, out["Job"], "RequestStateChange", RequestedState=pywbem.Uint16(4))[0] == 0
        assert get(tmp_path, out["Job"])["JobState"] == TERMINATED
        with connected(tmp_path / "socket") as connection:
            names = connection.EnumerateInstanceNames("Xen_StorageVolume")
        assert "default/copy" not in [path["DeviceID"] for path in names]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_killed_server_tells_that_an_upload_broke_off(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(64 * 1024**2))
    url = "http://localhost/volumes/root/virt/default/vm-00002.qcow2"
    words = ["curl", "-sS", "--unix-socket", str(tmp_path / "socket"), "--limit-rate", "4M"]
    with (
        serving(tmp_path, QUICK) as process,
        subprocess.Popen([*words, "-T", str(tmp_path / "data"), url], stderr=subprocess.PIPE) as curl,
        connected(tmp_path / "socket") as connection,
    ):
        jobs: list[pywbem.CIMInstance] = []
        while not jobs:
            jobs = connection.EnumerateInstances("Xen_ConcreteJob")
        assert jobs[0]["JobState"] == RUNNING
        process.kill()
        assert curl.wait() != 0
    with serving(tmp_path, QUICK):
        job = get(tmp_path, jobs[0].path)
        told = (
            "the server ended while this went on; how much of the content of volume "
            "'default/vm-00002.qcow2' was written cannot be told; send it again"
        )
        assert (job["Name"], job["JobState"], job["ErrorDescription"]) == ("Upload", FAILED, told)
