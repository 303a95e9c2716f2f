"""Work on networks at a server that is a real process and is killed in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pywbem

from .killable import serving
from .test_jobs_server import FAILED, QUICK, RUNNING, SLOW, ask, get

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = pywbem.CIMInstanceName(
    "Xen_ResourcePoolConfigurationService",
    {
        "SystemCreationClassName": "Xen_HostSystem",
        "SystemName": "fake.example",
        "CreationClassName": "Xen_ResourcePoolConfigurationService",
        "Name": "RPCS",
    },
    namespace="root/virt",
)
SETTINGS = ["instance of Xen_NetPoolResourceAllocationSettingData { ForwardMode = 0; };"]


def test_a_killed_server_tells_that_a_network_was_not_made(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW) as process:
        code, out = ask(tmp_path, SERVICE, "CreateChildResourcePool", ElementName="new", Settings=SETTINGS)
        assert (code, get(tmp_path, out["Job"])["JobState"]) == (4096, RUNNING)
        process.kill()
    with serving(tmp_path, QUICK):
        job = get(tmp_path, out["Job"])
        told = "the server ended while this went on; there is no network 'new'"
        assert (job["JobState"], job["ErrorDescription"]) == (FAILED, told)
        code, out = ask(tmp_path, SERVICE, "CreateChildResourcePool", ElementName="new", Settings=SETTINGS)
        assert (code, out["Pool"].keybindings["InstanceID"]) == (0, "NetworkPool/new")
