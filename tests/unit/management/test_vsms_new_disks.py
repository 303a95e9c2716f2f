"""Disks whose medium is made with them: volumes in the pool that is named, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import Disk, Volume
from xencim.providers.core.errors import Status

from .management_world import Host, managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RUNNING, OFF = "vm-00000", "vm-00002"
IMAGES = "/var/lib/xen/images"
GIB = 2**30


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with managing() as made:
        yield made


def new_disk(host: Host, **more: Any) -> Any:  # noqa: ANN401 - an instance
    asked = {"PoolID": "DiskPool/default", "VirtualQuantity": 2, "AllocationUnits": "GigaBytes", **more}
    return host.settings("disk", **asked)


def volumes(host: Host) -> dict[str, tuple[int | None, str | None]]:
    """Return the volumes of new machines, with size and format."""
    return {
        volume.name: (volume.capacity_bytes, volume.format)
        for volume in host.view.all(Volume).values()
        if "-xvd" in volume.name
    }


async def test_a_machine_with_disks_of_its_own(host: Host) -> None:
    whole = host.settings("system", VirtualSystemIdentifier="web")
    disks = (new_disk(host), new_disk(host, DriverType="raw", VirtualQuantity=1))
    await host.call("DefineSystem", SystemSettings=whole, ResourceSettings=disks)
    assert host.machine("web").current.disks == (
        Disk(
            target="xvda",
            bus="xen",
            source_type="file",
            source=f"{IMAGES}/web-xvda.qcow2",
            driver_type="qcow2",
            capacity_bytes=2 * GIB,
        ),
        Disk(
            target="xvdb",
            bus="xen",
            source_type="file",
            source=f"{IMAGES}/web-xvdb.raw",
            driver_type="raw",
            capacity_bytes=GIB,
        ),
    )
    assert volumes(host) == {"web-xvda.qcow2": (2 * GIB, "qcow2"), "web-xvdb.raw": (GIB, "raw")}
    # Content stays when its machine goes, and is nobody else's then.
    await host.call("DestroySystem", AffectedSystem=host.system("web"))
    assert len(volumes(host)) == 2
    status, text = await host.refusal("DefineSystem", SystemSettings=whole, ResourceSettings=disks)
    assert (status, text.startswith("volume default/web-xvda.qcow2: ")) == (Status.FAILED, True)
    assert (host.view.machine_named("web"), len(volumes(host))) == (None, 2)


async def test_a_running_machine_is_given_one(host: Host) -> None:
    assert await host.add(RUNNING, new_disk(host)) == [f"{RUNNING}/xvdb"]
    assert volumes(host) == {f"{RUNNING}-xvdb.qcow2": (2 * GIB, "qcow2")}
    for config in (host.machine(RUNNING).current, host.stored(RUNNING)):
        assert config.disks[-1].source == f"{IMAGES}/{RUNNING}-xvdb.qcow2"
    await host.modify("disk", f"{RUNNING}/xvdb", VirtualQuantity=3, AllocationUnits="GigaBytes")
    assert len(volumes(host)) == 1


async def test_nothing_is_left_of_what_came_to_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise BackendError("failed", "it went wrong")

    monkeypatch.setattr(FakeBackend, "define", fail)
    monkeypatch.setattr(FakeBackend, "reconfigure", fail)
    whole = host.settings("system", VirtualSystemIdentifier="web")
    status, text = await host.refusal(
        "DefineSystem", SystemSettings=whole, ResourceSettings=(new_disk(host), new_disk(host))
    )
    assert (status, text) == (Status.FAILED, "DefineSystem: it went wrong")
    status, _ = await host.add_refused(RUNNING, new_disk(host))
    assert status is Status.FAILED
    assert volumes(host) == {}


async def test_a_refused_setting_leaves_no_volume(host: Host) -> None:
    status, _ = await host.add_refused(
        RUNNING, new_disk(host), new_disk(host, VirtualDevice="xvda", Address=None)
    )
    assert status is Status.INVALID_PARAMETER
    assert volumes(host) == {}


async def test_a_volume_is_of_the_format_that_its_name_tells(host: Host) -> None:
    made = {"default/a.qcow2": "qcow2", "default/b.raw": "raw", "default/c": "raw"}
    for number, (key, driver_type) in enumerate(made.items()):
        name = key.partition("/")[2]
        host.site.inventory.put(Volume(pool="default", name=name, format=driver_type))
        target = f"xvd{chr(ord('k') + number)}"
        await host.add(OFF, host.settings("disk", Address=key, VirtualDevice=target))
        [disk] = [one for one in host.machine(OFF).current.disks if one.target == target]
        assert (disk.source_type, disk.volume, disk.driver_type) == ("volume", name, driver_type)


async def test_what_a_volume_holds_is_not_guessed(host: Host) -> None:
    """A guest could have written an image's head into its raw disk, one that names a file of the host."""
    host.site.inventory.put(Volume(pool="default", name="disk", format="qcow2"))
    one = {"Address": "default/disk", "VirtualDevice": "xvdk"}
    status, text = await host.add_refused(OFF, host.settings("disk", **one))
    assert (status, "volume 'default/disk' looks like qcow2" in text) == (Status.INVALID_PARAMETER, True)
    await host.add(OFF, host.settings("disk", DriverType="qcow2", **one))
    [disk] = [one for one in host.machine(OFF).current.disks if one.target == "xvdk"]
    assert disk.driver_type == "qcow2"
