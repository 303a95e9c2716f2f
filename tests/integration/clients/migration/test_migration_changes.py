"""QEMU guests that start anew where they are moved, or are another there; virsh is the second opinion."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
import pywbem

from .hosts import BOOT_IMAGE, COMPLETED, JOB_STARTED, OBEDIENT_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .hosts import Host

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = [pytest.mark.libvirtd, pytest.mark.clients]

NOT_SUPPORTED = 7
RESTART = {"MigrationType": pywbem.Uint16(4)}
DISPLAY = "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>"


@pytest.fixture
def obedient(here: Host) -> Iterator[Host]:
    """Give guests something that obeys the power button."""
    here.boot.write_bytes(OBEDIENT_IMAGE)
    yield here
    here.boot.write_bytes(BOOT_IMAGE)


def moved(here: Host, name: str, **how: Any) -> pywbem.CIMInstance | None:  # noqa: ANN401 - of every type
    """Have a machine moved; return the job, if there was one."""
    code, out = here.server.migrate(name, **how)
    if code == JOB_STARTED:
        return here.server.ended(out["Job"])
    assert code == 0, here.server.log
    return None


def settings(cls: str, **properties: Any) -> pywbem.CIMInstance:  # noqa: ANN401 - of every type
    return pywbem.CIMInstance(f"KVM_{cls}", properties)


def two_processors() -> pywbem.CIMInstance:
    cls = "ProcResourceAllocationSettingData"
    return settings(cls, InstanceID="guest/proc", VirtualQuantity=pywbem.Uint64(2))


def xml(host: Host, name: str, *options: str) -> ET.Element:
    return ET.fromstring(host.libvirtd.virsh("dumpxml", name, *options))  # noqa: S314 - libvirt's own


def test_a_guest_starts_anew_as_another(obedient: Host, there: Host) -> None:
    here = obedient
    here.define("guest")
    new = {
        "NewSystemSettingData": settings("VirtualSystemSettingData", Description="moved"),
        "NewResourceSettingData": [
            two_processors(),
            settings(
                "MemResourceAllocationSettingData",
                InstanceID="guest/mem",
                VirtualQuantity=pywbem.Uint64(48 * 1024),
                Limit=pywbem.Uint64(48 * 1024),
            ),
        ],
    }
    job = moved(here, "guest", new=new, **RESTART)
    assert job is None or job["JobState"] == COMPLETED, job.tomof()
    assert (here.domains(), there.domains()) == ({}, {"guest": "running"})
    for options in ((), ("--inactive",)):
        found = xml(there, "guest", *options)
        told = [found.findtext(path) for path in ("vcpu", "memory", "description")]
        assert told == ["2", "49152", "moved"]


def test_a_running_guest_becomes_another_on_its_way(here: Host, there: Host) -> None:
    here.define("guest", devices=DISPLAY)
    cls = "GraphicsResourceAllocationSettingData"
    display = settings(cls, InstanceID="guest/vnc", Address="127.0.0.9:-1")
    job = moved(here, "guest", new={"NewResourceSettingData": [display]})
    assert job is None or job["JobState"] == COMPLETED, job.tomof()
    assert (here.domains(), there.domains()) == ({}, {"guest": "running"})
    for options in ((), ("--inactive",)):
        shown = xml(there, "guest", *options).find("devices/graphics")
        assert shown is not None
        assert shown.get("listen") == "127.0.0.9"


def test_what_a_running_guest_would_notice_is_refused_by_name(here: Host, there: Host) -> None:
    here.define("guest")
    more = two_processors()
    with pytest.raises(pywbem.CIMError) as caught:
        here.server.migrate("guest", new={"NewResourceSettingData": [more]})
    assert caught.value.status_code == NOT_SUPPORTED
    assert "cpu.count cannot be changed while the machine runs" in caught.value.status_description
    assert (here.domains(), there.domains()) == ({"guest": "running"}, {})
