"""What a snapshot keeps of its machine's resources, found from both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xencim.providers.backends.records import SnapshotKind, SnapshotWish
from xencim.providers.core.spec import Context
from xencim.providers.management.given import told
from xencim.providers.snapshots import settings, snapshot

from ..management.management_world import Host, managing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MACHINE = "vm-00000"


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with managing() as made:
        yield made


async def test_a_snapshot_keeps_the_settings_of_resources(host: Host) -> None:
    uuid = host.machine(MACHINE).uuid
    name = "a;snapshot/b"
    await host.site.backend.create_snapshot(uuid, SnapshotWish(name=name, kind=SnapshotKind.FULL))
    await host.modify("mem", f"{MACHINE}/mem", VirtualQuantity=512 * 1024)
    context = Context(host.view, host.view)
    [taken] = snapshot.SPEC.rows.all(context)
    ids = {}
    for spec, link in zip(settings.SPECS, settings.LINKS, strict=True):
        rows = list(link.rights_of(context, taken))
        assert rows == list(spec.rows.all(context))
        for row in rows:
            instance_id = told(spec, row, "InstanceID")
            assert spec.rows.find(context, {"instanceid": str(instance_id)}) == row
            assert [*link.lefts_of(context, row)] == [taken]
            assert told(spec, row, "ChangeableType") == 0
            ids[instance_id] = told(spec, row, "VirtualQuantity")
    assert ids == {
        f"{MACHINE}/{part};snapshot/{name}": quantity
        for part, quantity in {
            "proc": 1,
            "mem": 1024 * 1024,
            "xvda": 20 * 1024**3,
            "hdc": None,
            "00:16:3e:00:00:00": 1,
            "vnc": 1,
            "mouse:xen": 1,
            "keyboard:xen": 1,
            "charconsole:0": 1,
            "controller:xenbus:0": 1,
        }.items()
    }
    find = settings.SPECS[1].rows.find
    assert find(context, {"instanceid": f"{MACHINE}/mem;snapshot/none"}) is None
    assert find(context, {"instanceid": f"{MACHINE}/mem"}) is None
    refused = await host.modify_refused("mem", f"{MACHINE}/mem;snapshot/{name}", VirtualQuantity=1)
    assert refused[1].startswith("there is no Xen_MemResourceAllocationSettingData with InstanceID")
