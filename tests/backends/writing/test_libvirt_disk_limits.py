"""Limits of disks: where they are carried out they are one call, elsewhere they are refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.changes import check
from xencim.providers.backends.fake import fake_machine
from xencim.providers.backends.libvirt.writing.live import steps
from xencim.providers.backends.libvirt.writing.reconfigure import check_limits
from xencim.providers.backends.records import Disk, Host

CONFIG = fake_machine(0).current
DISK = CONFIG.disks[0]
LIMITED = replace(CONFIG, disks=(replace(DISK, read_iops=9, write_bytes_s=7), *CONFIG.disks[1:]))


def test_all_limits_of_a_disk_are_one_step() -> None:
    [step] = steps("qemu", CONFIG, LIMITED, 4)
    assert step.name == f"disks[{DISK.target}].write_bytes_s, disks[{DISK.target}].read_iops"


@pytest.mark.parametrize("driver", ["xen", "lxc"])
def test_a_driver_that_limits_no_disks_refuses_to_store_that_it_did(driver: str) -> None:
    with pytest.raises(BackendError, match=f"write_bytes_s: libvirt's driver '{driver}' limits no disks"):
        check_limits(driver, LIMITED)
    check_limits(driver, CONFIG)
    with pytest.raises(BackendError, match="write_bytes_s cannot be changed while the machine runs"):
        steps(driver, CONFIG, LIMITED, 4)


@pytest.mark.parametrize("disk", [replace(DISK, read_iops=1), replace(DISK, write_iops=1)])
def test_a_total_excludes_the_others(disk: Disk) -> None:
    disk = replace(disk, total_iops=5)
    with pytest.raises(BackendError) as caught:
        check(replace(CONFIG, disks=(disk,)), Host(name="h", uuid="u", prefix="Xen", hypervisor="x"))
    assert caught.value.kind == "invalid"
    told = f"disks[{disk.target}].total_iops excludes read_iops and write_iops: set 0 there"
    assert caught.value.message == told
