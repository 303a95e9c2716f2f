"""Machines kept for the next server: all that is told of them comes back, secrets do not."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from xencim.providers.backends.fake import fake_machine
from xencim.providers.backends.records import (
    Graphics,
    MachineOperation,
    PowerState,
    Snapshot,
    SnapshotKind,
)
from xencim.providers.events.kept import packed, unpacked
from xencim.providers.events.sources import Seen


@pytest.mark.parametrize("number", range(6))
def test_what_is_kept_comes_back(number: int) -> None:
    machine = fake_machine(number)
    taken = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    snapshot = Snapshot(name="before", kind=SnapshotKind.DISK, config=machine.current, created=taken)
    whole = replace(machine, snapshots=(snapshot,), state=PowerState.PAUSED, no_contact_since=taken)
    asked = MachineOperation(machine=machine.uuid, requested_state=3, in_progress=True)
    for seen in (Seen(machine, None), Seen(whole, asked)):
        assert unpacked(packed(seen)) == seen


def test_secrets_are_not_kept() -> None:
    machine = fake_machine(0)
    secret = replace(machine.current, graphics=(Graphics(type="vnc", password="hidden"),))
    seen = Seen(replace(machine, current=secret), None)
    assert b"hidden" not in zlib.decompress(packed(seen))
    assert unpacked(packed(seen)).machine.current.graphics == (Graphics(type="vnc"),)


@pytest.mark.parametrize(
    "plain",
    [[], [{"": "Unknown"}, None], [{"": "VirtualMachine", "odd": 1}, None], [{"": "Vcpu", "index": 1}, None]],
)
def test_what_another_version_kept_is_told_so(plain: object) -> None:
    with pytest.raises(ValueError, match=r"kept|unpack"):
        unpacked(zlib.compress(json.dumps(plain).encode()))


def test_bytes_that_are_none_of_ours_are_told_so() -> None:
    with pytest.raises(ValueError, match="another version"):
        unpacked(b"x")
