"""Xen's domains followed, against a stand-in for xenstore and for the hypervisor's list of domains."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Disk, Nic, PowerState
from xencim.providers.backends.xen import domains, hypervisor, live, merging, xl
from xencim.providers.backends.xen.domains import Domain
from xencim.providers.backends.xen.following import Following
from xencim.providers.backends.xen.tools import Tools
from xencim.providers.backends.xen.xenstore import Xenstore

from .made_up_xenstore import DIRECTORY, READ, MadeUpXenstore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from xencim.providers.backends.records import VirtualMachine

UUID = "ec5a32be-81c2-4323-989e-5c9699266057"
READS_A_DOMAIN = 18
"""What one domain with a disk and a processor costs: directories and nodes."""


@pytest.fixture
def made_up() -> MadeUpXenstore:
    return MadeUpXenstore()


@contextlib.asynccontextmanager
async def following(made_up: MadeUpXenstore, folder: Path) -> AsyncIterator[tuple[Following, asyncio.Event]]:
    """Follow the stand-in."""
    changed = asyncio.Event()
    socket = folder / "xenstored"
    async with made_up.serving(socket):
        found = Following(Tools(str(folder)), changed.set, (str(socket),))
        await found.start(made_up.listed)
        try:
            yield found, changed
        finally:
            await found.stop()


async def until(condition: Callable[[], bool], changed: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        while not condition():
            changed.clear()
            await changed.wait()


async def test_a_captured_host(shared_dir: Path, made_up: MadeUpXenstore, tmp_path: Path) -> None:
    captures = shared_dir / "xen" / "captures" / "xl"
    made_up.load((captures / "xenstore-ls.txt").read_text())
    listed = domains.read_listed((captures / "xl-list.txt").read_text())
    assert listed == (
        Domain(0, "00000000-0000-0000-0000-000000000000", PowerState.RUNNING),
        Domain(1, UUID, PowerState.RUNNING),
    )
    made_up.domains = {one.number: one for one in listed}
    made_with = merging.definitions((captures / "xl-list-l.txt").read_text())
    async with following(made_up, tmp_path) as (found, _):
        machine = merging.of_xl(found.domains[1], found.lives[1], made_with[1], "x86_64")
    assert (machine.name, machine.uuid, machine.id, machine.persistent) == ("pv1", UUID, 1, False)
    config = machine.current
    assert (config.memory.current_kib, config.memory.maximum_kib) == (163840, 196608)
    assert (config.cpu.count, config.cpu.maximum, config.cpu.weight, config.cpu.cap_percent) == (2, 2, 256, 0)
    assert (config.os_type, config.kernel, config.on_reboot) == ("linux", "/guest/vmlinuz", "restart")
    assert config.disks == (
        Disk(
            target="xvda",
            bus="xen",
            source_type="file",
            source="/var/tmp/d1.raw",  # noqa: S108 - of the captured host
            driver_name="phy",
            driver_type="raw",
        ),
    )
    assert config.nics == (
        Nic(mac="00:16:3e:00:00:01", source_type="bridge", bridge="br0", target_dev="vif1.0"),
    )
    assert [console.source_path for console in config.consoles] == ["/dev/pts/0"]


async def test_what_changes_is_told(made_up: MadeUpXenstore, tmp_path: Path) -> None:
    async with following(made_up, tmp_path) as (found, changed):
        assert found.domains == {}
        made_up.make(7, "seven", UUID)
        await until(lambda: 7 in found.lives, changed)
        assert [disk.target for disk in found.lives[7].disks] == ["xvda"]
        made_up.set("/local/domain/7/memory/target", "40000")
        await until(lambda: found.lives[7].memory_kib == 40000, changed)
        made_up.set("/libxl/7/device/vbd/51712", None)
        await until(lambda: found.lives[7].disks == (), changed)
        made_up.domains[7] = replace(made_up.domains[7], state=PowerState.PAUSED)
        await until(lambda: found.domains[7].state is PowerState.PAUSED, changed)
        del made_up.domains[7]
        made_up.tell("@releaseDomain")
        await until(lambda: found.lives == {}, changed)
    assert made_up.watches == {"@introduceDomain", "@releaseDomain", "/libxl", "/local/pool"}


async def test_twenty_domains_cost_one_call_and_a_bound(made_up: MadeUpXenstore, tmp_path: Path) -> None:
    for number in range(1, 21):
        made_up.make(number, f"m{number}", str(number))
    async with following(made_up, tmp_path) as (found, _):
        assert len(found.lives) == 20
        assert Counter(made_up.asked)[READ] + Counter(made_up.asked)[DIRECTORY] <= 20 * READS_A_DOMAIN
        lists, asked = made_up.lists, len(made_up.asked)
        assert lists == found.looks
        while found.looks < 3:
            await found.look()
        assert made_up.lists - lists == found.looks - lists
        made_up.set("/local/domain/3/memory/target", "30000")
        await found.look()
        assert len(made_up.asked) - asked <= 2 * 20 * READS_A_DOMAIN


async def test_a_host_without_xenstore(tmp_path: Path) -> None:
    found = Following(Tools(str(tmp_path)), lambda: None, (str(tmp_path / "none"),))
    await found.start(MadeUpXenstore().listed)
    assert found.missing["xenstore"].kind == "absent"
    await found.stop()


async def test_a_daemon_that_goes(made_up: MadeUpXenstore, tmp_path: Path) -> None:
    ended = asyncio.Event()
    store = Xenstore(lambda _path: None, ended.set)
    async with made_up.serving(tmp_path / "socket"):
        await store.connect([str(tmp_path / "socket")])
        assert await store.read("/none") is None
        assert await store.directory("/none") == ()
    async with asyncio.timeout(10):
        await ended.wait()
    with pytest.raises(BackendError, match="is gone"):
        await store.read("/none")
    await store.close()


def test_domains_of_the_hypercall() -> None:
    one = {
        "domid": 1,
        "handle": list(range(16)),
        "dying": 0,
        "shutdown": 0,
        "shutdown_reason": 0,
        "paused": 0,
        "cpupool": 0,
    }
    told = [one, one | {"domid": 2, "paused": 1}, one | {"domid": 3, "dying": 1}]
    told += [one | {"domid": 4 + why, "shutdown": 1, "shutdown_reason": why} for why in range(4)]
    found = domains.read_hypercall(told)
    uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f"
    off, saving, crashed = PowerState.SHUTTING_DOWN, PowerState.PAUSED, PowerState.CRASHED
    states = {1: PowerState.RUNNING, 2: PowerState.PAUSED, 4: off, 5: off, 6: saving, 7: crashed}
    assert found == tuple(Domain(number, uuid, state, 0) for number, state in states.items())
    with pytest.raises(BackendError, match="not installed"):
        hypervisor.found("/none/*")


def made_by_xl() -> VirtualMachine:
    domain = Domain(5, UUID, PowerState.RUNNING)
    disk, nic = Disk(target="xvda"), Nic(mac="00:16:3e:00:00:05")
    now = live.Live("five", "pvh", 65536, 131072, (0, 1), 2, (disk,), (nic,))
    return merging.of_xl(domain, now, {"b_info": {"sched_params": {"weight": 256, "cap": 0}}}, "x86_64")


def test_libvirts_definition_with_xens_present() -> None:
    known = replace(made_by_xl(), persistent=True)
    domain, present = Domain(5, UUID, PowerState.PAUSED), live.Live("five", disks=(Disk(target="xvdb"),))
    found = merging.merged(known, domain, present)
    assert (found.state, [disk.target for disk in found.current.disks]) == (
        PowerState.PAUSED,
        ["xvda", "xvdb"],
    )
    running = merging.merged(known, replace(domain, state=PowerState.RUNNING), present)
    assert [disk.target for disk in running.current.disks] == ["xvdb"]
    assert running.current.nics == ()
    assert merging.merged(known, replace(domain, number=6), present) is known


def test_what_xl_is_told_to_change() -> None:
    machine = made_by_xl()
    now = machine.current
    wanted = replace(
        now,
        cpu=replace(now.cpu, count=1, weight=512, cap_percent=50),
        memory=replace(now.memory, current_kib=40960),
    )
    assert xl.commands(machine, now) == []
    assert xl.commands(machine, wanted) == [
        ("mem-set", "5", "40960k"),
        ("vcpu-set", "5", "1"),
        ("sched-credit2", "-d", "5", "-w", "512", "-c", "50"),
    ]


async def test_what_xl_cannot_change_is_named(tmp_path: Path) -> None:
    machine = made_by_xl()
    wanted = replace(machine.current, disks=(), kernel="/other")
    with pytest.raises(BackendError, match="kernel") as caught:
        await xl.change(Tools(str(tmp_path)), machine, wanted)
    assert caught.value.kind == "unsupported"
