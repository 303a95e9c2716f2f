"""Machines as bytes, so that what changes while no server runs can be told by the next one.

JSON of the records, defaults left out. Secrets are write-only and not among what is told: none is kept.

Errors: ValueError where bytes are not of this version's records.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from xencim.providers.backends import records
from xencim.providers.backends.records import MachineOperation, VirtualMachine
from xencim.providers.events.sources import Seen

_KIND, _VALUE = "", "is"  # neither can be a field's name
_SECRET = "password"  # noqa: S105 - a field's name
_COMPRESSION = 1


def packed(seen: Seen) -> bytes:
    """Return a machine and what was asked of it."""
    plain = [_plain(seen.machine), _plain(seen.operation)]
    return zlib.compress(json.dumps(plain, separators=(",", ":")).encode(), _COMPRESSION)


def unpacked(raw: bytes) -> Seen:
    """Return what was packed."""
    try:
        machine, operation = _record(json.loads(zlib.decompress(raw)))
    except (zlib.error, TypeError, KeyError) as error:
        raise ValueError(f"a machine was kept by another version: {error}") from error
    if not isinstance(machine, VirtualMachine) or not isinstance(operation, MachineOperation | None):
        raise ValueError("what was kept is no machine")  # noqa: TRY004 - of the bytes' content
    return Seen(machine, operation)


def _plain(value: Any) -> Any:  # noqa: ANN401 - anything that records hold
    if is_dataclass(value):
        held = ((f.name, f.default, getattr(value, f.name)) for f in fields(value) if f.name != _SECRET)
        return {
            _KIND: type(value).__name__,
            **{name: _plain(one) for name, default, one in held if one != default},
        }
    if isinstance(value, Enum):
        return {_KIND: type(value).__name__, _VALUE: value.value}
    if isinstance(value, datetime):
        return {_KIND: "datetime", _VALUE: value.isoformat()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"records hold no {type(value).__name__}")


def _record(plain: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(plain, list):
        return tuple(map(_record, plain))
    if not isinstance(plain, dict):
        return plain
    kind = plain.pop(_KIND)
    if kind == "datetime":
        return datetime.fromisoformat(plain[_VALUE])
    made = getattr(records, kind, None)
    if made is None:
        raise KeyError(kind)
    return made(plain[_VALUE]) if _VALUE in plain else made(**{k: _record(v) for k, v in plain.items()})
