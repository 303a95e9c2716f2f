"""What libvirt's test driver can do with guests, and how it says what it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import DumpWish, VirtualMachine, Volume

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"
DUMP = Volume(pool="default-pool", name="core")


async def test_pictures_and_keys(backends: Start) -> None:
    backend, inventory = await backends("test:///default")
    [uuid] = inventory.view.all(VirtualMachine)
    picture = await backend.screenshot(uuid, 0)
    assert (picture.media_type, picture.data[:4]) == ("image/png", b"\x89PNG")
    await backend.send_keys(uuid, "linux", (30,), 20)


@pytest.mark.parametrize(
    ("wanted", "kind", "text"),
    [
        (DumpWish(), "unsupported", "Test by libvirt: unsupported flags"),
        # The driver's pools are on no disk.
        (DumpWish(memory_only=False), "failed", "domain 'test' coredump: failed to open"),
    ],
)
async def test_a_dump_that_fails_leaves_no_volume(
    backends: Start, wanted: DumpWish, kind: str, text: str
) -> None:
    backend, inventory = await backends("test:///default")
    [uuid] = inventory.view.all(VirtualMachine)
    with pytest.raises(BackendError) as caught:
        await backend.dump_core(uuid, DUMP, wanted)
    assert (caught.value.kind, caught.value.message[: len(text)]) == (kind, text)
    assert DUMP.key not in inventory.view.all(Volume)
