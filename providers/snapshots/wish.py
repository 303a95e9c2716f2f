"""What CreateSnapshot is asked for, read from its parameters.

Source: CIM_VirtualSystemSnapshotService.CreateSnapshot; libvirt-cim's types of snapshots.
Errors: CimError INVALID_PARAMETER, naming the property.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from xencim.mof.values import Instance
from xencim.providers.backends.records import SnapshotKind, SnapshotWish
from xencim.providers.core.errors import CimError, Status
from xencim.providers.management.given import differing, given

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.core.spec import ClassSpec, MethodCall
    from xencim.providers.management.given import Given

APPLICATION_CONSISTENT, CRASH_CONSISTENT = 2, 3  # ConsistencyLevel
MAX_NAME = 128
"""QEMU keeps 255 bytes of a name in an image, and file systems as many of a file's."""


@dataclass(frozen=True, slots=True)
class SnapshotType:
    """A value of SnapshotType; ``needs_memory``: it makes no sense of a machine that is off."""

    kind: SnapshotKind
    needs_memory: bool = False
    then_off: bool = False


TYPES: Mapping[int, SnapshotType] = {
    2: SnapshotType(SnapshotKind.FULL),
    3: SnapshotType(SnapshotKind.DISK),
    # libvirt-cim's: memory, and memory of a machine that ends then.
    32768: SnapshotType(SnapshotKind.FULL, needs_memory=True),
    32769: SnapshotType(SnapshotKind.FULL, needs_memory=True, then_off=True),
}


def wish(call: MethodCall, defaults: ClassSpec, snapshot_type: SnapshotType) -> SnapshotWish:
    """Return the snapshot that is wanted; one that is given no name is called by the time."""
    name, description, is_quiesced = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}", None, False
    instance = call.parameters.get("snapshotsettings")
    if isinstance(instance, Instance):
        asked = given("SnapshotSettings of CreateSnapshot", instance)
        wanted = differing(defaults, (call.inventory.view.host,), asked)
        for unknown in wanted.keys() - {"ElementName", "Description", "ConsistencyLevel"}:
            raise asked.refusal(unknown, "it cannot be chosen for a snapshot")
        if "ElementName" in wanted:
            name = _checked_name(asked)
        if "Description" in wanted:
            description = _checked_description(asked)
        is_quiesced = "ConsistencyLevel" in wanted and _is_quiesced(asked, snapshot_type)
    return SnapshotWish(
        name=name,
        kind=snapshot_type.kind,
        description=description,
        quiesced=is_quiesced,
        then_off=snapshot_type.then_off,
    )


def _checked_name(asked: Given) -> str:
    name = asked.text("ElementName") or ""
    if len(name.encode()) > MAX_NAME or "/" in name or name.startswith(".") or not _is_plain(name):
        raise asked.refusal(
            "ElementName",
            f"a snapshot's name has up to {MAX_NAME} bytes, no slash or control character, and no dot first",
        )
    return name


def _checked_description(asked: Given) -> str | None:
    description = asked.text("Description")
    if description is not None and not _is_plain(description, "\t\n\r"):
        raise asked.refusal("Description", "it holds control characters")
    return description


def _is_plain(text: str, allowed: str = "") -> bool:
    return all(character.isprintable() or character in allowed for character in text)


def _is_quiesced(asked: Given, snapshot_type: SnapshotType) -> bool:
    level = asked.number("ConsistencyLevel")
    if level != APPLICATION_CONSISTENT:
        raise asked.refusal("ConsistencyLevel", f"it cannot be {level}")
    if snapshot_type.kind is SnapshotKind.FULL:
        raise asked.refusal(
            "ConsistencyLevel", "a snapshot with memory keeps what is not on disk yet: no guest is quiesced"
        )
    return True


def asked_type(call: MethodCall) -> SnapshotType | None:
    """Return the type that is asked for, None where it means nothing here."""
    number = call.parameters.get("snapshottype")
    if number is None:
        raise CimError(Status.INVALID_PARAMETER, "method CreateSnapshot requires parameter SnapshotType")
    return TYPES.get(number) if isinstance(number, int) else None
