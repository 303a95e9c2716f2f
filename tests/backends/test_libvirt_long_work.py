"""Long work on a real QEMU guest: how far it is, and that it can be given up."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Action, PowerState, VirtualMachine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from tests.conftest import Libvirtd

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")
pytestmark = pytest.mark.libvirtd

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"
Until: TypeAlias = "Callable[..., Awaitable[None]]"

UUID = "20000000-0000-4000-8000-0000000000a0"
MIB = 1024 * 1024
# Memory that is all zero is saved at once: some of it is filled with noise.
NOISE_MIB = 256
GUEST = """<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
<name>noisy</name><uuid>{uuid}</uuid><memory unit='MiB'>512</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices/>
<qemu:commandline><qemu:arg value='-device'/>
<qemu:arg value='loader,file={noise},addr=0x4000000,force-raw=on'/></qemu:commandline></domain>"""


@pytest.fixture
def guest(libvirtd: Libvirtd, tmp_path: Path) -> Iterator[None]:
    """A guest that runs and takes a while to save."""
    noise = tmp_path / "noise"
    with noise.open("wb") as file:
        for _ in range(NOISE_MIB):
            file.write(os.urandom(MIB))
    (tmp_path / "noisy.xml").write_text(GUEST.format(uuid=UUID, noise=noise))
    libvirtd.virsh("define", str(tmp_path / "noisy.xml"))
    libvirtd.virsh("start", UUID)
    yield
    if UUID in libvirtd.virsh("list", "--uuid"):
        libvirtd.virsh("destroy", UUID)
    libvirtd.virsh("undefine", UUID, "--managed-save")


@pytest.mark.usefixtures("guest")
async def test_a_save_tells_how_far_it_is_and_can_be_given_up(
    backends: Start, libvirtd: Libvirtd, until: Until
) -> None:
    backend, inventory = await backends(libvirtd.uri)
    save = asyncio.create_task(backend.control(UUID, Action.SAVE, None))
    percents = set()
    while not save.done():
        percents.add(await backend.percent_done(UUID))
        # Until it has begun there is nothing to give up.
        with suppress(BackendError):
            await backend.abort(UUID)
    assert percents <= {None, *range(101)}
    with pytest.raises(BackendError) as caught:
        await save
    assert caught.value.kind == "failed"
    assert "cancel" in caught.value.message
    await until(inventory, lambda view: view.all(VirtualMachine)[UUID].state is PowerState.RUNNING)


@pytest.mark.usefixtures("guest")
async def test_where_nothing_goes_on_there_is_nothing_to_give_up(backends: Start, libvirtd: Libvirtd) -> None:
    backend, _ = await backends(libvirtd.uri)
    assert await backend.percent_done(UUID) is None
    with pytest.raises(BackendError) as caught:
        await backend.abort(UUID)
    assert caught.value.kind == "invalid_state"


async def test_a_driver_without_it_says_so(backends: Start) -> None:
    backend, inventory = await backends("test:///default")
    [uuid] = inventory.view.all(VirtualMachine)
    assert await backend.percent_done(uuid) is None
    with pytest.raises(BackendError) as caught:
        await backend.abort(uuid)
    assert caught.value.kind == "unsupported"
