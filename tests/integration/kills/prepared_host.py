"""Serve a made-up host whose changes are kept in a file, and never end while one is being made.

`begin CALLS …` waits in each change; `end CALLS …` starts with all of them made, as if the host went on,
and `lose CALLS …` with none. What a server asks of the host is a line in CALLS, and in CALLS.again what one
asks that was started to see what became of it.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.cli.main import main
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.fake import FakeBackend, fake_name
from xencim.providers.backends.records import (
    Network,
    PoolState,
    SnapshotKind,
    SnapshotWish,
    StoragePool,
    Volume,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from xencim.providers.backends.inventory import Inventory

CHANGES = (
    *("control", "define", "undefine", "reconfigure", "set_autostart", "create_snapshot", "apply_snapshot"),
    *("delete_snapshot", "send_keys", "dump_core", "create_pool", "find_pool_sources", "delete_pool"),
    *("set_pool_active", "set_pool_autostart", "refresh_pool", "create_volume", "clone_volume"),
    *("delete_volume", "resize_volume", "wipe_volume", "write_content", "create_network"),
    *("reconfigure_network", "delete_network", "set_network_active", "set_network_autostart"),
    *("create_filter", "delete_filter", "set_filter_references"),
)
SNAPSHOTS = (11, 13, 15)
"""The machines that have a snapshot called base."""
UNFILTERED = 19
"""The machine whose interface has no filter."""
MODE, CALLS = sys.argv[1], Path(sys.argv[2])


def _watched(name: str, change: Callable[..., Any]) -> Callable[..., Any]:
    async def watched(host: FakeBackend, *arguments: Any, **more: Any) -> Any:  # noqa: ANN401 - as it is
        if host._inventory is None or not host._prepared:  # type: ignore[attr-defined]
            return await change(host, *arguments, **more)
        plain = [None if callable(one) or hasattr(one, "__anext__") else one for one in arguments]
        path = CALLS if MODE == "begin" else CALLS.with_suffix(".again")
        with path.open("ab") as calls:
            calls.write(pickle.dumps((name, plain, more)).hex().encode() + b"\n")
        if MODE == "begin":
            await asyncio.Event().wait()
        return await change(host, *arguments, **more)

    return watched


async def _prepare(host: FakeBackend) -> None:
    view = host._inventory.view  # type: ignore[union-attr]
    for number in SNAPSHOTS:
        machine = view.machine_named(fake_name(number))
        assert machine is not None
        await host.create_snapshot(machine.uuid, SnapshotWish(name="base", kind=SnapshotKind.FULL))
        if number == SNAPSHOTS[0]:
            await host.create_snapshot(machine.uuid, SnapshotWish(name="later", kind=SnapshotKind.FULL))
    for name in ("started", "stopped", "plain", "left", "emptied"):
        pool = StoragePool(name=name, uuid="", type="dir", state=PoolState.INACTIVE, target_path=f"/{name}")
        await host.create_pool(pool)
    await host.set_pool_active("stopped", active=False)
    for name in ("copied", "gone", "grown", "wiped", "written"):
        await host.create_volume(Volume(pool="default", name=name, capacity_bytes=1 << 20))
    for name in ("running", "plain", "left", "changed"):
        one = Network(name=name, uuid="", active=False, autostart=False)
        await host.create_network(one, start=name == "running")
    free = view.machine_named(fake_name(UNFILTERED))
    assert free is not None
    nics = tuple(replace(nic, filter_ref=None) for nic in free.current.nics)
    config = replace(free.current, nics=nics)
    await host.reconfigure(free.uuid, current=config, stored=config)
    for name in ("outer", "left"):
        await host.create_filter(name, uuid=None, chain="root", priority=None)


async def _make_all(host: FakeBackend, calls: str) -> None:
    for line in calls.splitlines():
        name, arguments, more = pickle.loads(bytes.fromhex(line))  # noqa: S301 - written above
        if name != "write_content":
            try:
                await getattr(host, name)(*arguments, **more)
            except BackendError as error:
                if name != "find_pool_sources":
                    raise AssertionError(f"{name}: {error}") from error


async def _start(host: FakeBackend, inventory: Inventory) -> None:
    host._prepared = False  # type: ignore[attr-defined]
    await _really_start(host, inventory)
    await _prepare(host)
    if MODE == "end":
        await _make_all(host, await asyncio.to_thread(CALLS.read_text))
    host._prepared = True  # type: ignore[attr-defined]


_really_init, _really_start = FakeBackend.__init__, FakeBackend.start


def _init(host: FakeBackend, *arguments: Any, **more: Any) -> None:  # noqa: ANN401 - as it is
    _really_init(host, *arguments, **more)
    host.prefix = "KVM"  # it has network filters


if __name__ == "__main__":
    for name, own in (("__init__", _init), ("start", _start)):
        setattr(FakeBackend, name, own)
    for change in CHANGES:
        setattr(FakeBackend, change, _watched(change, getattr(FakeBackend, change)))
    sys.exit(main(sys.argv[3:]))
