"""How clients make and delete filter lists.

A new list is empty: what it does is that of the lists that are nested in it. A list that a machine has, or
that is nested in another, is not deleted.

Source: libvirt-cim's CreateInstance and DeleteInstance of FilterList.
Errors: CimError INVALID_PARAMETER, ALREADY_EXISTS, NOT_SUPPORTED, FAILED (in use, and what the hypervisor
refuses).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

from xencim.providers.backends.records import NetworkFilter
from xencim.providers.core.access import Access
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.spec import Writes
from xencim.providers.network.filters.working import LIST_CHANGED, do, queue

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import View
    from xencim.providers.core.spec import InstanceChange, Keys, Row

CLASS = "FilterList"
_LEAST, _MOST = -1000, 1000


async def _create_list(change: InstanceChange) -> Keys:
    values: dict[str, Any] = {name: value for name, value in change.values.items() if value is not None}
    name, chain = values.pop("name", ""), values.pop("chain", "root")
    identity, priority = values.pop("instanceid", None), values.pop("priority", None)
    if not name or "/" in name:  # libvirt makes it part of a file's path
        raise CimError(Status.INVALID_PARAMETER, "a filter list needs a Name, without a slash")
    host = change.context.view.host
    keys: dict[str, str] = {
        "SystemCreationClassName": f"{host.prefix}_HostSystem",
        "SystemName": host.name,
        "CreationClassName": f"{host.prefix}_{CLASS}",
        "Name": name,
    }
    fixed = {key.lower(): value for key, value in keys.items()} | {"elementname": name, "direction": 0}
    for given, value in values.items():
        if str(fixed.get(given)).lower() != str(value).lower():
            raise CimError(Status.INVALID_PARAMETER, f"{given} of a new filter list cannot be {value!r}")
    if priority is not None and not _LEAST <= priority <= _MOST:
        raise CimError(Status.INVALID_PARAMETER, f"Priority is from {_LEAST} to {_MOST}, not {priority}")
    own = _uuid(identity)
    if change.context.view.get(NetworkFilter, name):
        raise CimError(Status.ALREADY_EXISTS, f"there is a filter list {name!r} already")

    async def work(_view: View) -> None:
        await change.backend.create_filter(name, uuid=own, chain=chain, priority=priority)

    facts = {"list": name, "there": str(True)}
    await do(change, f"making filter list {name!r}", queue(name), work, kind=LIST_CHANGED, facts=facts)
    return keys


def _uuid(text: str | None) -> str | None:
    try:
        return None if text is None else str(uuid.UUID(text))
    except ValueError:
        raise CimError(Status.INVALID_PARAMETER, f"InstanceID is a UUID, not {text!r}") from None


async def _delete_list(change: InstanceChange) -> None:
    name = cast("Row", change.row)[0].name

    async def work(view: View) -> None:
        users = [f"machine {machine.name}" for machine in view.machines_by("filter", name)]
        users += [f"filter list {outer.name}" for outer in view.filters_by("refers to", name)]
        if users:
            raise CimError(Status.FAILED, f"filter list {name!r} is in use: {', '.join(users)}")
        await change.backend.delete_filter(name)

    facts = {"list": name, "there": str(False)}
    await do(change, f"deleting filter list {name!r}", queue(name), work, kind=LIST_CHANGED, facts=facts)


WRITES = Writes(Access.ADMIN, create=_create_list, delete=_delete_list)
