"""Pictures, keys, dumps and passwords of a real QEMU guest; virsh and the files say what became of them."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    Action,
    AfterDump,
    CpuAllocation,
    DumpFormat,
    DumpWish,
    Graphics,
    GuestAccess,
    MachineConfig,
    MemoryAllocation,
    PoolState,
    PowerState,
    StoragePool,
    VirtualMachine,
    Volume,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = pytest.mark.libvirtd

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"
Guest: TypeAlias = "tuple[LibvirtBackend, Inventory]"

UUID = "50000000-0000-4000-8000-000000000007"
DUMP = Volume(pool="dumps", name="guest.core")
VNC = Graphics(type="vnc", listen="127.0.0.1", port=-1, autoport=True)


@pytest.fixture
async def guest(backends: Start, libvirtd: Libvirtd, tmp_path: Path) -> AsyncIterator[Guest]:
    """A guest with a display that runs (its firmware), and a pool; nothing of them stays."""
    backend, inventory = await backends(libvirtd.uri)
    config = MachineConfig(
        cpu=CpuAllocation(count=1, maximum=1),
        memory=MemoryAllocation(current_kib=65536, maximum_kib=65536),
        domain_type="qemu",
        machine="pc",
        graphics=(replace(VNC, password="first"),),
    )
    await backend.define("g1", config, uuid=UUID)
    await backend.create_pool(
        StoragePool(
            name="dumps", uuid="", type="dir", state=PoolState.RUNNING, target_path=str(tmp_path / "dumps")
        )
    )
    await backend.control(UUID, Action.START, 30)
    yield backend, inventory
    if machine(inventory).state.is_active:
        await backend.control(UUID, Action.DESTROY, 10)
    await backend.undefine(UUID)
    await backend.delete_pool("dumps")


def machine(inventory: Inventory) -> VirtualMachine:
    return inventory.view.all(VirtualMachine)[UUID]


async def refused(call: Awaitable[object]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value.kind, caught.value.message


async def test_the_screen_is_a_picture_and_keys_are_pressed(guest: Guest) -> None:
    backend, inventory = guest
    await backend.resync()
    assert inventory.view.host.guest_access == tuple(GuestAccess)
    picture = await backend.screenshot(UUID, 0)
    assert (picture.media_type, picture.data[:8]) == ("image/png", b"\x89PNG\r\n\x1a\n")
    kind, message = await refused(backend.screenshot(UUID, 7))
    assert (kind, "screen" in message) == ("invalid_state", True)
    await backend.send_keys(UUID, "linux", (42, 30), 20)
    await backend.send_keys(UUID, "win32", (13,), 20)
    assert await refused(backend.send_keys(UUID, "morse", (1,), 20)) == (
        "invalid",
        "libvirt knows no set of key codes 'morse'",
    )


@pytest.mark.parametrize(
    ("wanted", "magic"),
    [
        (DumpWish(), b"\x7fELF"),
        (DumpWish(format=DumpFormat.KDUMP_ZLIB, live=True), b"makedumpfile"),
        (DumpWish(memory_only=False), b"QEVM"),
    ],
)
async def test_memory_is_dumped_into_a_volume(
    guest: Guest, libvirtd: Libvirtd, tmp_path: Path, wanted: DumpWish, magic: bytes
) -> None:
    backend, inventory = guest
    await backend.dump_core(UUID, DUMP, wanted)
    volume = inventory.view.all(Volume)[DUMP.key]
    file = tmp_path / "dumps" / DUMP.name
    assert volume.path == str(file)
    assert file.read_bytes()[: len(magic)] == magic
    assert volume.capacity_bytes == file.stat().st_size
    assert libvirtd.virsh("domstate", UUID).strip() == "running"
    assert (await refused(backend.dump_core(UUID, DUMP, wanted)))[0] == "exists"
    assert file.stat().st_size == volume.capacity_bytes
    await backend.delete_volume(volume)


async def test_a_machine_may_be_off_after_its_dump(guest: Guest, libvirtd: Libvirtd) -> None:
    backend, inventory = guest
    await backend.dump_core(UUID, DUMP, DumpWish(afterwards=AfterDump.OFF))
    assert libvirtd.virsh("domstate", UUID, "--reason").strip() == "shut off (crashed)"
    assert not machine(inventory).state.is_active
    assert (await refused(backend.dump_core(UUID, replace(DUMP, name="b"), DumpWish())))[0] == "invalid_state"
    assert libvirtd.virsh("vol-list", "dumps").split()[0] == DUMP.name
    await backend.delete_volume(inventory.view.all(Volume)[DUMP.key])
    assert machine(inventory).state in {PowerState.SHUT_OFF, PowerState.CRASHED}


async def test_a_password_is_set_at_once_and_for_the_next_start_and_never_read(
    guest: Guest, libvirtd: Libvirtd
) -> None:
    backend, inventory = guest
    before = machine(inventory)
    assert before.stored is not None
    assert [display.password for display in before.current.graphics] == [None]
    wanted = tuple(replace(display, password="other") for display in before.current.graphics)
    stored = tuple(replace(display, password="other") for display in before.stored.graphics)
    await backend.reconfigure(
        UUID,
        current=replace(before.current, graphics=wanted),
        stored=replace(before.stored, graphics=stored),
    )
    for options in ((), ("--inactive",)):
        assert "passwd='other'" in libvirtd.virsh("dumpxml", UUID, "--security-info", *options)
        assert "passwd" not in libvirtd.virsh("dumpxml", UUID, *options)
    after = machine(inventory)
    assert after.stored is not None
    assert [one.password for one in (*after.current.graphics, *after.stored.graphics)] == [None, None]
    assert "other" not in repr(wanted)
    plain = replace(after.stored, description="changed", graphics=after.stored.graphics)
    await backend.reconfigure(UUID, stored=plain)
    assert "passwd='other'" in libvirtd.virsh("dumpxml", UUID, "--security-info", "--inactive")
    gone = tuple(replace(display, password="") for display in after.stored.graphics)
    await backend.reconfigure(UUID, stored=replace(plain, graphics=gone))
    assert "passwd" not in libvirtd.virsh("dumpxml", UUID, "--security-info", "--inactive")


async def test_a_dump_that_is_given_up_leaves_no_volume(
    guest: Guest, libvirtd: Libvirtd, tmp_path: Path
) -> None:
    backend, inventory = guest
    await backend.control(UUID, Action.DESTROY, 10)
    large = MemoryAllocation(current_kib=4 * 1024**2, maximum_kib=4 * 1024**2)
    await backend.reconfigure(UUID, stored=replace(machine(inventory).current, memory=large))
    await backend.control(UUID, Action.START, 30)
    dump = asyncio.create_task(backend.dump_core(UUID, DUMP, DumpWish(memory_only=False)))
    # Who writes the file is stopped, so that the dump is surely under way when it is given up.
    writer = await asyncio.to_thread(stopped_writer, str(tmp_path / "dumps" / DUMP.name))
    aborted = asyncio.create_task(backend.abort(UUID))
    await asyncio.wait({aborted}, timeout=10)
    os.kill(writer, signal.SIGCONT)
    await aborted
    kind, message = await refused(dump)
    assert (kind, message) == ("failed", "operation aborted: job 'domain core dump' canceled by client")
    assert DUMP.key not in inventory.view.all(Volume)
    assert not (tmp_path / "dumps" / DUMP.name).exists()
    assert libvirtd.virsh("domstate", UUID).strip() == "running"


def stopped_writer(path: str) -> int:
    """Return libvirt's helper that writes a file, as soon as it is there, and stopped."""
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
                if words and words[0].endswith(b"libvirt_iohelper") and path.encode() in words:
                    os.kill(int(entry.name), signal.SIGSTOP)
                    return int(entry.name)
    raise AssertionError(f"nobody writes {path}")
