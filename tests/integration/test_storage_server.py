"""Work on storage at a server that is a real process and is killed in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pywbem

from .test_jobs_server import FAILED, QUICK, RUNNING, SLOW, ask, get, serving

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
