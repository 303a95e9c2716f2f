"""What is told of work on storage that a server's end interrupted: what the hypervisor shows now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xencim.providers.backends.inventory import Inventory
from xencim.providers.backends.records import PoolState, StoragePool, Volume
from xencim.providers.storage import work

POOL = StoragePool(name="p", uuid="u", type="dir", state=PoolState.RUNNING, autostart=True)
VOLUME = Volume(pool="p", name="v", capacity_bytes=7)


@pytest.mark.parametrize(
    ("kind", "facts", "found"),
    [
        (work.POOL_MADE, {"pool": "p"}, None),
        (work.POOL_MADE, {"pool": "q"}, "there is no storage pool 'q'"),
        (
            work.POOL_MADE,
            {"pool": "q", "build": "new"},
            "there is no storage pool 'q'; what was on its devices may be lost",
        ),
        (
            work.POOL_MADE,
            {"pool": "off", "build": "new"},
            "storage pool 'off' is there, but was not started; what was on its devices may be lost",
        ),
        (work.POOL_MADE, {"pool": "off"}, "storage pool 'off' is there, but was not started"),
        (work.POOL_EMPTIED, {"pool": "q"}, None),
        (
            work.POOL_EMPTIED,
            {"pool": "p"},
            "storage pool 'p' is still there; some of its content may be deleted",
        ),
        (work.POOL_GONE, {"pool": "q"}, None),
        (work.POOL_GONE, {"pool": "p"}, "storage pool 'p' is still there"),
        (work.POOL_STATE, {"pool": "p", "active": "True"}, None),
        (work.POOL_STATE, {"pool": "p", "active": "False"}, "storage pool 'p' is running"),
        (work.POOL_STATE, {"pool": "q", "active": "True"}, "there is no storage pool 'q'"),
        (work.POOL_AUTOSTART, {"pool": "p", "autostart": "True"}, None),
        (work.POOL_AUTOSTART, {"pool": "p", "autostart": "False"}, "storage pool 'p' was not changed"),
        (work.POOL_AUTOSTART, {"pool": "q", "autostart": "False"}, "storage pool 'q' was not changed"),
        (work.POOL_READ, {"pool": "p"}, "whether storage pool 'p' was looked at anew cannot be told"),
        (work.POOL_SOURCES, {}, "nothing was changed; ask again"),
        (work.VOLUME_MADE, {"volume": "p/v"}, None),
        (work.VOLUME_MADE, {"volume": "p/w"}, "there is no volume 'p/w'"),
        (work.VOLUME_COPIED, {"volume": "p/w"}, "there is no volume 'p/w'"),
        (
            work.VOLUME_COPIED,
            {"volume": "p/v"},
            "volume 'p/v' is there; whether its content is whole cannot be told",
        ),
        (work.VOLUME_GONE, {"volume": "p/w"}, None),
        (work.VOLUME_GONE, {"volume": "p/v"}, "volume 'p/v' is still there"),
        (work.VOLUME_SIZE, {"volume": "p/v", "capacity": "7"}, None),
        (work.VOLUME_SIZE, {"volume": "p/v", "capacity": "8"}, "volume 'p/v' was not made larger"),
        (work.VOLUME_WIPED, {"volume": "p/v"}, "how far volume 'p/v' was overwritten cannot be told"),
        (
            work.VOLUME_WRITTEN,
            {"volume": "p/v"},
            "how much of the content of volume 'p/v' was written cannot be told; send it again",
        ),
    ],
)
def test_what_became_of_it(kind: str, facts: dict[str, str], found: str | None) -> None:
    inventory = Inventory()
    inventory.put(POOL)
    inventory.put(replace(POOL, name="off", state=PoolState.INACTIVE))
    inventory.put(VOLUME)
    assert work.RECONCILERS[kind](inventory.view, facts) == found


def test_each_kind_of_work_can_be_looked_at() -> None:
    kinds = {value for name, value in vars(work).items() if name.startswith(("POOL_", "VOLUME_"))}
    assert set(work.RECONCILERS) == kinds
