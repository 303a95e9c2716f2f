"""CopySystem at a server that is a real process: given up, and killed in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pywbem

from xencim.cimom_glue.cli.client import connected

from .killable import serving
from .test_jobs_server import FAILED, QUICK, RUNNING, SLOW, TERMINATED, ask, get

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = "Xen_VirtualSystemSettingData"
SERVICE = pywbem.CIMInstanceName(
    "Xen_VirtualSystemManagementService",
    {
        "SystemCreationClassName": "Xen_HostSystem",
        "SystemName": "fake.example",
        "CreationClassName": "Xen_VirtualSystemManagementService",
        "Name": "Management Service",
    },
    namespace="root/virt",
)


def copy(folder: Path) -> tuple[int, dict[str, Any]]:
    name = pywbem.CIMProperty("VirtualSystemIdentifier", "web")
    source = pywbem.CIMInstanceName(SETTINGS, {"InstanceID": "Xen:vm-00002"}, namespace="root/virt")
    return ask(
        folder,
        SERVICE,
        "CopySystem",
        SystemSettings=pywbem.CIMInstance(SETTINGS, [name]),
        ReferenceConfiguration=source,
    )


def names(folder: Path, class_name: str, key: str) -> set[str]:
    with connected(folder / "socket") as connection:
        return {path[key] for path in connection.EnumerateInstanceNames(class_name)}


def test_a_killed_server_tells_that_a_machine_was_not_copied(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW) as process:
        code, out = copy(tmp_path)
        assert (code, get(tmp_path, out["Job"])["JobState"]) == (4096, RUNNING)
        process.kill()
    with serving(tmp_path, QUICK):
        job = get(tmp_path, out["Job"])
        told = "the server ended while this went on; the machine is not there"
        assert (job["JobState"], job["ErrorDescription"]) == (FAILED, told)
        assert copy(tmp_path)[0] == 0
        assert "web" in names(tmp_path, "Xen_ComputerSystem", "Name")


def test_a_copy_of_a_machine_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, SLOW):
        _code, out = copy(tmp_path)
        assert ask(tmp_path, out["Job"], "RequestStateChange", RequestedState=pywbem.Uint16(4))[0] == 0
        assert get(tmp_path, out["Job"])["JobState"] == TERMINATED
        assert "web" not in names(tmp_path, "Xen_ComputerSystem", "Name")
        assert "default/web-xvda.qcow2" not in names(tmp_path, "Xen_StorageVolume", "DeviceID")
