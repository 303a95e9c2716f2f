"""Volumes' content by way of the rules for it, on a made-up host: rights, room, users, other jobs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.core.access import Principal
from xencim.providers.core.errors import CimError, Status
from xencim.providers.storage.content import Content, open_content

from .storage_world import MACHINE_DISK, STOPPED_DISK, VIRT, Storage, running, volume_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Principal("root")


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    async with running() as found:
        yield found


async def content(storage: Storage, name: str = "v", who: Principal = ROOT) -> Content:
    return await open_content(storage.world.engine, VIRT, f"default/{name}", who)


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


async def read(found: Content, offset: int, length: int) -> bytes:
    return b"".join([piece async for piece in found.read(offset, length)])


async def test_what_is_written_is_read_and_the_rest_is_zero(storage: Storage) -> None:
    await storage.create_volume(VolumeName="v", Capacity=200_000)
    found = await content(storage)
    assert found.size == 200_000
    await found.write(65_530, 10, pieces(b"0123", b"456789"))
    assert await read(found, 65_520, 30) == bytes(10) + b"0123456789" + bytes(10)
    assert await read(found, 199_990, 100) == bytes(10)
    assert (await storage.call(volume_path("v"), "Clone", VolumeName="w")).return_value == 0
    assert await read(await content(storage, "w"), 65_530, 10) == b"0123456789"
    assert (await storage.call(volume_path("v"), "Wipe")).return_value == 0
    assert await read(found, 65_530, 10) == bytes(10)


@pytest.mark.parametrize("group", ["xencim", "other"])
async def test_only_administrators_read_and_write(storage: Storage, group: str) -> None:
    with pytest.raises(CimError) as caught:
        await content(storage, STOPPED_DISK, Principal("somebody", frozenset({group})))
    assert caught.value.status is Status.ACCESS_DENIED


async def test_what_is_not_there_is_named(storage: Storage) -> None:
    with pytest.raises(CimError) as caught:
        await content(storage, "none")
    assert (caught.value.status, caught.value.message) == (
        Status.NOT_FOUND,
        "there is no content of volume 'default/none' in root/virt",
    )


async def test_a_raw_volume_takes_no_more_than_it_holds(storage: Storage) -> None:
    await storage.create_volume(VolumeName="v", Capacity=10)
    found = await content(storage)
    for offset, length, given in ((0, 11, b""), (5, 6, b""), (0, None, b"12345678901")):
        with pytest.raises(CimError, match="volume 'default/v' has 10 bytes: it does not hold 11") as caught:
            await found.write(offset, length, pieces(given))
        assert caught.value.status is Status.INVALID_PARAMETER
    assert await read(found, 0, 10) == bytes(10)


async def test_a_running_machine_s_disk_is_neither_read_nor_written(storage: Storage) -> None:
    found = await content(storage, MACHINE_DISK)
    text = f"volume 'default/{MACHINE_DISK}' is in use: it is disk xvda of machine 'vm-00000'"
    with pytest.raises(CimError, match=text):
        await found.demand_still()
    with pytest.raises(CimError, match=text):
        await found.write(0, 1, pieces(b"x"))


async def test_another_job_s_volume_is_left_alone(storage: Storage) -> None:
    await storage.create_volume(VolumeName="v", Capacity=10)
    found = await content(storage)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        began.set()
        await go_on.wait()
        yield b"x"

    writing = asyncio.create_task(found.write(0, 1, slow()))
    await began.wait()
    with pytest.raises(CimError, match="volume 'default/v' is in use: another job works on it"):
        await found.write(0, 1, pieces(b"y"))
    go_on.set()
    await writing
    assert await read(found, 0, 1) == b"x"


async def test_what_the_hypervisor_says_is_told(storage: Storage) -> None:
    await storage.create_volume(VolumeName="v", Capacity=10)

    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise BackendError("unsupported", "this pool's volumes are not written")

    with pytest.raises(CimError, match="this pool's volumes are not written") as caught:
        await (await content(storage)).write(0, 2, broken())
    assert caught.value.status is Status.NOT_SUPPORTED
