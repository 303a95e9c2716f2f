"""Snapshots of libvirt's test driver: read with their machines, in order, and changed by the backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import (
    Action,
    GuestAccess,
    PowerState,
    SnapshotKind,
    SnapshotWish,
    VirtualMachine,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from xencim.providers.backends.inventory import Inventory
    from xencim.providers.backends.libvirt import LibvirtBackend

libvirt = pytest.importorskip("libvirt", reason="libvirt's Python binding is not installed")

Start: TypeAlias = "Callable[..., Awaitable[tuple[LibvirtBackend, Inventory]]]"

UUID = "50000000-0000-4000-8000-000000000001"


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """A host with one machine."""
    path = tmp_path / "host.xml"
    path.write_text(
        f"<node><domain type='test'><name>v</name><uuid>{UUID}</uuid><memory>65536</memory>"
        "<vcpu>1</vcpu><os><type>hvm</type></os></domain></node>"
    )
    return f"test://{path}"


def full(name: str, **more: bool) -> SnapshotWish:
    return SnapshotWish(name=name, kind=SnapshotKind.FULL, description=f"<{name}> & more", **more)


def machine(inventory: Inventory) -> VirtualMachine:
    return inventory.view.all(VirtualMachine)[UUID]


async def refused(call: Awaitable[None]) -> tuple[str, str]:
    with pytest.raises(BackendError) as caught:
        await call
    return caught.value.kind, caught.value.message


async def test_the_driver_says_what_it_takes(backends: Start, uri: str) -> None:
    _backend, inventory = await backends(uri)
    assert inventory.view.host.snapshot_kinds == (SnapshotKind.FULL,)
    # It dumps, but not memory alone.
    assert inventory.view.host.guest_access == (
        GuestAccess.SCREENSHOT,
        GuestAccess.KEYS,
        GuestAccess.DUMP,
    )
    assert machine(inventory).snapshots == ()


async def test_snapshots_come_go_and_are_returned_to(backends: Start, uri: str) -> None:
    backend, inventory = await backends(uri)
    for name in ("z", "a"):
        await backend.create_snapshot(UUID, full(name))
    now = machine(inventory)
    assert [(one.name, one.kind, one.parent, one.description) for one in now.snapshots] == [
        ("z", SnapshotKind.FULL, None, "<z> & more"),
        ("a", SnapshotKind.FULL, "z", "<a> & more"),
    ]
    assert now.snapshots[0].config.memory.maximum_kib == 65536
    assert (now.current_snapshot, now.applied_snapshot) == ("a", None)
    await backend.control(UUID, Action.DESTROY, 10)
    await backend.apply_snapshot(UUID, "z")
    now = machine(inventory)
    assert (now.state, now.current_snapshot, now.applied_snapshot) == (PowerState.RUNNING, "z", "z")
    await backend.create_snapshot(UUID, full("b"))
    now = machine(inventory)
    assert (now.snapshots[2].parent, now.current_snapshot, now.applied_snapshot) == ("z", "b", "z")
    await backend.delete_snapshot(UUID, "z")
    assert {one.name: one.parent for one in machine(inventory).snapshots} == {"a": None, "b": None}
    assert machine(inventory).applied_snapshot is None
    await backend.delete_snapshot(UUID, "a", with_descendants=True)
    assert [one.name for one in machine(inventory).snapshots] == ["b"]


async def test_one_taken_of_a_machine_that_then_ends(backends: Start, uri: str) -> None:
    backend, inventory = await backends(uri)
    await backend.create_snapshot(UUID, full("last", then_off=True))
    now = machine(inventory)
    assert (now.state, [one.kind for one in now.snapshots]) == (PowerState.SHUT_OFF, [SnapshotKind.FULL])
    assert (await refused(backend.create_snapshot(UUID, full("again", then_off=True))))[0] == "invalid_state"
    await backend.create_snapshot(UUID, full("off"))
    assert machine(inventory).snapshots[1].kind is SnapshotKind.DISK


async def test_what_cannot_be_done_is_named(backends: Start, uri: str) -> None:
    backend, inventory = await backends(uri)
    await backend.create_snapshot(UUID, full("one"))
    before = machine(inventory)
    assert await refused(backend.create_snapshot(UUID, full("one"))) == (
        "exists",
        "v has a snapshot 'one' already",
    )
    for is_quiesced in (False, True):
        wanted = SnapshotWish(name="two", kind=SnapshotKind.DISK, quiesced=is_quiesced)
        kind, message = await refused(backend.create_snapshot(UUID, wanted))
        assert (kind, message[:16]) == ("unsupported", "Test by libvirt:")
    assert (await refused(backend.apply_snapshot(UUID, "two")))[0] == "not_found"
    assert (await refused(backend.delete_snapshot(UUID, "two")))[0] == "not_found"
    assert machine(inventory) == before


async def test_what_others_did_shows_with_the_next_reading(backends: Start, uri: str) -> None:
    backend, inventory = await backends(uri)
    await backend.create_snapshot(UUID, full("one"))
    session, _mirror = backend._connected()  # the file's host is this connection's own
    domain = session.connection.lookupByUUIDString(UUID)
    for name in ("two", "three"):
        domain.snapshotCreateXML(f"<domainsnapshot><name>{name}</name></domainsnapshot>", 0)
    domain.revertToSnapshot(domain.snapshotLookupByName("two"), 0)
    await backend.resync()
    now = machine(inventory)
    assert [one.name for one in now.snapshots] == ["one", "two", "three"]
    assert (now.current_snapshot, now.applied_snapshot) == ("two", "two")
    parses = now.snapshots
    await backend.resync()
    assert all(old is new for old, new in zip(parses, machine(inventory).snapshots, strict=True))
