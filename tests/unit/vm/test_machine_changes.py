"""Differences between two definitions of a machine, by name, and what is left of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.changes import (
    Change,
    changes,
    check,
    doable,
    grown,
    rebased,
    renumbered,
    unmet,
)
from xencim.providers.backends.fake import fake_config, fake_host
from xencim.providers.backends.records import Disk, InputDevice, Vcpu

OLD = fake_config(1)
DISK, CDROM = OLD.disks
EXTRA = Disk(target="xvdb", source="/extra.img")


def names(*found: Change) -> list[str]:
    return [change.name for change in found]


def test_every_difference_has_a_name() -> None:
    new = replace(
        OLD,
        title="a title",
        cpu=replace(OLD.cpu, count=1, weight=512),
        disks=(replace(DISK, cache="none", source="/other.img"), EXTRA),
        nics=(),
        vcpus=(Vcpu(index=0, pinned_to=(1,)),),
    )
    assert changes(OLD, OLD) == ()
    found = changes(OLD, new)
    assert names(*found) == [
        "cpu.count",
        "cpu.weight",
        "title",
        "vcpus[0].pinned_to",
        "vcpus[1]",
        "disks[xvda].source",
        "disks[xvda].cache",
        "disks[hdc]",
        "disks[xvdb]",
        "nics[00:16:3e:00:00:01]",
    ]
    assert [change.kind for change in found[5:]] == [
        "disks.source",
        "disks.cache",
        "disks-",
        "disks+",
        "nics-",
    ]


def test_only_what_was_to_change_can_be_left() -> None:
    wanted = replace(OLD, title="new", description=None, disks=(replace(DISK, bus=None), EXTRA))
    assert unmet(OLD, wanted, OLD) == ["title", "description", "disks[xvda].bus", "disks[hdc]", "disks[xvdb]"]
    now = replace(
        wanted,
        description="the hypervisor's own words",
        disks=(replace(DISK, bus="ide", cache="none"), replace(EXTRA, bus="xen")),
        on_crash="preserve",
    )
    assert unmet(OLD, wanted, now) == []


def test_what_is_counted_is_counted_anew() -> None:
    mouse, second = (InputDevice(type="mouse", bus="usb", index=index) for index in range(2))
    old = replace(OLD, inputs=(mouse, second))
    wanted = replace(OLD, inputs=(second,))
    assert names(*changes(old, wanted)) == ["inputs[mouse:usb:0]"]
    assert renumbered(wanted).inputs == (mouse,)
    assert unmet(old, wanted, replace(OLD, inputs=(mouse,))) == []
    assert unmet(old, wanted, old) == ["inputs[mouse:usb:1]"]


def test_processors_come_and_go_by_their_count() -> None:
    fewer = replace(OLD, cpu=replace(OLD.cpu, count=1), vcpus=OLD.vcpus[:1])
    assert names(*doable(OLD, changes(OLD, fewer), {"cpu.count"})) == ["cpu.count"]
    pinned = replace(OLD, vcpus=(*OLD.vcpus, Vcpu(index=2, pinned_to=(5,))))
    assert names(*doable(OLD, changes(OLD, pinned), {"vcpus+"})) == ["vcpus[2]"]


def test_a_medium_is_exchanged_where_it_is_removable() -> None:
    possible = {"disks.source", "disks.capacity_bytes"}
    inserted = replace(OLD, disks=(DISK, replace(CDROM, source="/a.iso", capacity_bytes=1)))
    assert names(*doable(OLD, changes(OLD, inserted), possible)) == ["disks[hdc].source"]
    exchanged = replace(OLD, disks=(replace(DISK, source="/other.img"), CDROM))
    with pytest.raises(BackendError, match=r"disks\[xvda\].source cannot be changed while the machine runs"):
        doable(OLD, changes(OLD, exchanged), possible)


def test_disks_grow() -> None:
    larger = replace(OLD, disks=(replace(DISK, capacity_bytes=1 << 50), CDROM))
    assert names(*grown(OLD, changes(OLD, larger))) == ["disks[xvda].capacity_bytes"]
    with pytest.raises(BackendError, match="a disk is never made smaller"):
        grown(larger, changes(larger, OLD))
    unsaid = replace(OLD, disks=(replace(DISK, capacity_bytes=None), CDROM))
    assert grown(OLD, changes(OLD, unsaid)) == []


def test_a_host_that_does_not_tell_its_limits_sets_none() -> None:
    host = replace(fake_host(1), max_vcpus=None)
    check(replace(OLD, cpu=replace(OLD.cpu, maximum=1000)), host)
    with pytest.raises(BackendError) as caught:
        check(replace(OLD, cpu=replace(OLD.cpu, maximum=1000)), fake_host(1))
    assert caught.value.kind == "invalid"


def test_what_others_did_meanwhile_stays() -> None:
    theirs = Disk(target="xvdc", source="/theirs.img")
    now = replace(
        OLD,
        title="theirs",
        cpu=replace(OLD.cpu, weight=999),
        disks=(replace(DISK, cache="none"), CDROM, theirs),
        vcpus=OLD.vcpus[:1],
    )
    wanted = replace(
        OLD,
        description="mine",
        cpu=replace(OLD.cpu, count=1),
        disks=(replace(DISK, serial="mine"), EXTRA),
        vcpus=(Vcpu(index=0, pinned_to=(1,)), Vcpu(index=1, pinned_to=(2,))),
    )
    assert rebased(OLD, OLD, now) == now
    assert rebased(OLD, wanted, OLD) == wanted
    assert rebased(OLD, wanted, now) == replace(
        now,
        description="mine",
        cpu=replace(OLD.cpu, count=1, weight=999),
        disks=(replace(DISK, cache="none", serial="mine"), theirs, EXTRA),
        vcpus=(Vcpu(index=0, pinned_to=(1,)),),
    )


def test_a_device_that_others_took_away_is_not_changed() -> None:
    now = replace(OLD, disks=(CDROM,))
    wanted = replace(OLD, disks=(replace(DISK, serial="mine"), CDROM))
    with pytest.raises(BackendError) as caught:
        rebased(OLD, wanted, now)
    assert (caught.value.kind, caught.value.message) == ("not_found", "disks[xvda] is not there any more")
    assert rebased(OLD, replace(OLD, disks=(DISK, CDROM, EXTRA)), now).disks == (CDROM, EXTRA)
    assert rebased(OLD, replace(OLD, disks=(CDROM,)), now).disks == (CDROM,)


def test_what_is_not_asked_for_is_not_judged() -> None:
    odd = replace(
        OLD,
        cpu=replace(OLD.cpu, maximum=1000),
        memory=replace(OLD.memory, current_kib=0),
        vcpus=(Vcpu(index=0, pinned_to=(99,)),),
    )
    check(replace(odd, title="new"), fake_host(1), odd)
    with pytest.raises(BackendError, match=r"vcpus\[0\].pinned_to is \(98,\)"):
        check(replace(odd, vcpus=(Vcpu(index=0, pinned_to=(98,)),)), fake_host(1), odd)
